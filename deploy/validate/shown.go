package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The kustomizations that the pages show are built, too: they are what a reader writes, from the top of the repository.

// shownSets renders every kustomization of the pages, with the namespaces and model servers around it.
func shownSets(root string, pages []string) ([]*set, error) {
	around, err := together(root, []string{sim}, nil, []string{manifests + "namespaces.yaml", tenants + "/namespaces.yaml"})
	if err != nil {
		return nil, err
	}
	var sets []*set
	for _, page := range pages {
		data, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			return nil, err
		}
		for line, text := range shownKustomizations(string(data)) {
			objects, err := buildShown(root, text)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", page, line, err)
			}
			sets = append(sets, &set{fmt.Sprintf("%s:%d", page, line), slices.Concat(around, objects)})
		}
	}
	return sets, nil
}

// shownKustomizations are the YAML blocks of a page that have resources and no kind, by the line they begin at.
func shownKustomizations(page string) map[int]string {
	shown := map[int]string{}
	begin, indent := 0, ""
	var block []string
	for i, line := range strings.Split(page, "\n") {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && begin == 0 && strings.TrimSpace(line) == "```yaml":
			begin, block, indent = i+1, nil, line[:strings.Index(line, "`")]
		case fence && begin > 0:
			if slices.ContainsFunc(block, func(l string) bool { return strings.HasPrefix(l, "resources:") }) {
				shown[begin] = strings.Join(block, "\n") + "\n"
			}
			begin = 0
		case begin > 0:
			block = append(block, strings.TrimPrefix(line, indent))
		}
	}
	return shown
}
