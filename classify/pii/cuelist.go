package pii

import "sort"

// cueList holds cues in eight bytes each, since a text may be little else, and in
// blocks, so that a long list isn't copied to grow.
type cueList struct {
	blocks [][]uint64
	n      int
}

const cuesPerBlock = 1 << 12

// How a cue is packed: its kind, above that the month, how many cells it has, and
// where it begins.
const (
	monthAt = 23
	sizeAt  = monthAt + 4
	fromAt  = sizeAt + 6

	_ = uint64(longestText) << fromAt // it fits,
	_ = uint(1<<monthAt - kindEnd)    // and so do the kinds,
	_ = uint(1<<6 - 1 - maxWord)      // and the words
)

func (l *cueList) add(c cue) {
	if l.n%cuesPerBlock == 0 {
		var block []uint64 // the first grows as it needs to: most texts have few
		if l.n > 0 {
			block = make([]uint64, 0, cuesPerBlock)
		}
		l.blocks = append(l.blocks, block)
	}
	last := &l.blocks[len(l.blocks)-1]
	*last = append(*last, uint64(c.from)<<fromAt|uint64(c.to-c.from)<<sizeAt|uint64(c.month)<<monthAt|uint64(c.kind))
	l.n++
}

func (l *cueList) at(n int) cue {
	p := l.blocks[n/cuesPerBlock][n%cuesPerBlock]
	from := int(p >> fromAt)
	return cue{
		from:  from,
		to:    from + int(p>>sizeAt)&(1<<(fromAt-sizeAt)-1),
		kind:  kind(p & (1<<monthAt - 1)),
		month: int(p>>monthAt) & (1<<(sizeAt-monthAt) - 1),
	}
}

// endingAfter is the index of the first cue that ends after the cell i.
func (l *cueList) endingAfter(i int) int {
	return sort.Search(l.n, func(n int) bool { return l.at(n).to > i })
}

// beginningAt is the index of the first cue that begins at the cell i or after it.
func (l *cueList) beginningAt(i int) int {
	return sort.Search(l.n, func(n int) bool { return l.at(n).from >= i })
}
