package chat

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// responsesMember reads one member of a responses body and reports whether it
// gives the model something to answer.
func (p *parser) responsesMember() bool {
	start := len(p.spans)
	switch string(p.name) {
	case "input":
		return p.input()
	case "instructions":
		p.optional(FieldInstructions)
		p.assign(start, RoleSystem)
	case "tools":
		p.toolList()
	case "text":
		p.textConfig()
		p.assign(start, RoleSystem)
	case "prompt":
		return p.storedPrompt()
	case "previous_response_id", "conversation":
		p.stored()
		p.req.Continues = p.req.Continues || p.req.StoredContext
		return p.req.StoredContext
	default:
		p.skip()
	}
	return false
}

// input reads the input: a string or a list of items.
func (p *parser) input() bool {
	start := len(p.spans)
	switch p.peek() {
	case jsontext.KindNull:
		p.token()
		return false
	case jsontext.KindString:
		p.turn = 0
		p.segment(FieldInput)
		p.assign(start, RoleUser)
	case jsontext.KindBeginArray:
		p.token()
		n := 0
		for ; p.element() && p.withinMessages(n); n++ {
			p.turn = n
			p.item()
		}
		p.nonEmpty(n)
	default:
		p.wrongType("a string or an array of items")
	}
	p.turn = NoTurn
	return true
}

// item reads one input item: a message, a call, a call's output, reasoning, or a
// type that is newer than this package. An item says who speaks by its role or
// its type; one with neither refers to an item that the backend keeps.
func (p *parser) item() {
	if !p.object() {
		return
	}
	start := len(p.spans)
	var role Role
	var kind string
	var result []byte
	var resultEnd int
	for p.member() {
		switch string(p.name) {
		case "type":
			kind = string(p.word())
		case "role":
			role = p.role()
		case "summary":
			p.content("summary")
		case "result":
			result, resultEnd = p.later()
		default:
			p.turnMember()
		}
	}
	p.result(kind, result, resultEnd)
	if kind == "item_reference" || kind == "" && role == "" && len(p.spans) == start {
		p.req.StoredContext, p.req.Continues = true, true
	} else if role == "" && (kind == "" || kind == "message") {
		p.missing("role")
	}
	p.assignItem(start, role, kind)
}

// later reads a value whose meaning depends on a member that may still come. A
// string is returned as sent, in place, with its end; anything else is read at once.
func (p *parser) later() (raw []byte, end int) {
	if p.peek() != jsontext.KindString {
		p.gather(FieldOutput)
		return nil, 0
	}
	n := len(p.quoted())
	end = int(p.dec.InputOffset())
	return p.body[end-n : end], end
}

// result reads what later put off: the bytes of a picture or what a program said.
func (p *parser) result(kind string, raw []byte, end int) {
	if p.err != nil || raw == nil {
		return
	}
	if kind == "image_generation_call" {
		p.req.Media.Images++
		return
	}
	p.addAt(FieldOutput, raw, end)
}

// assignItem gives an item's segments their role. A call that carries its own
// result speaks for the assistant and for the tool.
func (p *parser) assignItem(start int, role Role, kind string) {
	if role == "" {
		role = roleOfItem(kind)
	}
	for i := range p.spans[start:] {
		s := &p.spans[start+i]
		if s.role == "" && role == RoleAssistant && s.field == FieldOutput {
			s.role = RoleTool
		}
	}
	p.assign(start, role)
}

func roleOfItem(kind string) Role {
	switch {
	case strings.HasSuffix(kind, "_call"), kind == "reasoning", kind == "program", kind == "mcp_approval_request":
		return RoleAssistant
	case kind == "mcp_approval_response":
		return RoleUser
	default: // *_output, lists of tools, and what is newer than this package
		return RoleTool
	}
}

// textConfig reads the schema of a structured answer.
func (p *parser) textConfig() {
	if p.null() || !p.object() {
		return
	}
	for p.member() {
		if string(p.name) == "format" {
			p.schema(fieldTextFormat)
		} else {
			p.skip()
		}
	}
}

// storedPrompt reads a reference to a stored prompt with the values of its
// variables, which are text or parts.
func (p *parser) storedPrompt() bool {
	if p.null() || !p.object() {
		return false
	}
	p.req.StoredContext = true
	for p.member() {
		if string(p.name) == "variables" {
			p.variables()
		} else {
			p.skip()
		}
	}
	return true
}

func (p *parser) variables() {
	if p.null() || !p.object() {
		return
	}
	start := len(p.spans)
	for p.member() {
		p.part("variables")
	}
	p.addExtras()
	p.assign(start, RoleUser)
}
