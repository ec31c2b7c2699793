package main

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	sigsyaml "sigs.k8s.io/yaml"
)

const (
	chartFolder = "deploy/helm/vsr-proxy"
	pools       = manifests + "pools"
)

// chartCase is a file of values, and the overlay that says the same, if one does.
type chartCase struct {
	values     string
	overlay    string
	components []string
}

func chartCases() []chartCase {
	return []chartCase{
		{"", extproc, nil},
		{"standalone", manifests + "overlays/standalone", nil},
		{"gateway", manifests + "overlays/gateway", nil},
		{"fail-closed", extproc, components("fail-closed")},
		{"tls", extproc, components("extproc-tls")},
		{"observed", extproc, components("monitoring", "autoscaling")},
		{"everything", "", nil},
		{"keyless", "", nil},
	}
}

func (c chartCase) render(root string) (objects, tests []*unstructured.Unstructured, err error) {
	file := ""
	if c.values != "" {
		file = filepath.Join(root, chartFolder, "ci", c.values+".yaml")
	}
	values, err := valuesFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return chart(filepath.Join(root, chartFolder), "vsr-proxy", "vsr-system", values)
}

// chartSets are the chart's renderings with what they stand among: the namespaces, the pools, the model servers. Where the
// chart makes an object that the pools bring too, it is the chart's that counts.
func chartSets(root string) ([]*set, error) {
	around, err := together(root, []string{pools, sim}, nil, []string{manifests + "namespaces.yaml"})
	if err != nil {
		return nil, err
	}
	var sets []*set
	for _, c := range chartCases() {
		objects, tests, err := c.render(root)
		if err != nil {
			return nil, err
		}
		s := &set{"chart with " + orElse(c.values, "its own values"), slices.Concat(objects, tests)}
		for _, o := range around {
			if s.find(o.GetKind(), o.GetNamespace(), o.GetName()) == nil {
				s.objects = append(s.objects, o)
			}
		}
		sets = append(sets, s)
	}
	return sets, nil
}

// equalFindings: the chart makes what the overlay makes, but for labels and, in the overlay, the gateway and its pools.
func equalFindings(root string) ([]string, error) {
	common, err := together(root, []string{pools}, nil, nil)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, c := range chartCases() {
		if c.overlay == "" {
			continue
		}
		made, _, err := c.render(root)
		if err != nil {
			return nil, err
		}
		overlay, err := together(root, []string{c.overlay}, c.components, nil)
		if err != nil {
			return nil, err
		}
		for _, f := range different(&set{objects: made}, &set{objects: overlay}, &set{objects: common}) {
			found = append(found, fmt.Sprintf("chart with %s against %s: %s", orElse(c.values, "its own values"), c.overlay, f))
		}
	}
	return found, nil
}

func different(made, overlay, common *set) []string {
	var found []string
	for _, o := range made.objects {
		other := overlay.find(o.GetKind(), o.GetNamespace(), o.GetName())
		if other == nil {
			found = append(found, named(o)+" is in the chart alone")
			continue
		}
		found = append(found, unequal(named(o), essence(o), essence(other))...)
	}
	for _, o := range overlay.objects {
		if made.find(o.GetKind(), o.GetNamespace(), o.GetName()) == nil && common.find(o.GetKind(), o.GetNamespace(), o.GetName()) == nil {
			found = append(found, named(o)+" is in the overlay alone")
		}
	}
	return found
}

// essence is an object without what charts add, and with the router's configuration read.
func essence(o *unstructured.Unstructured) map[string]any {
	object := o.DeepCopy().Object
	unstructured.RemoveNestedField(object, "metadata", "labels")
	if config := text(object, "data", "config.yaml"); config != "" {
		var read map[string]any
		if err := sigsyaml.Unmarshal([]byte(config), &read); err == nil {
			object["data"] = read
		}
	}
	return withoutHelm(object).(map[string]any)
}

func withoutHelm(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if strings.HasPrefix(key, "helm.sh/") || slices.Contains([]string{"app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by"}, key) {
				delete(v, key)
				continue
			}
			v[key] = withoutHelm(value)
		}
	case []any:
		for i := range v {
			v[i] = withoutHelm(v[i])
		}
		slices.SortStableFunc(v, func(a, b any) int { return strings.Compare(nameOf(a), nameOf(b)) })
	}
	return v
}

// nameOf orders what is a list for YAML's sake alone, such as volumes; other lists have no names and keep their order.
func nameOf(v any) string {
	if m, ok := v.(map[string]any); ok && m["applyTo"] == nil {
		return text(m, "name")
	}
	return ""
}

func unequal(at string, a, b any) []string {
	left, ok := a.(map[string]any)
	right, same := b.(map[string]any)
	if !ok || !same {
		if reflect.DeepEqual(a, b) {
			return nil
		}
		return []string{fmt.Sprintf("%s: %v in the chart, %v in the overlay", at, a, b)}
	}
	var found []string
	for key := range left {
		found = append(found, unequal(at+"."+key, left[key], right[key])...)
	}
	for key := range right {
		if _, there := left[key]; !there {
			found = append(found, fmt.Sprintf("%s.%s is in the overlay alone", at, key))
		}
	}
	return found
}
