package simulate

import (
	"math"
	"strings"
)

const (
	maxDepth  = 32   // of a schema that refers to itself
	maxItems  = 1000 // of an array or letters of a string that a schema asks for
	maxValues = 1000 // in one instance: arrays of arrays multiply
)

// instance returns a small JSON value that is valid under a JSON schema: required properties only, fewest items,
// shortest strings. Strings say filler where the schema leaves them free. It follows type, enum, const, default,
// properties, required, items, prefixItems, minItems, anyOf, oneOf, allOf (first branch), $ref within the document,
// lengths, bounds, multipleOf and the common formats; a pattern is beyond it.
func instance(schema any, filler string) any {
	m := &maker{root: schema, filler: filler, left: maxValues}
	return m.value(schema, 0)
}

type maker struct {
	root   any
	filler string
	left   int // values that may still be made
}

func (m *maker) value(schema any, depth int) any {
	m.left--
	s, ok := schema.(map[string]any)
	if !ok || depth > maxDepth || m.left < 0 { // true and false are schemas too; there is nothing to follow
		return nil
	}
	if ref, ok := s["$ref"].(string); ok {
		return m.value(m.resolve(ref), depth+1)
	}
	for _, key := range []string{"const", "default"} {
		if v, ok := s[key]; ok {
			return v
		}
	}
	if choices, ok := s["enum"].([]any); ok && len(choices) > 0 {
		return choices[0]
	}
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		if branches, ok := s[key].([]any); ok && len(branches) > 0 {
			return m.value(branches[0], depth+1)
		}
	}
	switch typeOf(s) {
	case "object":
		return m.object(s, depth)
	case "array":
		return m.array(s, depth)
	case "string":
		return m.str(s)
	case "integer", "number":
		return number(s)
	case "boolean":
		return true
	}
	return nil
}

// typeOf names the type a schema wants: the first if there are several, a guess by its other keywords if there is none.
func typeOf(s map[string]any) string {
	switch t := s["type"].(type) {
	case string:
		return t
	case []any:
		if len(t) > 0 {
			first, _ := t[0].(string)
			return first
		}
	}
	switch {
	case s["properties"] != nil:
		return "object"
	case s["items"] != nil:
		return "array"
	}
	return ""
}

func (m *maker) object(s map[string]any, depth int) any {
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	out := make(map[string]any, len(required))
	for _, key := range required {
		if name, ok := key.(string); ok {
			out[name] = m.value(properties[name], depth+1)
		}
	}
	return out
}

func (m *maker) array(s map[string]any, depth int) any {
	out := []any{}
	prefix, _ := s["prefixItems"].([]any)
	for i := range min(int(numberOr(s, "minItems", 0)), maxItems) {
		if m.left <= 0 {
			break
		}
		item := s["items"]
		if i < len(prefix) {
			item = prefix[i]
		}
		out = append(out, m.value(item, depth+1))
	}
	return out
}

func (m *maker) str(s map[string]any) any {
	switch s["format"] {
	case "date-time":
		return "2026-01-01T00:00:00Z"
	case "date":
		return "2026-01-01"
	case "time":
		return "00:00:00Z"
	case "duration":
		return "PT1S"
	case "email":
		return "simulated@example.com"
	case "hostname":
		return "example.com"
	case "ipv4":
		return "192.0.2.1"
	case "ipv6":
		return "2001:db8::1"
	case "uuid":
		return "00000000-0000-4000-8000-000000000000"
	case "uri":
		return "https://example.com/"
	}
	text := []rune(m.filler)
	if shortest := min(int(numberOr(s, "minLength", 0)), maxItems); len(text) < shortest {
		text = append(text, []rune(strings.Repeat("x", shortest-len(text)))...)
	}
	if longest := int(numberOr(s, "maxLength", maxItems)); longest >= 0 && len(text) > longest {
		text = text[:longest]
	}
	return string(text)
}

// number returns the number nearest to 1 from above that the bounds allow, or the upper bound below it.
func number(s map[string]any) any {
	low := math.Max(numberOr(s, "minimum", math.Inf(-1)), numberOr(s, "exclusiveMinimum", math.Inf(-1)))
	high := math.Min(numberOr(s, "maximum", math.Inf(1)), numberOr(s, "exclusiveMaximum", math.Inf(1)))
	step := numberOr(s, "multipleOf", 0)
	if step <= 0 {
		step = 1
	}
	n := step
	if n < low || n == numberOr(s, "exclusiveMinimum", math.Inf(-1)) {
		n = math.Ceil(low/step) * step
		if n == numberOr(s, "exclusiveMinimum", math.Inf(-1)) {
			n += step
		}
	}
	if n > high || n == numberOr(s, "exclusiveMaximum", math.Inf(1)) {
		n = math.Floor(high/step) * step
		if n == numberOr(s, "exclusiveMaximum", math.Inf(1)) {
			n -= step
		}
	}
	if n < low && typeOf(s) == "number" { // no multiple of the step fits: a fraction may
		n = low + (high-low)/2
	}
	if math.IsInf(n, 0) || math.IsNaN(n) { // bounds at the edge of float64, where JSON has no number
		return 0.0
	}
	return n
}

func numberOr(s map[string]any, key string, otherwise float64) float64 {
	if n, ok := s[key].(float64); ok {
		return n
	}
	return otherwise
}

// resolve follows a JSON pointer within the document, "#/$defs/step".
func (m *maker) resolve(ref string) any {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	at := m.root
	for _, key := range strings.Split(path, "/")[1:] {
		object, _ := at.(map[string]any)
		at = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(key)]
	}
	return at
}
