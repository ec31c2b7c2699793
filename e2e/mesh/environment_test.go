//go:build mesh

package mesh

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// environment gives names and values, in the manifest's order.
func (r *running) environment(c *container) ([][2]string, error) {
	env := [][2]string{{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOSTNAME", r.pod.Meta.Name},
		{"KUBERNETES_SERVICE_HOST", nodeIP}, {"KUBERNETES_SERVICE_PORT", "6443"}}
	if on := r.pod.Spec.ServiceLinks; on == nil || *on {
		links, err := r.kubelet.serviceLinks(r.pod.Meta.Namespace)
		if err != nil {
			return nil, err
		}
		for _, link := range links {
			name, value, _ := strings.Cut(link, "=")
			env = append(env, [2]string{name, value})
		}
	}
	for _, v := range c.Env {
		value, there, err := r.value(&v, c)
		if err != nil {
			return nil, fmt.Errorf("env %s: %w", v.Name, err)
		}
		if there {
			env = append(env, [2]string{v.Name, expand(value, env)})
		}
	}
	return env, nil
}

func (r *running) value(v *envVar, c *container) (value string, there bool, err error) {
	switch from := v.From; {
	case from == nil:
		return v.Value, true, nil
	case from.Field != nil:
		return r.field(from.Field.FieldPath), true, nil
	case from.Resource != nil:
		value, err = quantity(c, from.Resource.Resource)
		return value, true, err
	case from.ConfigMap != nil:
		return r.key("configmaps", from.ConfigMap)
	case from.Secret != nil:
		return r.key("secrets", from.Secret)
	}
	return "", false, fmt.Errorf("of a kind that the kubelet here does not know")
}

func (r *running) key(kind string, ref *keyRef) (string, bool, error) {
	all := files{}
	if err := r.add(all, kind, &fileSource{Name: ref.Name, Optional: ref.Optional}); err != nil {
		return "", false, err
	}
	value, there := all[ref.Key]
	if !there && !ref.Optional {
		return "", false, fmt.Errorf("%s %s has no key %s", kind, ref.Name, ref.Key)
	}
	return value, there, nil
}

var labelPath = regexp.MustCompile(`^metadata\.(labels|annotations)\['(.*)'\]$`)

func (r *running) field(path string) string {
	switch path {
	case "metadata.name":
		return r.pod.Meta.Name
	case "metadata.namespace":
		return r.pod.Meta.Namespace
	case "metadata.uid":
		return r.pod.Meta.UID
	case "status.podIP", "status.podIPs":
		return r.address
	case "status.hostIP":
		return nodeIP
	case "spec.nodeName":
		return nodeName
	case "spec.serviceAccountName":
		return r.pod.Spec.ServiceAccountName
	}
	if m := labelPath.FindStringSubmatch(path); m != nil && m[1] == "labels" {
		return r.pod.Meta.Labels[m[2]]
	} else if m != nil {
		return r.pod.Meta.Annotations[m[2]]
	}
	return ""
}

// quantity is a container's resource as a whole number: bytes, or processors rounded up.
func quantity(c *container, resource string) (string, error) {
	kind, name, _ := strings.Cut(resource, ".")
	text := map[string]map[string]string{"limits": c.Resources.Limits, "requests": c.Resources.Requests}[kind][name]
	for suffix, factor := range map[string]int{"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "": 1} {
		if n, err := strconv.Atoi(strings.TrimSuffix(text, suffix)); err == nil {
			return strconv.Itoa(n * factor), nil
		}
	}
	if n, err := strconv.Atoi(strings.TrimSuffix(text, "m")); err == nil {
		return strconv.Itoa((n + 999) / 1000), nil
	}
	return "", fmt.Errorf("resource %s is %q", resource, text)
}

var variable = regexp.MustCompile(`\$\(([A-Za-z_][A-Za-z0-9_]*)\)`)

// expand puts values in the place of $(NAME); a name that is not known stays.
func expand(text string, env [][2]string) string {
	return variable.ReplaceAllStringFunc(text, func(ref string) string {
		for _, v := range slices.Backward(env) {
			if v[0] == ref[2:len(ref)-1] {
				return v[1]
			}
		}
		return ref
	})
}

func expandAll(texts []string, env [][2]string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = expand(text, env)
	}
	return out
}
