package chat

import (
	"sync"
)

// Parse reads body as a request of the given kind. The error is a 400 that names
// the field at fault. The request refers to body, which must not change.
func Parse(kind Kind, body []byte, lim Limits) (*Request, *Error) {
	return ParseFor(kind, body, lim, func(string) bool { return true })
}

// ParseFor is Parse for a caller who reads the text only of requests for some
// models: those of which it is not wanted have no Segments. They are read as
// strictly as all others.
func ParseFor(kind Kind, body []byte, lim Limits, wanted func(model string) bool) (*Request, *Error) {
	p := parsers.Get().(*parser)
	p.reset(kind, body, lim.orDefaults())
	p.document()
	if p.err != nil {
		return nil, p.err
	}
	r := p.req
	if wanted(r.Model) {
		p.fill(r)
	}
	p.release()
	return r, nil
}

// parsers keeps the decoder's tables and the scratch buffers of finished calls; it
// carries no state from one body to the next.
var parsers = sync.Pool{New: func() any { return new(parser) }}

// maxPooledBody bounds, in bytes, the bodies after which a parser is kept: what it
// holds on to is never larger than the body it read. A parser that met an error is
// not kept either, since a refused body may have grown it beyond any limit.
const maxPooledBody = 1 << 20

// parser gives the tokens their meaning and collects the text in one buffer.
type parser struct {
	reader
	req   *Request
	turn  int
	text  []byte // all segments, each followed by a line feed
	spans []span
	parts []part // the strings that spans were read from
	// extras wait for the end of the parts that they stand in.
	extras []extra
	tool   []byte // scratch for the resolved view of arguments
}

// span is a segment whose text is still text[from:to].
type span struct {
	role     Role
	field    string
	turn     int
	from, to int
}

func (p *parser) reset(kind Kind, body []byte, lim Limits) {
	p.reader.reset(body, lim)
	p.req = &Request{Kind: kind, Body: body}
	p.turn = NoTurn
}

func (p *parser) release() {
	if len(p.body) > maxPooledBody {
		return
	}
	p.reader.reset(nil, Limits{}) // lets go of the body
	p.req = nil
	p.text = p.text[:0]
	clear(p.spans)
	p.spans = p.spans[:0]
	p.parts = p.parts[:0]
	clear(p.extras[:cap(p.extras)]) // they refer to the body
	p.extras = p.extras[:0]
	parsers.Put(p)
}

// fill gives the segments their text, all of it in one string.
func (p *parser) fill(r *Request) {
	if len(p.spans) == 0 {
		return
	}
	all := string(p.text)
	r.Segments = make([]Segment, len(p.spans))
	for i, s := range p.spans {
		r.Segments[i] = Segment{Role: s.role, Field: s.field, Turn: s.turn, Text: all[s.from:s.to]}
	}
}

// document reads the body's object and checks that the members which every backend
// needs are there.
func (p *parser) document() {
	if !p.object() {
		return
	}
	var seen bool // the member that holds what is asked
	for p.member() {
		if p.common() {
			continue
		}
		switch p.req.Kind {
		case Chat:
			seen = p.chatMember() || seen
		case Completions:
			seen = p.completionsMember() || seen
		case Responses:
			seen = p.responsesMember() || seen
		default:
			p.skip()
		}
	}
	p.end()
	if p.err != nil {
		return
	}
	if p.req.Model == "" {
		p.failMissing("model")
	} else if !seen {
		switch p.req.Kind {
		case Chat:
			p.failMissing("messages")
		case Completions:
			p.failMissing("prompt")
		case Responses:
			p.failMissing("input")
		}
	}
}

// common reads the members that mean the same for every kind; it reports false,
// with nothing consumed, for the others.
func (p *parser) common() bool {
	switch string(p.name) {
	case "model":
		p.model()
		return true
	case "stream":
		if p.req.Kind == ByModel {
			return false
		}
		p.req.Stream = p.flag()
		return true
	case "stream_options":
		if p.req.Kind == ByModel {
			return false
		}
		p.req.streamOptions = true
		p.streamOptions()
		return true
	}
	return false
}

