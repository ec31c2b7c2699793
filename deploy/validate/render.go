package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	sigsyaml "sigs.k8s.io/yaml"
)

func bufioReader(data []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(data)) }

// kustomize builds one folder.
func kustomize(folder string) ([]*unstructured.Unstructured, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, fmt.Errorf("kustomize %s: %w", folder, err)
	}
	rendered, err := resources.AsYaml()
	if err != nil {
		return nil, fmt.Errorf("kustomize %s: %w", folder, err)
	}
	return parse(rendered)
}

// together builds folders as one, with components laid over the first, and adds files as they are. Paths are below root.
func together(root string, folders, components, files []string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return nil, err
		}
		read, err := parse(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, read...)
	}
	for i, folder := range folders {
		build := filepath.Join(root, folder)
		if i == 0 && len(components) > 0 {
			overlay, err := overlayOf(root, folder, components)
			if err != nil {
				return nil, err
			}
			defer os.RemoveAll(overlay)
			build = overlay
		}
		rendered, err := kustomize(build)
		if err != nil {
			return nil, err
		}
		objects = append(objects, rendered...)
	}
	return objects, nil
}

// overlayOf writes what a user would: a kustomization of a folder and components. Kustomize takes relative paths alone.
func overlayOf(root, folder string, components []string) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "resources: [../%s]\ncomponents:\n", folder)
	for _, c := range components {
		fmt.Fprintf(&text, "  - ../%s\n", c)
	}
	return written(root, text.String())
}

// buildShown builds a kustomization that stands in a folder at the top of the repository, or names it by its address.
func buildShown(root, kustomization string) ([]*unstructured.Unstructured, error) {
	dir, err := written(root, strings.ReplaceAll(kustomization, "https://github.com/vsr-proxy/vsr-proxy//deploy/", "../deploy/"))
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return kustomize(dir)
}

// written puts a kustomization into a folder of its own; its paths ../deploy are made to lead to root from there.
func written(root, kustomization string) (string, error) {
	dir, err := os.MkdirTemp("", "overlay-")
	if err != nil {
		return "", err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	absolute, err := filepath.Abs(filepath.Join(root, "deploy"))
	if err != nil {
		return "", err
	}
	relative, err := filepath.Rel(dir, absolute)
	if err != nil {
		return "", err
	}
	text := strings.ReplaceAll(kustomization, "../deploy/", relative+"/")
	return dir, os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600)
}

// chart renders a chart as helm install --namespace would. Tests are hooks of their own: they come second.
func chart(folder, release, namespace string, values map[string]any) (objects, tests []*unstructured.Unstructured, err error) {
	loaded, err := loader.LoadDir(folder)
	if err != nil {
		return nil, nil, fmt.Errorf("load %s: %w", folder, err)
	}
	options := chartutil.ReleaseOptions{Name: release, Namespace: namespace, IsInstall: true, Revision: 1}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = chartutil.KubeVersion{Version: "v1.35.4", Major: "1", Minor: "35"}
	top, err := chartutil.ToRenderValues(loaded, values, options, capabilities)
	if err != nil {
		return nil, nil, fmt.Errorf("values of %s: %w", folder, err)
	}
	rendered, err := engine.Engine{Strict: true}.Render(loaded, top)
	if err != nil {
		return nil, nil, fmt.Errorf("render %s: %w", folder, err)
	}
	var names []string
	for name := range rendered {
		if !strings.HasSuffix(name, "NOTES.txt") && !strings.HasPrefix(filepath.Base(name), "_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		read, err := parse([]byte(rendered[name]))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, o := range read {
			if o.GetNamespace() == "" {
				o.SetNamespace(namespace)
			}
			if strings.Contains(name, "/templates/tests/") {
				tests = append(tests, o)
			} else {
				objects = append(objects, o)
			}
		}
	}
	return objects, tests, nil
}

// valuesFile is empty without a name: the chart's own values.
func valuesFile(path string) (map[string]any, error) {
	values := map[string]any{}
	if path == "" {
		return values, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return values, sigsyaml.UnmarshalStrict(data, &values)
}
