package chat

import "github.com/go-json-experiment/json/jsontext"

// content reads a message's content: a string, null, or an array of parts.
func (p *parser) content(field string) {
	switch p.peek() {
	case jsontext.KindString:
		p.segment(field)
	case jsontext.KindNull:
		p.token()
	case jsontext.KindBeginArray:
		p.token()
		for p.element() {
			p.part(field)
		}
		p.addExtras()
	default:
		p.wrongType("a string or an array of content parts")
	}
}

// medium is what a part turns out to hold.
type medium uint8

const (
	unknownPart medium = iota
	textPart
	imagePart
	audioPart
	filePart
)

func partOfType(name []byte) medium {
	switch string(name) {
	case "text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text", "thinking":
		return textPart
	case "image_url", "input_image", "image", "computer_screenshot":
		return imagePart
	case "input_audio", "audio_url", "audio", "output_audio":
		return audioPart
	case "file", "input_file", "video_url", "input_video", "video":
		return filePart
	}
	return unknownPart
}

// part reads one content part: an object, or, as vLLM allows, a bare string. What
// a part is follows from its type or, where the type is absent or new, from its
// members; a part that says it is text and also carries an image counts as both.
func (p *parser) part(field string) {
	if p.peek() == jsontext.KindString {
		p.segment(field)
		return
	}
	if !p.object() {
		return
	}
	var has [filePart + 1]bool
	typed := false
	for p.member() {
		switch string(p.name) {
		case "type":
			typed = true
			has[partOfType(p.word())] = true
		case "text", "thinking":
			p.segment(field)
			has[textPart] = true
		case "refusal":
			p.behind("refusal")
			has[textPart] = true
		case "filename":
			p.behind("filename")
		case "image_url", "image", "audio_url", "input_audio", "audio", "file", "file_data", "file_url", "video_url", "video":
			has[p.medium()] = true
		case "transcript": // of a spoken part
			p.behind("transcript")
		default:
			p.extra()
		}
	}
	p.count(has, typed)
}

// extra is a string of a part that is not what the part says.
type extra struct {
	field string
	raw   []byte
	end   int
}

// extra reads a member that parts don't have: a string is text, as beside content in
// a message. Objects are not, nor is data: they hold hints for caches and the bytes
// of media.
func (p *parser) extra() {
	if p.peek() != jsontext.KindString || string(p.name) == "data" {
		p.skip()
		return
	}
	one := extra{field: fieldOf(p.name, "other")}
	label := isLabel(p.name)
	one.raw, one.end = p.later()
	switch {
	case p.err != nil, label && isIdentifier(one.raw[1:len(one.raw)-1]):
	default:
		p.extras = append(p.extras, one)
	}
}

// behind reads a string as text that is added behind all parts; of a value that is
// none, a file's name is gathered.
func (p *parser) behind(field string) {
	switch {
	case p.peek() == jsontext.KindString:
	case field == "refusal":
		p.segment(field) // an error
		return
	default:
		p.gather(field)
		return
	}
	if raw, end := p.later(); raw != nil && p.err == nil {
		p.extras = append(p.extras, extra{field, raw, end})
	}
}

// addExtras adds them behind all parts: between two, they would keep a word that is
// cut into parts from being one again where parts are joined.
func (p *parser) addExtras() {
	for _, one := range p.extras {
		if p.err != nil {
			break
		}
		if n := p.dataURL(one.raw); n != nil {
			*n++
		} else {
			p.addAt(one.field, one.raw, one.end)
		}
	}
	p.extras = p.extras[:0]
}

// medium consumes a member that holds an image, sound or a file, and says which.
func (p *parser) medium() medium {
	name := string(p.name)
	if p.null() {
		return textPart // nothing there
	}
	switch name {
	case "image_url", "image":
		p.skip()
		return imagePart
	case "audio_url", "input_audio", "audio":
		p.skip()
		return audioPart
	case "file":
		p.file()
	default:
		p.skip()
	}
	return filePart
}

// file reads a chat file part: its name is text, its data is not.
func (p *parser) file() {
	if p.peek() != jsontext.KindBeginObject {
		p.skip()
		return
	}
	p.object()
	for p.member() {
		if string(p.name) == "filename" {
			p.behind("filename")
		} else {
			p.skip()
		}
	}
}

func (p *parser) count(has [filePart + 1]bool, typed bool) {
	m := &p.req.Media
	if has[imagePart] {
		m.Images++
	}
	if has[audioPart] {
		m.Audio++
	}
	if has[filePart] {
		m.Files++
	}
	known := has[textPart] || has[imagePart] || has[audioPart] || has[filePart]
	if has[unknownPart] || !typed && !known {
		m.Other++
	}
}
