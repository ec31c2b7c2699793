package classify

import (
	"math"
	"slices"
	"unicode"
	"unicode/utf8"
)

// place is where a token stands in the normalised text, without the white space
// around it, and whether it begins a word.
type place struct {
	span
	begins bool
}

// placesOf gives the places of the tokens of a piece, which stands at base. A
// piece begins with a word. Words end at white space and where isBreak has them
// end; scripts that are written without spaces have no words to keep whole, so
// each of their tokens is one. A token of white space alone, as SentencePiece has
// them, belongs to the word behind it. Offsets that fall or lie outside are
// ErrBadOutput.
func placesOf(tokens []Token, piece string, base int) ([]place, error) {
	places := make([]place, len(tokens))
	floor, end := 0, 0 // of the offsets; of the text that tokens before have
	blank := false     // the token before is white space that begins a word
	for i, t := range tokens {
		if t.From < floor || t.To < t.From || t.To > len(piece) {
			return nil, errBadOffsets(i, t, len(piece))
		}
		floor = t.From
		at := trim(piece, span{t.From, t.To})
		begins := i == 0 || !blank && (at.from > end || at.from == end && parts(piece, at.from))
		places[i] = place{span{base + at.from, base + at.to}, begins}
		blank = at.from == at.to && (begins || blank)
		end = max(end, at.to)
	}
	return places, nil
}

// trim takes the white space off both ends; normalised text has only the space.
func trim(text string, s span) span {
	for s.from < s.to && text[s.from] == ' ' {
		s.from++
	}
	for s.from < s.to && text[s.to-1] == ' ' {
		s.to--
	}
	return s
}

// parts tells whether a word ends at a place where no white space is.
func parts(text string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at:])
	return endsWord(before) || endsWord(after)
}

// endsWord says whether a word ends before and after r. Symbols and emoji are
// no part of what they stand beside, though the normaliser needn't part them.
func endsWord(r rune) bool {
	return isBreak(r) || isUnspaced(r) || isSymbol(r)
}

// isSymbol leaves out those of ASCII, which names may hold, as "C++".
func isSymbol(r rune) bool { return r >= utf8.RuneSelf && unicode.IsSymbol(r) }

func isUnspaced(r rune) bool {
	return r >= 0xe00 && unicode.In(r, unicode.Thai, unicode.Lao, unicode.Myanmar, unicode.Khmer,
		unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Han)
}

// tagger turns the logits of a token head into spans.
type tagger struct {
	head   Head
	at     int      // of the head among the model's
	types  []string // the first is empty: no type
	typeOf []int    // of each label, an index into types
	begins []bool   // of each label
	// margin is by how much the logit of "O" must exceed every other, so that
	// together they are less likely than it: exp(-margin/T) = 1/labels.
	margin float32
	none   int // the label "O"
}

func newTagger(h Head, at int) tagger {
	t := tagger{
		head: h, at: at, types: []string{""}, none: slices.Index(h.Labels, outside),
		margin: float32(h.Temperature * math.Log(float64(len(h.Labels)))),
	}
	index := map[string]int{"": 0}
	for _, label := range h.Labels {
		kind, begins := typeOf(label)
		i, ok := index[kind]
		if !ok {
			i = len(t.types)
			index[kind] = i
			t.types = append(t.types, kind)
		}
		t.typeOf = append(t.typeOf, i)
		t.begins = append(t.begins, begins)
	}
	return t
}

// word is what the tokens of one word say together.
type word struct {
	votes  []int     // tokens that are likeliest of a type, by type
	sum    []float64 // probability of each type over the tokens
	begins []bool    // the first token that voted for a type begins it
	tokens int

	p, mass, first []float64 // of one token
}

func (t *tagger) newWord() *word {
	n := len(t.types)
	return &word{
		votes: make([]int, n), sum: make([]float64, n), begins: make([]bool, n),
		mass: make([]float64, n), first: make([]float64, n),
	}
}

func (w *word) clear() {
	clear(w.votes)
	clear(w.sum)
	clear(w.begins)
	w.tokens = 0
}

