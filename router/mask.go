package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"unicode"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
)

// Mask is what was masked in a request. It lives as long as the request does.
type Mask struct {
	masker  *pii.Masker
	changes []chat.Change
}

// Counts is how many values of each type were masked.
func (m *Mask) Counts() map[string]int { return m.masker.Counts() }

// Values is how many values were masked.
func (m *Mask) Values() int {
	n := 0
	for _, one := range m.Counts() {
		n += one
	}
	return n
}

// Empty says that nothing stands in the request that has to be undone.
func (m *Mask) Empty() bool { return len(m.changes) == 0 }

// Undo is for one text of the answer that comes in pieces; inJSON says that the
// text is JSON.
func (m *Mask) Undo(inJSON bool) *pii.Unmasker {
	if inJSON {
		return m.masker.JSONUnmasker()
	}
	return m.masker.Unmasker()
}

// String says how much was masked, not what.
func (m *Mask) String() string { return fmt.Sprintf("%d values masked", m.Values()) }

// GoString keeps %#v from printing the values.
func (m *Mask) GoString() string { return m.String() }

// LogValue keeps slog's JSON from printing the values.
func (m *Mask) LogValue() slog.Value { return slog.StringValue(m.String()) }

// mask finds the personal data in everything that a model can come to read of the
// request, and what to write in its place. It fails closed whatever the policy for
// guards is, which is about requests that nobody knows of whether they hold any:
// text that wasn't read, whole, by the encoder is not sent.
func (e *evaluation) mask(by *decision) *chat.Error {
	d := e.decision
	if d.Request.HidesText() {
		return e.unmasked(by, reasonUnread)
	}
	if d.Request.Continues {
		return cannotMask(by.name, "the request goes on from one that the backend keeps, whose placeholders are not known any more; send the whole conversation")
	}
	plain, fused := d.Request.Layouts()
	spans := make([][]classify.Span, len(plain.Places))
	for i, l := range []*chat.Layout{plain, fused} {
		if i > 0 && fused == plain {
			break
		}
		name := [...]string{"mask", "mask_fused"}[i]
		at, err := e.readText(revealed(l.Text), name, "classify for masking")
		if errors.Is(e.ctx.Err(), context.Canceled) {
			return clientGone
		}
		if err != nil && !errors.Is(err, classify.ErrNoText) {
			return e.unmasked(by, classify.Outcome(err, classify.Result{}))
		}
		if e.leaves(d.Readings[at].Result, HeadPII) {
			return e.unmasked(by, reasonUnread)
		}
		for _, s := range d.Readings[at].Result.Spans {
			switch {
			case !e.masks(by, s):
			case s.To > len(l.Text):
				return cannotMask(by.name, fmt.Sprintf("personal data (%s) is written in Unicode's tag characters, which nobody sees", s.Type))
			default:
				share(l, s, spans)
			}
		}
	}
	spread(plain, spans, e.known(by))
	return e.replace(by, plain, spans)
}

// unmasked refuses what could not be read.
func (e *evaluation) unmasked(by *decision, reason string) *chat.Error {
	e.decision.GuardFailures = append(e.decision.GuardFailures, GuardFailure{Decision: by.name, Reason: reason, Refused: true})
	return notProtected(reason)
}

// masks tells whether a span is one that a signal of the decision's rules looks
// for. A decision without such a signal masks whatever is found.
func (e *evaluation) masks(by *decision, s classify.Span) bool {
	return len(by.pii) == 0 || slices.ContainsFunc(by.pii, func(i int) bool { return e.router.learned[i].counts(s) })
}

// share gives each place its part of a span. One that reaches over several places
// is cut at their edges, and each part is masked by itself: what is between them,
// such as a line feed or the quotes of JSON, has to stay.
func share(l *chat.Layout, s classify.Span, spans [][]classify.Span) {
	i, _ := slices.BinarySearchFunc(l.Places, s.From, func(p chat.Place, from int) int { return p.To - from - 1 })
	for ; i < len(l.Places) && l.Places[i].From < s.To; i++ {
		p := l.Places[i]
		part := s
		part.From, part.To = max(s.From, p.From)-p.From, min(s.To, p.To)-p.From
		if part.From < part.To {
			spans[i] = append(spans[i], part)
		}
	}
}

