package classify

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// locate finds in a text what ranges of its normalised form, as the pieces of a
// reader have it, were made of. The edges of what it finds are those of runes,
// and it is as little as can be: a range takes in all of a rune, or of runes
// that were composed, of which it has a part; invisible runes behind it are left
// out, and so is white space at either end if the range has none there.
//
// It normalises the text again, up to the last range, so that a text in which
// nothing is found does not pay for it.
func locate(text string, ranges []span) []span {
	found := slices.Clone(ranges)
	starts, ends := make([]*int, len(found)), make([]*int, len(found))
	for i := range found {
		starts[i], ends[i] = &found[i].from, &found[i].to
	}
	rising := func(a, b *int) int { return cmp.Compare(*a, *b) }
	slices.SortFunc(starts, rising)
	slices.SortFunc(ends, rising)

	last := 0 // where the cluster before ends in the text
	for c := range clusters(text) {
		for len(starts) > 0 && *starts[0] < c.made.to {
			*starts[0], starts = c.source.from, starts[1:]
		}
		for len(ends) > 0 && *ends[0] <= c.made.from {
			*ends[0], ends = last, ends[1:]
		}
		if len(ends) == 0 {
			break
		}
		last = c.source.to
	}
	for _, end := range ends {
		*end = last
	}
	return found
}

// trimSymbols takes symbols and emoji off both ends of a place in a text, with
// what is white or invisible beside them. It looks at the text as it came: there
// "™" is a symbol still, and no letters.
func trimSymbols(text string, s span) span {
	cut := strings.TrimFunc(text[s.from:s.to], isSymbol)
	if len(cut) == s.to-s.from {
		return s
	}
	hidden := func(r rune) bool { return isSymbol(r) || classOf(r) == blank || classOf(r) == unseen }
	cut = strings.TrimLeftFunc(text[s.from:s.to], hidden)
	s.from = s.to - len(cut)
	s.to = s.from + len(strings.TrimRightFunc(cut, hidden))
	return s
}

// cluster is a part of a text, and what became of it: its place in the normalised
// text, without the space before.
type cluster struct{ source, made span }

// clusters parts a text at the runes that join nothing before them, and leaves
// out what became nothing. It takes the same steps as reader.next, so that both
// make the same text.
func clusters(text string) func(yield func(cluster) bool) {
	return func(yield func(cluster) bool) {
		t := &tracer{reader: newReader(text)}
		t.traced = true
		for t.src != "" || len(t.in) > 0 {
			t.takeChunk()
			t.compose()
			if !t.settle(yield) {
				return
			}
		}
	}
}

// tracer is a reader that notes what its text is made of.
type tracer struct {
	*reader
	taken int    // bytes of the source
	of    []span // the source of each byte of in

	waiting []cluster // place in out counted as if nothing were ever redrawn
	lost    int       // bytes that were redrawn away before those
	handed  int       // bytes of normalised text before out
}

// takeChunk takes as much as reader.next does, rune by rune.
func (t *tracer) takeChunk() {
	for end := t.taken + chunkBytes; t.taken < end && t.src != ""; {
		before, kept := len(t.src), len(t.in)
		t.take(1)
		size := before - len(t.src)
		for range len(t.in) - kept {
			t.of = append(t.of, span{t.taken, t.taken + size})
		}
		t.taken += size
	}
}

// compose composes each cluster by itself.
func (t *tracer) compose() {
	n := t.settled()
	for from := 0; from < n; {
		to := clusterEnd(t.in[:n], from)
		start := len(t.out) + t.shift
		t.write(t.in[from:to])
		if end := len(t.out) + t.shift + len(t.joins); end > start {
			t.waiting = append(t.waiting, cluster{span{t.of[from].from, t.of[to-1].to}, span{start, end}})
		}
		t.join()
		from = to
	}
	t.in = append(t.in[:0], t.in[n:]...)
	t.of = append(t.of[:0], t.of[n:]...)
	if t.src == "" {
		t.endText()
		t.join()
	}
}

// join moves the clusters up that stand behind spaces which were taken away.
// These spaces stand near the end of out, so few are moved.
func (t *tracer) join() {
	for _, at := range t.joins {
		for i := len(t.waiting) - 1; i >= 0 && t.waiting[i].made.to > at; i-- {
			made := &t.waiting[i].made
			made.to--
			if made.from > at {
				made.from--
			}
		}
	}
	t.joins = t.joins[:0]
}

// settle gives the clusters that can no longer change, in their final places,
// until yield says to stop.
func (t *tracer) settle(yield func(cluster) bool) bool {
	done := 0
	for fixed := t.open + t.shift; done < len(t.waiting) && t.waiting[done].made.to <= fixed; done++ {
		c := t.waiting[done]
		c.made.from, c.made.to = t.final(c.made.from), t.final(c.made.to)
		if t.out[c.made.from-t.handed] == ' ' {
			c.made.from++
		}
		if !yield(c) {
			return false
		}
	}
	t.waiting = append(t.waiting[:0], t.waiting[done:]...)

	old := t.open
	if len(t.waiting) > 0 { // may begin before, as what is many words
		old = min(old, t.final(t.waiting[0].made.from)-t.handed)
	}
	t.handed += old
	t.drop(old)
	return true
}

// final is where a place is after all that was redrawn before it. Places rise
// from call to call.
func (t *tracer) final(place int) int {
	for len(t.edits) > 0 && t.edits[0].at <= place {
		t.lost, t.edits = t.lost+t.edits[0].lost, t.edits[1:]
	}
	return place - t.lost
}

// clusterEnd is where the cluster at from ends: before the next rune that never
// joins what stands before it.
func clusterEnd(text []byte, from int) int {
	for at := from + 1; at < len(text); at++ {
		if text[at] < 0x80 || text[at] >= 0xc0 && joinsNothingBefore(text[at:]) {
			return at
		}
	}
	return len(text)
}

// joinsNothingBefore looks at what a rune becomes too, as norm does not: the
// vowels that U+314F and its neighbours stand for join the consonant before.
func joinsNothingBefore(text []byte) bool {
	p := norm.NFKC.Properties(text)
	if whole := p.Decomposition(); len(whole) > 0 && !norm.NFKC.Properties(whole).BoundaryBefore() {
		return false
	}
	return p.BoundaryBefore()
}
