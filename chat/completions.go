package chat

import "github.com/go-json-experiment/json/jsontext"

// completionsMember reads one member of a completions body and reports whether it
// was what to complete.
func (p *parser) completionsMember() bool {
	start := len(p.spans)
	switch string(p.name) {
	case "prompt":
		p.prompts()
		p.turn = NoTurn
	case "prompt_embeds": // of vLLM: a tensor in place of a prompt
		if p.null() {
			return false
		}
		p.req.Media.Other++
		p.skip()
	case "suffix":
		p.optional("suffix")
		p.assign(start, RoleUser)
		return false
	default:
		p.skip()
		return false
	}
	p.assign(start, RoleUser)
	return true
}

// prompts reads a prompt: a string, an array of strings, an array of token ids, or
// an array of such arrays. A null asks for the backend's default.
func (p *parser) prompts() {
	p.turn = 0
	switch p.peek() {
	case jsontext.KindNull:
		p.token()
	case jsontext.KindString:
		p.segment(FieldPrompt)
	case jsontext.KindBeginArray:
		p.token()
		p.promptList()
	default:
		p.wrongType("a string or an array of strings or token ids")
	}
}

func (p *parser) promptList() {
	n := 0
	if p.peek() == jsontext.KindNumber {
		p.tokenIDs()
		return
	}
	for ; p.element() && p.withinMessages(n); n++ {
		p.turn = n
		if p.peek() == jsontext.KindString {
			p.segment(FieldPrompt)
		} else if p.array() {
			p.tokenIDs()
		}
	}
	p.nonEmpty(n)
}

// tokenIDs reads the rest of an array of numbers.
func (p *parser) tokenIDs() {
	n := 0
	for ; p.element(); n++ {
		if p.peek() != jsontext.KindNumber {
			p.wrongType("a token id")
			return
		}
		p.token()
	}
	p.nonEmpty(n)
	p.req.UnreadTokenPrompts++
}
