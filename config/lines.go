package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lineIndex maps the lower-case YAML path of every key and list item to its
// line.
type lineIndex map[string]int

func indexLines(doc *yaml.Node) lineIndex {
	index := lineIndex{}
	if len(doc.Content) > 0 {
		index.walk("", doc.Content[0])
	}
	return index
}

func (x lineIndex) walk(path string, n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			child := joinPath(path, n.Content[i].Value)
			x[strings.ToLower(child)] = n.Content[i].Line
			x.walk(child, n.Content[i+1])
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			child := fmt.Sprintf("%s[%d]", path, i)
			x[strings.ToLower(child)] = item.Line
			x.walk(child, item)
		}
	}
}

// of gives the line of path or of its nearest ancestor that is in the file: a
// missing key is reported where it should have stood.
func (x lineIndex) of(path string) int {
	for path = strings.ToLower(path); path != ""; path = parentPath(path) {
		if line, ok := x[path]; ok {
			return line
		}
	}
	return 0
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func parentPath(path string) string {
	return path[:max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['), 0)]
}