func (p *parser) model() {
	raw := p.quoted()
	if raw == nil {
		return
	}
	p.req.modelEnd = int(p.dec.InputOffset())
	p.req.modelAt = p.req.modelEnd - len(raw)
	name := p.unquoted(raw)
	switch {
	case len(name) == 0:
		p.fail("invalid_value", "model", "Invalid value for 'model': it is empty.")
	case len(name) > p.lim.ModelBytes:
		p.failLimit("model_bytes", "model", p.lim.ModelBytes, "bytes in the model's name")
	default:
		p.req.Model = string(name)
	}
}

func (p *parser) streamOptions() {
	if p.null() || !p.object() {
		return
	}
	for p.member() {
		if string(p.name) == "include_usage" {
			p.req.IncludeUsage = p.flag()
		} else {
			p.skip()
		}
	}
}

// segment reads a string as text of the current turn. Its role may still be
// unknown; assign sets it.
func (p *parser) segment(field string) {
	if raw := p.quoted(); raw != nil {
		p.add(field, raw)
	}
}

// optional reads a string or null.
func (p *parser) optional(field string) {
	if !p.null() {
		p.segment(field)
	}
}

// add keeps the text of a string token. Empty texts say nothing and are dropped.
func (p *parser) add(field string, raw []byte) {
	p.addAt(field, raw, int(p.dec.InputOffset()))
}

// addAt is add for a token that ends at a place in the body.
func (p *parser) addAt(field string, raw []byte, end int) {
	from := len(p.text)
	p.text = appendText(p.text, raw)
	if len(p.text) > from {
		p.parts = append(p.parts, part{
			span: len(p.spans), from: from, to: len(p.text), at: end - len(raw), end: end, use: p.useOf(field),
		})
	}
	p.seal(field, from)
}

// seal makes a segment of what was appended to the text since from.
func (p *parser) seal(field string, from int) {
	if to := len(p.text); to > from {
		p.spans = append(p.spans, span{field: field, turn: p.turn, from: from, to: to})
		p.text = append(p.text, '\n')
	}
	if len(p.spans) > p.lim.Segments {
		p.failLimit("segments", p.path(), p.lim.Segments, "pieces of text in one request")
	}
}

// assign gives the segments since start their role.
func (p *parser) assign(start int, role Role) {
	for i := range p.spans[start:] {
		if s := &p.spans[start+i]; s.role == "" {
			s.role = role
		}
	}
}

// merge makes one segment, a line for each, of the segments since start.
func (p *parser) merge(start int, field string) {
	if len(p.spans) <= start {
		return
	}
	last := p.spans[len(p.spans)-1]
	p.spans = p.spans[:start+1]
	p.spans[start].field, p.spans[start].to = field, last.to
	for i := len(p.parts) - 1; i >= 0 && p.parts[i].span > start; i-- {
		p.parts[i].span = start
	}
}

// nonEmpty refuses the array just left if it had no elements.
func (p *parser) nonEmpty(n int) {
	if n == 0 && p.err == nil {
		param := p.path()
		p.fail("empty_array", param, "Invalid '"+param+"': expected an array with at least one element, but got an empty one.")
	}
}

// withinMessages refuses the element at index i of a list of turns that is too long.
func (p *parser) withinMessages(i int) bool {
	if i < p.lim.Messages {
		return true
	}
	return p.failLimit("messages", p.path(), p.lim.Messages, "messages, items or prompts")
}

// role reads a message's role.
func (p *parser) role() Role {
	word := p.word()
	if word == nil {
		return ""
	}
	switch string(word) { // the constants cost no copy
	case "user":
		return RoleUser
	case "assistant":
		return RoleAssistant
	case "system":
		return RoleSystem
	case "developer":
		return RoleDeveloper
	case "tool":
		return RoleTool
	case "function":
		return RoleFunction
	}
	if !isIdentifier(word) {
		param := p.path()
		p.fail("invalid_value", param, "Invalid value for '"+param+"': a role is 1 to 64 letters, digits, '_' and '-'.")
		return ""
	}
	return Role(word)
}
