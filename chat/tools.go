package chat

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// toolList reads an array of tool or function definitions. A template prints them
// into the prompt whole, so every string of a definition is text, the names of its
// parameters included; one tool is one segment.
func (p *parser) toolList() {
	if p.null() || !p.array() {
		return
	}
	for p.element() {
		if p.peek() != jsontext.KindBeginObject {
			p.wrongType("an object")
			return
		}
		start := len(p.spans)
		p.schema(FieldToolDescription)
		p.assign(start, RoleSystem)
		p.req.Tools++
	}
}

// schema reads a definition or a JSON schema as one segment.
func (p *parser) schema(field string) {
	start := len(p.spans)
	p.schemaValue(field)
	p.merge(start, field)
}

func (p *parser) schemaValue(field string) {
	switch p.peek() {
	case jsontext.KindString:
		p.loose(field)
	case jsontext.KindBeginObject:
		p.token()
		for p.member() {
			p.schemaMember(field)
		}
	case jsontext.KindBeginArray:
		p.token()
		for p.element() {
			p.schemaValue(field)
		}
	default:
		p.skip()
	}
}

// schemaMember reads one member of a definition. Words of JSON schema and of the
// tool format are no text, but a parameter may bear such a name too: then its
// value is an object, and that is read.
func (p *parser) schemaMember(field string) {
	word := schemaWord(p.name)
	if word == notSchema {
		from := len(p.text)
		p.text = append(p.text, p.name...)
		if len(p.text) > from {
			p.parts = append(p.parts, part{span: len(p.spans), from: from, to: len(p.text), use: Fixed})
		}
		p.seal(field, from)
	}
	start, kind := len(p.parts), p.peek()
	fixed := kind != jsontext.KindBeginObject && (word == schemaLabel || isReference(p.name))
	if word == schemaLabel && isScalar(kind) {
		p.label(field)
	} else {
		p.schemaValue(field)
	}
	if fixed {
		for i := range p.parts[start:] {
			p.parts[start+i].use = Fixed
		}
	}
}

// isReference reports members whose strings have to be the same as others, or mean
// something to the backend by themselves.
func isReference(name []byte) bool {
	switch string(name) {
	case "name", "required", "pattern", "$ref", "$schema":
		return true
	}
	return false
}

func isScalar(k jsontext.Kind) bool {
	return k != jsontext.KindBeginObject && k != jsontext.KindBeginArray
}

// label drops a one-word value such as "object" or "mcp", and a secret that the
// backend hands to the tool's server and not to the model.
func (p *parser) label(field string) {
	if string(p.name) == "authorization" {
		p.skip()
		return
	}
	if string(p.name) == "type" && (field == fieldResponseFormat || field == fieldTextFormat) {
		p.formatType(field)
		return
	}
	p.identifier(field)
}

// formatType reads what form the answer's text shall have.
func (p *parser) formatType(field string) {
	if p.peek() != jsontext.KindString {
		p.gather(field)
		return
	}
	if raw := p.quoted(); raw != nil {
		said := p.unquoted(raw)
		p.req.JSONOutput = p.req.JSONOutput || bytes.HasPrefix(said, []byte("json_"))
		if !isIdentifier(raw[1 : len(raw)-1]) {
			p.add(field, raw)
		}
	}
}

type schemaName uint8

const (
	notSchema   schemaName = iota // a parameter's or another name of the user's
	schemaText                    // its strings are text
	schemaLabel                   // its value is a label where it is a string
)

func schemaWord(name []byte) schemaName {
	switch string(name) {
	case "type", "format", "authorization", "id":
		return schemaLabel
	case "name", "description", "title", "parameters", "function", "custom", "properties", "required", "items",
		"enum", "const", "default", "examples", "additionalProperties", "anyOf", "oneOf", "allOf", "not", "pattern",
		"$ref", "$defs", "$schema", "strict", "schema", "json_schema", "input_schema", "tools", "definition",
		"minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength":
		return schemaText
	}
	return notSchema
}
