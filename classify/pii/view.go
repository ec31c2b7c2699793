package pii

import (
	"context"
	"unicode/utf8"
)

// view is a text as the patterns see it: one byte, a cell, for each rune.
// Letters are lower case; digits of every script, full-width forms, hyphens,
// white space and quotes are those of ASCII; what can't be seen is left out.
// So each pattern is written once, for ASCII, and a number that was copied from
// a web page or typed on a foreign keyboard is still a number.
type view struct {
	text  string
	cells []byte

	// Of a text that isn't ASCII alone; else each cell is a byte.
	foreign  bool
	places   places
	capitals []uint64 // a bit for each cell
}

// read makes the cells of v.text.
func (v *view) read(ctx context.Context) error {
	cells := make([]byte, len(v.text))
	v.cells = cells
	var p pace
	for i := 0; p.more(ctx, i, len(cells)); i++ {
		if v.text[i] >= utf8.RuneSelf {
			return v.readRunes(ctx)
		}
		cells[i] = lower(v.text[i])
	}
	return ctx.Err()
}

func (v *view) readRunes(ctx context.Context) error {
	v.foreign, v.places, v.capitals = true, newPlaces(len(v.text)), make([]uint64, (len(v.text)+63)/64)
	cells := v.cells[:0]
	var e eyes
	var p pace
	for i, size := 0, 0; p.more(ctx, i, len(v.text)); i += size {
		c := v.text[i]
		seen, capital := true, c >= 'A' && c <= 'Z'
		if size = 1; c < utf8.RuneSelf {
			c = lower(c)
		} else {
			var r rune
			r, size = utf8.DecodeRuneInString(v.text[i:])
			l := e.look(r)
			c, seen, capital = l.cell, l.seen, l.capital
		}
		if !seen {
			continue
		}
		if capital {
			v.capitals[len(cells)/64] |= 1 << (len(cells) % 64)
		}
		v.places.mark(i)
		cells = append(cells, c)
	}
	v.cells = cells
	v.places.count()
	return ctx.Err()
}

// cell is the cell at i, or 0 beyond either end.
func (v *view) cell(i int) byte {
	if i < 0 || i >= len(v.cells) {
		return 0
	}
	return v.cells[i]
}

// bytes are the offsets in the text of the cells [from, to), which is not empty.
func (v *view) bytes(from, to int) (int, int) {
	if !v.foreign {
		return from, to
	}
	last := v.places.of(to - 1)
	_, size := utf8.DecodeRuneInString(v.text[last:])
	return v.places.of(from), last + size
}

// has says whether word, in lower case ASCII, begins at the cell from.
func (v *view) has(from int, word string) bool {
	return from >= 0 && from+len(word) <= len(v.cells) && string(v.cells[from:from+len(word)]) == word
}

// isCapital says whether the cell at i stands for a capital letter.
func (v *view) isCapital(i int) bool {
	if v.foreign {
		return v.capitals[i/64]>>(i%64)&1 != 0
	}
	return v.text[i] >= 'A' && v.text[i] <= 'Z'
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isAlpha(c byte) bool { return c >= 'a' && c <= 'z' }
func isAlnum(c byte) bool { return isDigit(c) || isAlpha(c) }
func isHex(c byte) bool   { return isDigit(c) || c >= 'a' && c <= 'f' }

// isWord says whether c would go on a word, or a number, that it touches.
func isWord(c byte) bool { return isAlnum(c) || c == cellLetter || c == '_' }

// digits is where the run of digits from i on ends, at the latest at i+most+1.
func (v *view) digits(i, most int) int {
	end := i
	for end <= i+most && isDigit(v.cell(end)) {
		end++
	}
	return end
}

// blank skips spaces from i on, at most so many.
func (v *view) blank(i, most int) int {
	for end := i + most; i < end && v.cell(i) == ' '; {
		i++
	}
	return i
}

// number reads the digits [from, to), of which there are few.
func (v *view) number(from, to int) int {
	n := 0
	for _, c := range v.cells[from:to] {
		n = n*10 + int(c-'0')
	}
	return n
}
