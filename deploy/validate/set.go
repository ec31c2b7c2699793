package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

// set is what one overlay, example or chart renders to.
type set struct {
	name    string
	objects []*unstructured.Unstructured
}

// named gives an object a name that a reader finds in the manifests.
func named(o *unstructured.Unstructured) string {
	if o.GetNamespace() == "" {
		return o.GetKind() + " " + o.GetName()
	}
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}

// find is nil where there is no such object.
func (s *set) find(kind, namespace, name string) *unstructured.Unstructured {
	for _, o := range s.objects {
		if o.GetKind() == kind && o.GetName() == name && o.GetNamespace() == namespace {
			return o
		}
	}
	return nil
}

func (s *set) ofKind(kind string) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, o := range s.objects {
		if o.GetKind() == kind {
			found = append(found, o)
		}
	}
	return found
}

// podsMatching are the objects in a namespace whose pods have these labels.
func (s *set) podsMatching(namespace string, match map[string]string) []workload {
	var found []workload
	for _, w := range s.workloads() {
		if w.owner.GetNamespace() == namespace && len(match) > 0 && labels.SelectorFromSet(match).Matches(labels.Set(w.labels)) {
			found = append(found, w)
		}
	}
	return found
}

// parse reads YAML documents as an API server would read them: a key that is there twice is refused.
func parse(data []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	reader := yaml.NewYAMLReader(bufioReader(data))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		converted, err := sigsyaml.YAMLToJSONStrict(document)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(bytes.TrimSpace(converted), []byte("null")) {
			continue
		}
		o := new(unstructured.Unstructured)
		if err := o.UnmarshalJSON(converted); err != nil {
			return nil, fmt.Errorf("read a document: %w", err)
		}
		objects = append(objects, o)
	}
}

// The accessors below read where there may be nothing.

func text(from map[string]any, path ...string) string {
	value, _, _ := unstructured.NestedString(from, path...)
	return value
}

func list(from map[string]any, path ...string) []map[string]any {
	values, _, _ := unstructured.NestedSlice(from, path...)
	var maps []map[string]any
	for _, v := range values {
		if m, ok := v.(map[string]any); ok {
			maps = append(maps, m)
		}
	}
	return maps
}

func table(from map[string]any, path ...string) map[string]any {
	value, _, _ := unstructured.NestedMap(from, path...)
	return value
}

func texts(from map[string]any, path ...string) map[string]string {
	value, _, _ := unstructured.NestedStringMap(from, path...)
	return value
}

func words(from map[string]any, path ...string) []string {
	value, _, _ := unstructured.NestedStringSlice(from, path...)
	return value
}

func number(from map[string]any, path ...string) int64 {
	value, _, _ := unstructured.NestedInt64(from, path...)
	return value
}

func boolean(from map[string]any, path ...string) (value, there bool) {
	value, there, _ = unstructured.NestedBool(from, path...)
	return value, there
}
