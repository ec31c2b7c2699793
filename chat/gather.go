package chat

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// gather reads a value of any shape: each string in it is a segment, whatever the
// backend makes of the structure around it. Ids, types and media are left out.
func (p *parser) gather(field string) {
	switch p.peek() {
	case jsontext.KindString:
		p.loose(field)
	case jsontext.KindBeginObject:
		p.token()
		for p.member() {
			p.gatherMember(fieldOf(p.name, field))
		}
	case jsontext.KindBeginArray:
		p.token()
		for p.element() {
			p.gather(field)
		}
	default:
		p.skip()
	}
}

// gatherMember reads the value of the member just named.
func (p *parser) gatherMember(field string) {
	if isLabel(p.name) {
		p.identifier(field)
		return
	}
	switch string(p.name) {
	case "encrypted_content":
		p.stored()
	case "image_url":
		p.media(&p.req.Media.Images)
	case "input_audio":
		p.media(&p.req.Media.Audio)
	case "file_data", "file_url":
		p.media(&p.req.Media.Files)
	default:
		p.gather(field)
	}
}

// isLabel reports members whose value is an id or a word of the protocol, if it is one
// word.
func isLabel(name []byte) bool {
	switch string(name) {
	case "type", "id", "call_id", "tool_call_id", "file_id", "container_id", "approval_request_id", "fingerprint",
		"status", "role", "phase", "execution", "action", "detail", "size", "quality", "background", "output_format":
		return true
	}
	return false
}

// identifier drops a string that looks like an id and reads anything else: an id
// is text once it holds a sentence.
func (p *parser) identifier(field string) {
	if p.peek() != jsontext.KindString {
		p.gather(field)
		return
	}
	if raw := p.quoted(); raw != nil && !isIdentifier(raw[1:len(raw)-1]) {
		p.add(field, raw)
	}
}

func (p *parser) media(n *int) {
	if !p.null() {
		*n++
		p.skip()
	}
}

// loose reads a string that is text unless it is a data URL. The strings that a
// backend parses as JSON once more get a second segment with their inner escapes
// resolved, or \u0069 would hide a letter from whoever reads the segments.
func (p *parser) loose(field string) {
	raw := p.quoted()
	if raw == nil {
		return
	}
	if n := p.dataURL(raw); n != nil {
		*n++
		return
	}
	from := len(p.text)
	p.add(field, raw)
	if field == FieldArguments && string(p.name) == FieldArguments && len(p.text) > from {
		p.parts[len(p.parts)-1].json = true
	}
	if field == FieldArguments && bytes.Contains(p.text[from:], []byte(`\u`)) {
		p.tool = append(p.tool[:0], p.text[from:len(p.text)-1]...)
		from = len(p.text)
		p.text = appendResolved(p.text, p.tool)
		p.seal(field, from)
	}
}

// fieldOf returns the field of text that stands under name; names that no caller
// branches on fall back.
func fieldOf(name []byte, fallback string) string {
	switch string(name) {
	case "name":
		return FieldName
	case "arguments":
		return FieldArguments
	case "input":
		return FieldInput
	case "output", "outputs", "results", "error":
		return FieldOutput
	case "refusal":
		return "refusal"
	case "reasoning_content":
		return "reasoning_content"
	case "reasoning":
		return "reasoning"
	case "thinking":
		return "thinking"
	case "documents":
		return "documents"
	case "chat_template":
		return "chat_template"
	case "chat_template_kwargs":
		return "chat_template_kwargs"
	}
	return fallback
}

// dataURL returns the counter for a string token that is a base64 data URL with
// nothing but base64 in it, or nil. The token is looked at as sent, not copied.
func (p *parser) dataURL(raw []byte) *int {
	const scheme, mark = `"data:`, ";base64,"
	if !bytes.HasPrefix(raw, []byte(scheme)) {
		return nil
	}
	at := bytes.Index(raw[:min(len(raw), 160)], []byte(mark))
	if at < 0 || !isBase64(raw[at+len(mark):len(raw)-1]) {
		return nil
	}
	switch kind := raw[len(scheme):at]; {
	case bytes.IndexByte(kind, ' ') >= 0:
		return nil
	case bytes.HasPrefix(kind, []byte("image")):
		return &p.req.Media.Images
	case bytes.HasPrefix(kind, []byte("audio")):
		return &p.req.Media.Audio
	default:
		return &p.req.Media.Files
	}
}

// isBase64 accepts both alphabets, and \/ which some encoders write for a slash.
func isBase64(s []byte) bool {
	for i, c := range s {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '+', c == '/', c == '-', c == '_', c == '=':
		case c == '\\' && i+1 < len(s) && s[i+1] == '/':
		default:
			return false
		}
	}
	return true
}
