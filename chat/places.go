package chat

import (
	"bytes"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Use says what may be written in the place of a text.
type Use uint8

const (
	// Prose may become anything.
	Prose Use = iota
	// Name may become another name as a whole: backends take no spaces, brackets
	// and the like in one.
	Name
	// Number is one in JSON in a string. What is written in its place becomes a
	// string there.
	Number
	// Fixed can't be changed: a function's or a parameter's name, which has to be
	// the same elsewhere, and what only the backend knows to read.
	Fixed
)

const (
	fieldResponseFormat = "response_format"
	fieldTextFormat     = "text.format"
)

// part is a string of the body that text[from:to] was read from. A Fixed one may
// be a member's name, and has no place in the body then.
type part struct {
	span     int // index of the segment
	from, to int
	at, end  int // in the body, quotes included
	use      Use
	json     bool // backends read what it says as JSON: a tool call's arguments
}

// Place is a text in a request and where it stands. Its Text has all escapes
// resolved, those of JSON in a string too.
type Place struct {
	Use     Use
	Segment int // index in Request.Segments
	// From and To are where it stands in its Layout's Text.
	From, To int

	at, end int // the string in the body
	// inner is where it stands in what that string says, quotes included, if that
	// is JSON.
	inner struct{ at, end int }
}

// Layout is the text of all of a request's places, in the order of its segments.
type Layout struct {
	Text   string
	Places []Place
}

// Of returns what a place says.
func (l *Layout) Of(p Place) string { return l.Text[p.From:p.To] }

// Layouts lay out everything that Text(All) holds, a line feed between any two
// places, but each string once: arguments of tool calls, which Text gives as they
// are and with \u escapes resolved, stand here with the strings in them unescaped,
// and so does any other text that is a JSON object or array, such as a tool's
// result.
// fused joins the parts of one message as Fused does; the places are the same, and
// so is the layout where no message has more than one part.
//
// The body is read again for it, so that requests which need none pay nothing.
func (r *Request) Layouts() (plain, fused *Layout) {
	p := parsers.Get().(*parser)
	p.reset(r.Kind, r.Body, Limits{math.MaxInt, math.MaxInt, math.MaxInt, math.MaxInt, math.MaxInt, math.MaxInt})
	p.document()
	defer p.release()
	joined := func(i int) bool { return i > 0 && r.joins(p.parts[i-1], p.parts[i]) }
	plain = layOut(p, func(int) bool { return false })
	for i := range p.parts {
		if joined(i) {
			return plain, layOut(p, joined)
		}
	}
	return plain, plain
}

func layOut(p *parser, joined func(i int) bool) *Layout {
	l := &Layout{Places: make([]Place, 0, len(p.parts))}
	var b strings.Builder
	b.Grow(len(p.text))
	for i, one := range p.parts {
		if i > 0 && !joined(i) {
			b.WriteByte('\n')
		}
		l.lay(&b, one, string(p.text[one.from:one.to]))
	}
	l.Text = b.String()
	return l
}

func (r *Request) joins(a, b part) bool {
	return a.span != b.span && r.Segments[a.span].continues(&r.Segments[b.span])
}

// lay adds one string of the body, or the strings in it.
func (l *Layout) lay(b *strings.Builder, p part, text string) {
	place := Place{Use: p.use, Segment: p.span, at: p.at, end: p.end}
	if p.json || p.use == Prose && isStructured(text) {
		if inner, ok := readInner(text); ok {
			l.layInner(b, place, text, inner)
			return
		}
		if p.json && strings.Contains(text, `\u`) { // nobody can say how the backend will read it
			place.Use, text = Fixed, string(appendResolved(nil, []byte(text)))
		}
	}
	place.From = b.Len()
	b.WriteString(text)
	place.To = b.Len()
	l.Places = append(l.Places, place)
}

// layInner adds the strings and numbers of text, and what is between them.
func (l *Layout) layInner(b *strings.Builder, place Place, text string, inner []token) {
	done := 0
	for _, t := range inner {
		p := place
		p.inner.at, p.inner.end = t.at, t.end
		raw := text[t.at:t.end]
		if p.Use = Number; raw[0] == '"' {
			p.Use = Prose
			b.WriteString(text[done : t.at+1])
			p.From = b.Len()
			said, _ := jsontext.AppendUnquote(nil, raw) // half surrogates become U+FFFD
			b.Write(said)
			done = t.end - 1
		} else {
			b.WriteString(text[done:t.at])
			p.From = b.Len()
			b.WriteString(raw)
			done = t.end
		}
		if p.To = b.Len(); p.From < p.To {
			l.Places = append(l.Places, p)
		}
	}
	b.WriteString(text[done:])
}

// isStructured tells whether text may be a JSON object or array, as tools' results
// are.
func isStructured(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	return text != "" && (text[0] == '{' || text[0] == '[')
}

// token is a string or a number, quotes included.
type token struct{ at, end int }

// readInner finds the strings, members' names too, and the numbers of a JSON text.
func readInner(text string) ([]token, bool) {
	if !isStructured(text) {
		return nil, false
	}
	dec := jsontext.NewDecoder(bytes.NewBufferString(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var found []token
	for {
		kind := dec.PeekKind()
		var err error
		if kind == jsontext.KindString || kind == jsontext.KindNumber {
			var raw jsontext.Value
			if raw, err = dec.ReadValue(); err == nil {
				end := int(dec.InputOffset())
				found = append(found, token{end - len(raw), end})
			}
		} else {
			_, err = dec.ReadToken()
		}
		if err != nil {
			return nil, false
		}
		if dec.StackDepth() == 0 {
			_, err := dec.ReadToken()
			return found, err == io.EOF
		}
	}
}

// useOf is what may become of a string read for a field.
func (p *parser) useOf(field string) Use {
	if field == FieldName {
		return Name
	}
	return Prose
}

// Change puts a new text in a place. For a place that is Fixed there must be none.
type Change struct {
	Place Place
	Text  string
}

// Rewritten returns the body with name as its model, texts changed, and every
// other byte as it was. askUsage is as in WithModelAskingUsage. It panics on a
// change of what is Fixed. Not for forms.
func (r *Request) Rewritten(name string, askUsage bool, changes []Change) []byte {
	edits := make([]edit, 0, len(changes)+1)
	if name != r.Model || askUsage {
		quoted, _ := jsontext.AppendQuote(nil, name)
		if askUsage {
			quoted = append(quoted, askUsageMember...)
		}
		edits = append(edits, edit{r.modelAt, r.modelEnd, quoted})
	}
	changes = slices.Clone(changes)
	slices.SortStableFunc(changes, func(a, b Change) int { return a.Place.at - b.Place.at })
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].Place.at == changes[0].Place.at {
			n++
		}
		edits = append(edits, r.editOf(changes[:n]))
		changes = changes[n:]
	}
	slices.SortFunc(edits, func(a, b edit) int { return a.at - b.at })
	return splice(r.Body, edits)
}

// edit is new bytes for [at, end).
type edit struct {
	at, end int
	with    []byte
}

func splice(b []byte, edits []edit) []byte {
	size := len(b)
	for _, e := range edits {
		size += len(e.with) - (e.end - e.at)
	}
	out := make([]byte, 0, size)
	done := 0
	for _, e := range edits {
		out = append(append(out, b[done:e.at]...), e.with...)
		done = e.end
	}
	return append(out, b[done:]...)
}

// editOf makes one edit of the changes in one string of the body.
func (r *Request) editOf(changes []Change) edit {
	first := changes[0].Place
	if first.Use == Fixed {
		panic("chat: a fixed place can't be changed")
	}
	if first.inner.end == 0 {
		with, _ := jsontext.AppendQuote(nil, changes[0].Text)
		return edit{first.at, first.end, with}
	}
	said := appendText(nil, r.Body[first.at:first.end])
	inner := make([]edit, len(changes))
	for i, c := range changes {
		inner[i] = edit{at: c.Place.inner.at, end: c.Place.inner.end}
		inner[i].with, _ = jsontext.AppendQuote(nil, c.Text)
	}
	slices.SortFunc(inner, func(a, b edit) int { return a.at - b.at })
	with, _ := jsontext.AppendQuote(nil, splice(said, inner))
	return edit{first.at, first.end, with}
}
