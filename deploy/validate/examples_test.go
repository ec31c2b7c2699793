package main

import (
	"path/filepath"
	"reflect"
	"testing"
)

// An example that is applied beside the overlay must leave the overlay's objects alone: whoever has made them his own, with
// components, an image or another configuration, would lose that without a word.
func TestExamplesLeaveTheOverlayAlone(t *testing.T) {
	shipped, err := together(repository, []string{extproc}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	overlay := &set{objects: shipped}
	beside, err := kustomize(filepath.Join(repository, objectives))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range beside {
		if overlay.find(o.GetKind(), o.GetNamespace(), o.GetName()) != nil {
			t.Errorf("examples/objectives brings %s of the overlay", named(o))
		}
	}

	// What changes an object of the overlay is a component, and changes the Gateway alone.
	with, err := together(repository, []string{extproc}, []string{tenants}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range with {
		if other := overlay.find(o.GetKind(), o.GetNamespace(), o.GetName()); other != nil && o.GetKind() != "Gateway" && !reflect.DeepEqual(o.Object, other.Object) {
			t.Errorf("examples/tenants changes %s", named(o))
		}
	}
}

// The kustomizations that the pages show are found and built; one that leads nowhere is an error.
func TestShownKustomizations(t *testing.T) {
	shown := shownKustomizations("text\n  ```yaml\n  # mine\n  resources: [../deploy/kubernetes/pools]\n  ```\n```yaml\nkind: Pod\n```\n```console\n$ ls\n```\n" +
		"```yaml\nresources: [https://github.com/vsr-proxy/vsr-proxy//deploy/kubernetes/nothing]\n```\n")
	if len(shown) != 2 || shown[2] != "# mine\nresources: [../deploy/kubernetes/pools]\n" {
		t.Fatalf("%v", shown)
	}
	if objects, err := buildShown(repository, shown[2]); err != nil || len(objects) == 0 {
		t.Errorf("%d objects: %v", len(objects), err)
	}
	if _, err := buildShown(repository, shown[12]); err == nil {
		t.Error("a kustomization of what is not there was built")
	}
	sets, err := shownSets(repository, pages)
	if err != nil || len(sets) < 3 {
		t.Errorf("%d kustomizations in the pages: %v", len(sets), err)
	}
}