// add counts a token with these logits.
func (w *word) add(t *tagger, logits []float32) {
	clear(w.mass)
	clear(w.first)
	w.p = appendProbabilities(w.p[:0], logits, t.head.Temperature)
	for i, x := range w.p {
		w.mass[t.typeOf[i]] += x
		if t.begins[i] {
			w.first[t.typeOf[i]] += x
		}
	}
	top := best(w.mass)
	if w.votes[top] == 0 {
		w.begins[top] = top != 0 && 2*w.first[top] >= w.mass[top]
	}
	w.votes[top]++
	w.tokens++
	for i, x := range w.mass {
		w.sum[i] += x
	}
}

// winner is the type of the word: that of most of its tokens, and of equals the
// one of higher probability.
func (w *word) winner() int {
	top := 0
	for i, n := range w.votes {
		if n > w.votes[top] || n == w.votes[top] && w.sum[i] > w.sum[top] {
			top = i
		}
	}
	return top
}

// tags gives the spans of a head, by places in the normalised text. row gives the
// logits of a token, nil if it was not read.
//
// Each word gets the type of most of its tokens, so that no span splits one.
// Words in a row of one type are one span, unless a word begins another; an
// inside without a beginning begins one too.
func (t *tagger) tags(places []place, row func(token int) []float32) []Span {
	var found []Span
	w := t.newWord()
	open, tokens := 0, 0 // type of the span at the end of found, 0 if it ended; its tokens
	end := func() {
		if open != 0 {
			found[len(found)-1].Score /= float64(tokens)
		}
		open = 0
	}
	for from := 0; from < len(places); {
		to := wordEnd(places, from)
		kind := 0
		if !t.plain(row, from, to) {
			w.clear()
			for i := from; i < to; i++ {
				blank := places[i].from == places[i].to // has no say in what the word is
				if logits := row(i); logits != nil && !blank {
					w.add(t, logits)
				}
			}
			kind = w.winner()
		}
		if kind != open || w.begins[kind] {
			end()
		}
		if kind != 0 && open == 0 {
			found = append(found, Span{Type: t.types[kind], Source: t.head.Name})
			open, tokens = kind, 0
		}
		if kind != 0 {
			found[len(found)-1].extend(places[from:to])
			found[len(found)-1].Score += w.sum[kind]
			tokens += w.tokens
		}
		from = to
	}
	end()
	return slices.DeleteFunc(found, func(s Span) bool { return s.From == s.To })
}

// extend takes in tokens that follow. Those of white space alone have no place.
func (s *Span) extend(tokens []place) {
	for _, p := range tokens {
		if p.from == p.to {
			continue
		}
		if s.From == s.To {
			s.From = p.from
		}
		s.To = p.to
	}
}

// plain tells whether all these tokens are so surely outside that there is no
// need to work out how surely: nearly all tokens of nearly all texts.
func (t *tagger) plain(row func(token int) []float32, from, to int) bool {
	for i := from; i < to; i++ {
		logits := row(i)
		for label, x := range logits {
			if label != t.none && logits[t.none]-x <= t.margin {
				return false
			}
		}
	}
	return true
}

// wordEnd is the first token that is not of the word that begins with the one at
// from.
func wordEnd(places []place, from int) int {
	to := from + 1
	for to < len(places) && !places[to].begins {
		to++
	}
	return to
}

// owners gives for each of n tokens the window that speaks for it, an index into
// windows or -1: the one that read it farthest from where it cuts the text, so
// with most around it.
func owners(windows []span, n int) []int {
	owner, depth := make([]int, n), make([]int, n)
	for i := range owner {
		owner[i], depth[i] = -1, -1
	}
	for i, w := range windows {
		for at := w.from; at < w.to; at++ {
			d := n
			if w.from > 0 {
				d = at - w.from
			}
			if w.to < n {
				d = min(d, w.to-1-at)
			}
			if d > depth[at] {
				owner[at], depth[at] = i, d
			}
		}
	}
	return owner
}
