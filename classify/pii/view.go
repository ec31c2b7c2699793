package pii

import (
	"unicode"
	"unicode/utf8"
)

// Classes of cells that stand for other than ASCII. Letters of ASCII are lower
// case in a view, which leaves the upper case for these.
const (
	cellLetter = 'L' // a letter or mark of a script that parts words
	cellGlyph  = 'C' // a letter of a script that doesn't: a number may stand beside it
	cellYear   = 'Y' // 年, 년
	cellMonth  = 'M' // 月, 월
	cellDay    = 'D' // 日, 일
	cellSign   = 'S' // of arithmetic, a unit or a currency
	cellOther  = 'X' // anything else, such as punctuation
)

// view is a text as the patterns see it: one byte, a cell, for each rune.
// Letters are lower case; digits of every script, full-width forms, hyphens,
// white space and quotes are those of ASCII; what can't be seen is left out.
// So each pattern is written once, for ASCII, and a number that was copied from
// a web page or typed on a foreign keyboard is still a number.
type view struct {
	text  string
	cells []byte
	at    []int // where the cell begins in text; nil when each cell is a byte
}

func newView(text string) *view {
	v := &view{text: text}
	for i := 0; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			v.readRunes()
			return v
		}
	}
	v.cells = make([]byte, len(text))
	for i := range v.cells {
		v.cells[i] = lower(text[i])
	}
	return v
}

func (v *view) readRunes() {
	v.cells = make([]byte, 0, len(v.text))
	v.at = make([]int, 0, len(v.text))
	for i, r := range v.text {
		c, seen := cellOf(r)
		if !seen {
			continue
		}
		v.cells = append(v.cells, c)
		v.at = append(v.at, i)
	}
}

// cellOf is what r looks like, and whether it can be seen at all.
func cellOf(r rune) (cell byte, seen bool) {
	switch {
	case r < utf8.RuneSelf:
		return lower(byte(r)), true
	case r >= 0xff01 && r <= 0xff5e: // full-width ASCII
		return lower(byte(r - 0xff01 + '!')), true
	case unicode.In(r, unicode.Cf, unicode.Variation_Selector):
		return 0, false // zero-width, bidi marks, soft hyphen
	case unicode.Is(unicode.Zs, r):
		return ' ', true
	case unicode.Is(unicode.Pd, r) || r == 0x2212 || r == 0x2043:
		return '-', true
	case unicode.Is(unicode.Nd, r):
		return '0' + digitOf(r), true
	}
	switch r {
	case 0x2018, 0x2019, 0x2b9, 0x2bc:
		return '\'', true
	case 0x201c, 0x201d, 0x201e, 0xab, 0xbb, 0x300c, 0x300d:
		return '"', true
	case '、':
		return ',', true
	case 0x2028, 0x2029, 0x85:
		return '\n', true
	case '年', '년':
		return cellYear, true
	case '月', '월':
		return cellMonth, true
	case '日', '일':
		return cellDay, true
	case '°', '‰', '№':
		return cellSign, true
	}
	switch {
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return cellGlyph, true
	case unicode.In(r, unicode.L, unicode.M):
		return cellLetter, true
	case unicode.In(r, unicode.Sm, unicode.Sc, unicode.No):
		return cellSign, true
	}
	return cellOther, true
}

// digitOf is the value of a decimal digit of any script. Unicode keeps the ten of
// a set together and in order, each run of them from a zero on.
func digitOf(r rune) byte {
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10)
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10)
		}
	}
	return 0
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
	if v.at == nil {
		return from, to
	}
	last := v.at[to-1]
	_, size := utf8.DecodeRuneInString(v.text[last:])
	return v.at[from], last + size
}

// has says whether word, in lower case ASCII, begins at the cell from.
func (v *view) has(from int, word string) bool {
	return from >= 0 && from+len(word) <= len(v.cells) && string(v.cells[from:from+len(word)]) == word
}

// isCapital says whether the cell at i stands for a capital letter.
func (v *view) isCapital(i int) bool {
	if v.at != nil {
		i = v.at[i]
	}
	if c := v.text[i]; c < utf8.RuneSelf {
		return c >= 'A' && c <= 'Z'
	}
	r, _ := utf8.DecodeRuneInString(v.text[i:])
	return unicode.IsUpper(r)
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
