package chat

import "github.com/go-json-experiment/json/jsontext"

// chatMember reads one member of a chat completions body and reports whether it
// was the messages.
func (p *parser) chatMember() bool {
	start := len(p.spans)
	switch string(p.name) {
	case "messages":
		p.messages()
		return true
	case "tools", "functions":
		p.toolList()
	case "prediction": // a draft of the answer
		p.gather("prediction")
		p.assign(start, RoleAssistant)
	case "response_format":
		p.schema(fieldResponseFormat)
		p.assign(start, RoleSystem)
	case "chat_template", "chat_template_kwargs", "documents": // of vLLM: they end up in the prompt
		p.gather(fieldOf(p.name, ""))
		p.assign(start, RoleSystem)
	default:
		p.skip()
	}
	return false
}

func (p *parser) messages() {
	if !p.array() {
		return
	}
	n := 0
	for ; p.element() && p.withinMessages(n); n++ {
		p.turn = n
		p.message()
	}
	p.turn = NoTurn
	p.nonEmpty(n)
}

// message reads one message. Members may come in any order, so its segments get
// their role at the end.
func (p *parser) message() {
	if !p.object() {
		return
	}
	start := len(p.spans)
	var role Role
	for p.member() {
		switch string(p.name) {
		case "role":
			role = p.role()
		default:
			p.turnMember()
		}
	}
	if role == "" {
		p.missing("role")
	}
	p.assign(start, role)
}

// turnMember reads a member which messages and input items have in common. An
// unknown one may be rendered by a backend's chat template, so its strings count
// as text.
func (p *parser) turnMember() {
	switch string(p.name) {
	case "content":
		p.content(FieldContent)
	case "name", "refusal", "reasoning_content":
		p.optional(fieldOf(p.name, ""))
	case "tool_calls":
		if !p.null() {
			p.list("tool_calls")
		}
	case "tools":
		p.toolList()
	case "audio": // an earlier spoken answer
		if !p.null() {
			p.req.Media.Audio++
			p.skip()
		}
	case "encrypted_content":
		p.stored()
	default:
		p.gatherMember(fieldOf(p.name, "other"))
	}
}

// list reads an array whose strings are text; anything else is an error.
func (p *parser) list(field string) {
	if p.peek() != jsontext.KindBeginArray {
		p.wrongType("an array")
		return
	}
	p.gather(field)
}

// stored consumes a value which, unless null, stands for text that the backend
// keeps or alone can read.
func (p *parser) stored() {
	if !p.null() {
		p.req.StoredContext = true
		p.skip()
	}
}