// finding is a value and its type.
type finding struct{ text, kind string }

// known are the values that the decision's signals matched by, where those read
// another text.
func (e *evaluation) known(by *decision) []finding {
	var out []finding
	for _, p := range e.passes {
		if p.err != nil {
			continue
		}
		for _, s := range e.decision.Readings[p.at].Result.Spans {
			if e.masks(by, s) && s.From >= 0 && s.To <= len(p.text) && s.From < s.To {
				out = append(out, finding{p.text[s.From:s.To], s.Type})
			}
		}
	}
	return out
}

// shortest is the fewest bytes of a value that is looked for elsewhere.
const shortest = 4

// spread adds the places where a value that was found stands once more, as whole
// words: a name that the encoder saw in one sentence it may not see in the next.
// Fixed places are left out, where a word that only looks alike would have the
// request refused.
func spread(l *chat.Layout, spans [][]classify.Span, values []finding) {
	for i, p := range l.Places {
		for _, s := range spans[i] {
			values = append(values, finding{l.Of(p)[s.From:s.To], s.Type})
		}
	}
	byStart := map[string][]finding{}
	for _, v := range values {
		if len(v.text) < shortest {
			continue
		}
		if key := v.text[:shortest]; !slices.Contains(byStart[key], v) {
			byStart[key] = append(byStart[key], v)
		}
	}
	if len(byStart) == 0 {
		return
	}
	for i, p := range l.Places {
		if p.Use == chat.Fixed {
			continue
		}
		text := l.Of(p)
		for at := 0; at+shortest <= len(text); at++ {
			for _, v := range byStart[text[at:at+shortest]] {
				if to := at + len(v.text); to <= len(text) && text[at:to] == v.text && wholeWord(text, at, to) {
					spans[i] = append(spans[i], classify.Span{Type: v.kind, From: at, To: to})
				}
			}
		}
	}
}

// wholeWord tells whether text[from:to] begins and ends no other word.
func wholeWord(text string, from, to int) bool {
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return !(inWord(before(text, from)) && inWord(first(text[from:to]))) && !(inWord(last(text[from:to])) && inWord(first(text[to:])))
}

// replace has a placeholder written over each span, or gives the refusal where one
// stands in a place that can't be changed.
func (e *evaluation) replace(by *decision, l *chat.Layout, spans [][]classify.Span) *chat.Error {
	m := &Mask{masker: pii.NewMasker()}
	for i, p := range l.Places {
		if p.Use != chat.Fixed {
			continue
		}
		if len(spans[i]) > 0 {
			return cannotMask(by.name, fmt.Sprintf("personal data (%s) was found where it can't be replaced: in the name of a tool or a parameter, in a pattern, or in arguments that are no JSON", spans[i][0].Type))
		}
		m.masker.Mask(l.Of(p), nil) // what looks like a placeholder here is not given out
	}
	kinds := map[string]string{} // one for a value, or it would have two placeholders
	for i, p := range l.Places {
		if p.Use == chat.Fixed {
			continue
		}
		text := l.Of(p)
		slices.SortStableFunc(spans[i], func(a, b classify.Span) int { return cmp.Or(a.From-b.From, b.To-a.To) })
		for j := range spans[i] {
			s := &spans[i][j]
			if kind, ok := kinds[text[s.From:s.To]]; ok {
				s.Type = kind
			} else {
				kinds[text[s.From:s.To]] = s.Type
			}
		}
		masked := ""
		switch p.Use {
		case chat.Name:
			masked = m.masker.MaskName(text, spans[i])
		case chat.Number:
			if masked = text; len(spans[i]) > 0 { // not a part of it
				masked = m.masker.Mask(text, []classify.Span{{Type: spans[i][0].Type, To: len(text)}})
			}
		default:
			masked = m.masker.Mask(text, spans[i])
		}
		if masked != text {
			m.changes = append(m.changes, chat.Change{Place: p, Text: masked})
		}
	}
	e.decision.Mask = m
	return nil
}

func cannotMask(decision, why string) *chat.Error {
	return &chat.Error{
		Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "cannot_mask", NoRetry: true,
		Message: fmt.Sprintf("The decision %q masks personal data, and can't here: %s.", decision, why),
	}
}
