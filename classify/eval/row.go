package eval

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	sourceBytes = 80    // of "source" and "lang" that are kept
	mostQuality = 1e100 // of "weak" and "strong": the sum of a million of them is finite
)

// members are those of a row that mean something.
type members struct {
	Text     *string          `json:"text"`
	Label    *string          `json:"label"`
	Entities *[]entityMembers `json:"entities"`
	Weak     jsontext.Value   `json:"weak"`
	Strong   jsontext.Value   `json:"strong"`
	Source   jsontext.Value   `json:"source"`
	Lang     jsontext.Value   `json:"lang"`
}

type entityMembers struct {
	Start *int    `json:"start"`
	End   *int    `json:"end"`
	Type  string  `json:"type"`
	Value *string `json:"value"`
}

// parse reads one row, and from the first one the kind.
func (d *Data) parse(line []byte) (Row, error) {
	var m members
	if err := json.Unmarshal(line, &m); err != nil {
		return Row{}, err
	}
	if m.Text == nil {
		return Row{}, errors.New(`"text" is missing`)
	}
	kind, err := m.kind()
	switch {
	case err != nil:
		return Row{}, err
	case d.Kind == "" && kind == "":
		return Row{}, errors.New(`neither "label", nor "entities", nor "weak" and "strong"`)
	case d.Kind != "" && kind == "":
		return Row{}, fmt.Errorf("%s is missing", d.Kind.names())
	case d.Kind != "" && kind != d.Kind:
		return Row{}, fmt.Errorf("has %s, and the first row %s: one file, one kind", kind.names(), d.Kind.names())
	}
	d.Kind = kind
	row := Row{Text: *m.Text, Source: short(m.Source), Lang: short(m.Lang)}
	switch kind {
	case KindLabels:
		row.Label = *m.Label
	case KindSpans:
		row.Entities, err = entities(*m.Text, *m.Entities)
	case KindOutcomes:
		if row.Weak, err = quality("weak", m.Weak); err == nil {
			row.Strong, err = quality("strong", m.Strong)
		}
	}
	return row, err
}

// kind is told by what stands beside the text; "" if nothing does.
func (m members) kind() (Kind, error) {
	var kinds []Kind
	if m.Label != nil {
		kinds = append(kinds, KindLabels)
	}
	if m.Entities != nil {
		kinds = append(kinds, KindSpans)
	}
	if given(m.Weak) || given(m.Strong) {
		kinds = append(kinds, KindOutcomes)
	}
	switch len(kinds) {
	case 0:
		return "", nil
	case 1:
		return kinds[0], nil
	}
	return "", fmt.Errorf("has both %s and %s: which one is to be measured?", kinds[0].names(), kinds[1].names())
}

// names are the members that make a kind, for errors.
func (k Kind) names() string {
	switch k {
	case KindLabels:
		return `"label"`
	case KindSpans:
		return `"entities"`
	}
	return `"weak" and "strong"`
}

func given(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

// quality is how good an answer was: right and wrong as 1 and 0, in numbers or
// booleans, or what a judge gave it. Errors say nothing of what else stands there,
// which may be a text.
func quality(name string, v jsontext.Value) (float64, error) {
	if !given(v) {
		return 0, fmt.Errorf("%q is missing", name)
	}
	switch v.Kind() {
	case 't':
		return 1, nil
	case 'f':
		return 0, nil
	case '0':
		if q, err := strconv.ParseFloat(string(v), 64); err == nil && math.Abs(q) <= mostQuality {
			return q, nil
		}
		return 0, fmt.Errorf("%q is beyond %g", name, mostQuality)
	}
	return 0, fmt.Errorf("%q is neither a number nor true or false", name)
}

// entities checks the places and turns code points into bytes. The result is
// sorted by place and not nil. Errors name an entity by its number and never
// what stands there.
func entities(text string, given []entityMembers) ([]Entity, error) {
	length := utf8.RuneCountInString(text)
	var edges []int
	for i, e := range given {
		switch {
		case e.Type == "":
			return nil, fmt.Errorf(`entity %d: "type" is missing`, i+1)
		case e.Start == nil || e.End == nil:
			return nil, fmt.Errorf(`entity %d: "start" or "end" is missing`, i+1)
		case *e.Start < 0 || *e.Start >= *e.End || *e.End > length:
			return nil, fmt.Errorf("entity %d: needs 0 <= start < end <= %d code points of text, has [%d, %d)", i+1, length, *e.Start, *e.End)
		}
		edges = append(edges, *e.Start, *e.End)
	}
	at := bytesAt(text, edges)
	placed := make([]Entity, len(given))
	for i, e := range given {
		p := Entity{Type: e.Type, From: at[*e.Start], To: at[*e.End]}
		if e.Value != nil && *e.Value != text[p.From:p.To] {
			return nil, fmt.Errorf(`entity %d: "value" is not what stands at [%d, %d)`, i+1, *e.Start, *e.End)
		}
		placed[i] = p
	}
	slices.SortFunc(placed, byPlace)
	for i := 1; i < len(placed); i++ {
		if placed[i] == placed[i-1] {
			return nil, fmt.Errorf("two entities of type %.80q have the same place", placed[i].Type)
		}
	}
	return placed, nil
}

// bytesAt is where in text the code points of these numbers begin.
func bytesAt(text string, points []int) map[int]int {
	at := make(map[int]int, len(points))
	slices.Sort(points)
	points = slices.Compact(points)
	n := 0
	for i := range text {
		if len(points) == 0 {
			break
		}
		if points[0] == n {
			at[n] = i
			points = points[1:]
		}
		n++
	}
	for _, p := range points {
		at[p] = len(text)
	}
	return at
}

// short is a string member as it is kept; "" if it is no string.
func short(v jsontext.Value) string {
	if v.Kind() != '"' {
		return ""
	}
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil || len(text) <= sourceBytes {
		return string(text)
	}
	return strings.ToValidUTF8(string(text[:sourceBytes-len("…")]), "") + "…"
}
