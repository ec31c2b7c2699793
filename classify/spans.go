package classify

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// Span is a place in a text and what stands there.
type Span struct {
	Type string
	// From and To are byte offsets in the caller's text, [From, To), as it was
	// before it was normalised.
	From, To int
	// Score is the mean probability of the type over the span's tokens, or what
	// a pattern gives it.
	Score float64
	// Source is the name of the head or of the pattern that found it.
	Source string
}

// MergeSpans makes one list of what patterns and token heads found: sorted by
// From, without overlaps. Of spans that overlap one is left:
//
//   - a pattern's before a learned one, whatever their scores: a checksum or a
//     fixed form is evidence that a model does not have, and its edges are exact;
//   - of two patterns' or two learned ones that of the higher score, then the
//     longer, then the first.
//
// Spans without content are dropped.
func MergeSpans(patterns, learned []Span) []Span {
	if len(patterns)+len(learned) == 0 {
		return nil
	}
	edges := make([]int, 0, 2*(len(patterns)+len(learned)))
	for _, s := range slices.Concat(patterns, learned) {
		edges = append(edges, s.From, s.To)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	taken := make([]bool, len(edges)) // from this edge to the next
	var kept []Span
	for _, spans := range [...][]Span{slices.Clone(patterns), slices.Clone(learned)} {
		slices.SortStableFunc(spans, byRank)
		for _, s := range spans {
			from, _ := slices.BinarySearch(edges, s.From)
			to, _ := slices.BinarySearch(edges, s.To)
			if from >= to || slices.Contains(taken[from:to], true) {
				continue
			}
			for i := range taken[from:to] {
				taken[from+i] = true
			}
			kept = append(kept, s)
		}
	}
	slices.SortFunc(kept, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	return kept
}

func byRank(a, b Span) int {
	return cmp.Or(
		cmp.Compare(b.Score, a.Score),
		cmp.Compare(b.To-b.From, a.To-a.From),
		cmp.Compare(a.From, b.From),
		cmp.Compare(a.Type, b.Type),
		cmp.Compare(a.Source, b.Source),
	)
}

// cutBy takes out of learned spans what patterns, sorted and apart, of other types
// found in them.
// What is left, and holds a letter or a digit, stays a span: an address does not
// vanish because a postcode is in it.
func cutBy(learned, patterns []Span, text string) []Span {
	var out []Span
	for _, s := range learned {
		from, other := s.From, false
		var left []Span
		keep := func(to int) {
			at := strings.TrimFunc(text[from:to], isNoWord)
			if at == "" {
				return
			}
			start := from + strings.IndexFunc(text[from:to], isWord)
			piece := s
			piece.From, piece.To = start, start+len(at)
			left = append(left, piece)
		}
		first, _ := slices.BinarySearchFunc(patterns, s.From, func(p Span, at int) int { return p.To - at - 1 })
		for _, p := range patterns[first:] {
			if p.From >= s.To {
				break
			}
			other = other || p.Type != s.Type
			if from < p.From {
				keep(p.From)
			}
			from = max(from, p.To)
		}
		if !other {
			out = append(out, s)
			continue
		}
		if from < s.To {
			keep(s.To)
		}
		out = append(out, left...)
	}
	return out
}

func isWord(r rune) bool   { return unicode.In(r, unicode.L, unicode.M, unicode.N) }
func isNoWord(r rune) bool { return !isWord(r) }
