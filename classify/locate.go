package classify

import (
	"cmp"
	"slices"

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

// cluster is a part of a text, and what became of it: its place in the normalised
// text, without the space before.
type cluster struct{ source, made span }

// clusters parts a text at the runes that join nothing before them, and leaves
// out what became nothing. It takes the same steps as reader.next, so that both
// make the same text.
func clusters(text string) func(yield func(cluster) bool) {
	return func(yield func(cluster) bool) {
		r := newReader(text)
		var of []span // the source of each byte of r.in
		taken, made := 0, 0
		for r.src != "" || len(r.in) > 0 {
			for end := taken + chunkBytes; taken < end && r.src != ""; {
				before := len(r.src)
				kept := len(r.in)
				r.take(1)
				size := before - len(r.src)
				for range len(r.in) - kept {
					of = append(of, span{taken, taken + size})
				}
				taken += size
			}
			n := r.settled()
			for from := 0; from < n; {
				to := clusterEnd(r.in[:n], from)
				r.out = r.out[:0]
				r.write(r.in[from:to])
				c := cluster{span{of[from].from, of[to-1].to}, span{made, made + len(r.out)}}
				if len(r.out) > 0 && r.out[0] == ' ' {
					c.made.from++
				}
				made, from = c.made.to, to
				if len(r.out) > 0 && !yield(c) {
					return
				}
			}
			r.in = append(r.in[:0], r.in[n:]...)
			of = append(of[:0], of[n:]...)
		}
	}
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
