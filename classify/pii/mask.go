package pii

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// literal is the type of placeholders for what a user wrote and what looks like a
// placeholder that was given out before.
const literal = "LITERAL"

// Masker puts placeholders such as <PERSON_1> in the place of values, and
// remembers which stands for which. One Masker serves all texts of a request: a
// value has the same placeholder in each of them, and since numbers are given in
// order, the same texts in the same order are masked the same again.
//
// A text that holds what looks like a placeholder can't be confused with one. If
// it was not given out yet it never will be; if it was, the user's own is masked
// too. So Unmask gives back each text that Mask was given.
//
// A Masker is for one goroutine at a time. The Unmaskers that it makes don't
// share anything with it.
type Masker struct {
	key    map[value]string  // the placeholder of a value, without brackets
	values map[string]string // and back
	last   map[string]int    // the highest number of each label
	seen   map[string]bool   // what users wrote that looks like a placeholder
}

type value struct{ label, text string }

// NewMasker is a Masker that remembers nothing yet.
func NewMasker() *Masker {
	return &Masker{map[value]string{}, map[string]string{}, map[string]int{}, map[string]bool{}}
}

// Mask gives text with a placeholder in the place of each span. Spans need no
// order; those that overlap become one, of the first's type, and what reaches out
// of the text is cut: rather too much is masked than too little.
func (m *Masker) Mask(text string, spans []classify.Span) string {
	spans = disjoint(text, spans)
	given := make(map[string]bool)
	m.between(text, spans, func(piece string) {
		for at := range lookalikes(piece) {
			_, ours := m.values[at.key]
			given[at.key] = given[at.key] || ours
			m.seen[at.key] = true
		}
	})
	var out strings.Builder
	next := 0
	m.between(text, spans, func(piece string) {
		done := 0
		for at := range lookalikes(piece) {
			if at.from >= done && given[at.key] {
				out.WriteString(piece[done:at.from])
				out.WriteString(m.placeholder(literal, piece[at.from:at.to]))
				done = at.to
			}
		}
		out.WriteString(piece[done:])
		if next < len(spans) {
			s := spans[next]
			out.WriteString(m.placeholder(label(s.Type), text[s.From:s.To]))
			next++
		}
	})
	return out.String()
}

// MaskName is Mask for a name in a place that takes no brackets. Where a span is,
// the whole name becomes one placeholder, without them.
func (m *Masker) MaskName(name string, spans []classify.Span) string {
	if spans = disjoint(name, spans); len(spans) > 0 {
		return strings.Trim(m.placeholder(label(spans[0].Type), name), "<>")
	}
	if m.Mask(name, nil) != name { // it looks like one that was given out
		return strings.Trim(m.placeholder(literal, name), "<>")
	}
	return name
}

// between calls do with each piece of text before, between and after spans. No
// placeholder reaches over the end of a piece, because each begins and ends with
// a bracket.
func (m *Masker) between(text string, spans []classify.Span, do func(piece string)) {
	from := 0
	for _, s := range spans {
		do(text[from:s.From])
		from = s.To
	}
	do(text[from:])
}

// placeholder is what stands for a value.
func (m *Masker) placeholder(label, text string) string {
	key, ok := m.key[value{label, text}]
	for !ok {
		m.last[label]++
		key = label + "_" + strconv.Itoa(m.last[label])
		_, used := m.values[key] // by a label such as A_1, of which this is the second
		ok = !used && !m.seen[key]
	}
	m.key[value{label, text}], m.values[key] = key, text
	return "<" + key + ">"
}

// Unmask gives text with the values in the place of the placeholders that this
// Masker gave out; see Unmasker for how they may be spelled.
func (m *Masker) Unmask(text string) string {
	u := m.Unmasker()
	return u.Write(text) + u.Flush()
}

// Unmasker is for one text that comes in pieces; it knows what was masked so far.
func (m *Masker) Unmasker() *Unmasker {
	u := &Unmasker{values: make(map[string]string, len(m.values))}
	for key, text := range m.values {
		u.values[key] = text
		u.keys = append(u.keys, key)
	}
	slices.Sort(u.keys)
	return u
}

// JSONUnmasker is Unmasker for a text that is JSON, such as the arguments of a
// tool call: what it gives back is JSON again.
func (m *Masker) JSONUnmasker() *Unmasker {
	u := m.Unmasker()
	u.json = true
	for key, text := range u.values {
		u.values[key] = quoted(text)
	}
	return u
}

// quoted is text as it is written in a JSON string.
func quoted(text string) string {
	if !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == '"' || c == '\\' }) {
		return text
	}
	const hex = "0123456789abcdef"
	var out strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			out.WriteString(`\` + text[i:i+1])
		case c == '\n':
			out.WriteString(`\n`)
		case c < ' ':
			out.WriteString(`\u00` + hex[c>>4:c>>4+1] + hex[c&15:c&15+1])
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// Counts is how many values of each type have a placeholder; what a user wrote
// that only looks like one is none.
func (m *Masker) Counts() map[string]int {
	n := make(map[string]int)
	for v := range m.key {
		if v.label != literal {
			n[v.label]++
		}
	}
	return n
}

// Masked is how many values have a placeholder.
func (m *Masker) Masked() int { return len(m.values) }

// label is the part of a placeholder before the number.
func label(typ string) string {
	clean := []byte(strings.ToUpper(typ))
	for i, c := range clean {
		if !isKey(c) {
			clean[i] = '_'
		}
	}
	name := strings.Trim(string(clean), "_")
	if name == "" || isDigit(name[0]) {
		return "DATA"
	}
	return name[:min(len(name), longestLabel)]
}

const longestLabel = 40

// disjoint sorts spans, joins those that overlap and cuts off what is outside of
// text or in the middle of a rune.
func disjoint(text string, spans []classify.Span) []classify.Span {
	sorted := make([]classify.Span, 0, len(spans))
	for _, s := range spans {
		s.From, s.To = max(0, min(s.From, len(text))), min(s.To, len(text))
		for s.From > 0 && s.From < len(text) && !utf8.RuneStart(text[s.From]) {
			s.From--
		}
		for s.To > 0 && s.To < len(text) && !utf8.RuneStart(text[s.To]) {
			s.To++
		}
		if s.From < s.To {
			sorted = append(sorted, s)
		}
	}
	slices.SortStableFunc(sorted, func(a, b classify.Span) int { return cmp.Compare(a.From, b.From) })
	out := sorted[:0]
	for _, s := range sorted {
		if n := len(out); n > 0 && s.From < out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}

// String says how much was masked, not what.
func (m *Masker) String() string { return strconv.Itoa(m.Masked()) + " values masked" }

// GoString keeps %#v from printing the values.
func (m *Masker) GoString() string { return m.String() }
