package main

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	manifests  = "deploy/kubernetes/"
	sim        = manifests + "backends/demo-sim"
	gpu        = manifests + "backends/demo-gpu"
	extproc    = manifests + "overlays/extproc"
	objectives = manifests + "examples/objectives"
	tenants    = manifests + "examples/tenants"
)

// pages are those whose commands are checked; they also say which Secrets the reader makes.
var pages = []string{"docs/kubernetes.md", "deploy/kubernetes/README.md", "deploy/helm/vsr-proxy/README.md"}

// kase is what a user applies together.
type kase struct {
	name       string
	folders    []string // the first gets the components
	components []string
	files      []string // beside namespaces.yaml
}

func cases() []kase {
	all := []kase{
		{name: "standalone, simulated backends", folders: []string{manifests + "overlays/standalone", sim}},
		{name: "standalone, GPUs", folders: []string{manifests + "overlays/standalone", gpu}},
		{name: "gateway", folders: []string{manifests + "overlays/gateway", sim}},
		{name: "sidecar", folders: []string{manifests + "overlays/sidecar", sim}},
		{name: "extproc, simulated backends", folders: []string{extproc, sim}},
		{name: "extproc, GPUs", folders: []string{extproc, gpu}},
		{name: "objectives", folders: []string{extproc, sim, objectives}},
		{name: "tenants", folders: []string{extproc, sim}, components: []string{tenants}, files: []string{tenants + "/namespaces.yaml"}},
		{name: "both examples, failing closed", folders: []string{extproc, sim, objectives},
			components: append(components("fail-closed"), tenants), files: []string{tenants + "/namespaces.yaml"}},
		{name: "everything optional", folders: []string{extproc, sim}, components: components("fail-closed", "extproc-tls", "monitoring", "monitoring-pools", "autoscaling")},
	}
	for _, c := range []string{"fail-closed", "extproc-tls", "injected", "monitoring", "monitoring-pools", "autoscaling"} {
		all = append(all, kase{name: "extproc with " + c, folders: []string{extproc, sim}, components: components(c)})
	}
	for _, c := range []string{"monitoring", "autoscaling"} {
		all = append(all, kase{name: "standalone with " + c, folders: []string{manifests + "overlays/standalone", sim}, components: components(c)})
	}
	return all
}

func components(names ...string) []string {
	var paths []string
	for _, name := range names {
		paths = append(paths, manifests+"components/"+name)
	}
	return paths
}

func (k kase) render(root string) (*set, error) {
	files := append([]string{manifests + "namespaces.yaml"}, k.files...)
	objects, err := together(root, k.folders, k.components, files)
	return &set{k.name, objects}, err
}

// validate is the whole of it. The findings are what is wrong; an error is what kept it from looking.
func validate(root, binary string) (found, summary []string, err error) {
	if _, err := os.Stat(binary); err != nil {
		return nil, nil, fmt.Errorf("the configurations are checked with vsr-proxy itself: %w (make build)", err)
	}
	sources, err := readSources(filepath.Join(root, "deploy/validate/crds.txt"))
	if err != nil {
		return nil, nil, err
	}
	d, err := loadDefinitions(sources)
	if err != nil {
		return nil, nil, err
	}
	var commands []command
	for _, page := range pages {
		read, err := readCommands(root, page)
		if err != nil {
			return nil, nil, err
		}
		commands = append(commands, read...)
	}
	given := givenSecrets(commands)

	var everything []*unstructured.Unstructured
	count := 0
	look := func(s *set) {
		everything = append(everything, s.objects...)
		count++
		for _, f := range findings(s, d, given, binary) {
			found = append(found, s.name+": "+f)
		}
	}
	for _, k := range cases() {
		s, err := k.render(root)
		if err != nil {
			return nil, nil, err
		}
		look(s)
	}
	shown, err := shownSets(root, pages)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range shown {
		look(s)
	}
	charts, err := chartSets(root)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range charts {
		look(s)
	}
	same, err := equalFindings(root)
	if err != nil {
		return nil, nil, err
	}
	found = append(found, same...)
	found = append(found, guideFindings(root, commands, everything)...)
	found = append(found, releaseFindings(commands, sources)...)
	floor, err := floorFindings(root)
	if err != nil {
		return nil, nil, err
	}
	found = append(found, floor...)
	return found, []string{
		fmt.Sprintf("%d renderings", count), fmt.Sprintf("%d objects", len(everything)), fmt.Sprintf("%d commands of the guides", len(commands)),
	}, nil
}

// findings are all that one rendering can be faulted for.
func findings(s *set, d *definitions, given map[string]bool, binary string) []string {
	var found []string
	for _, o := range s.objects {
		for _, f := range schemaFindings(d, o) {
			found = append(found, named(o)+": "+f)
		}
		if o.GetKind() == "EnvoyFilter" {
			for _, f := range envoyFindings(o) {
				found = append(found, named(o)+": "+f)
			}
		}
	}
	found = append(found, policyFindings(s)...)
	found = append(found, referenceFindings(s, given)...)
	found = append(found, routerFindings(s)...)
	return append(found, configFindings(s, binary)...)
}
