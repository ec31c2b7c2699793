package pii

import "math/bits"

// places knows where in a text each of its cells begins, in less than a quarter of
// the text's size: a bit for each byte, and a count for each 64 of them.
type places struct {
	begins []uint64 // a bit is set where a cell begins
	before []int32  // how many cells begin before those 64 bytes
}

func newPlaces(size int) places {
	return places{begins: make([]uint64, (size+63)/64)}
}

// mark says that the next cell begins at the byte i.
func (p *places) mark(i int) { p.begins[i/64] |= 1 << (i % 64) }

// count is for when all are marked.
func (p *places) count() {
	p.before = make([]int32, len(p.begins))
	n := 0
	for i, word := range p.begins {
		p.before[i] = int32(n)
		n += bits.OnesCount64(word)
	}
}

// of is the byte that a cell begins at.
func (p *places) of(cell int) int {
	low, high := cell/64, len(p.before) // no cell begins before the byte of its own number
	for low+1 < high {
		if mid := (low + high) / 2; int(p.before[mid]) <= cell {
			low = mid
		} else {
			high = mid
		}
	}
	word := p.begins[low]
	for n := cell - int(p.before[low]); n > 0; n-- {
		word &= word - 1
	}
	return low*64 + bits.TrailingZeros64(word)
}
