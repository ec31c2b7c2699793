package pii

import (
	"context"
	"unicode"
	"unicode/utf8"
)

// Classes of cells that stand for other than ASCII. Letters of ASCII are lower
// case in a view, which leaves the upper case for these.
const (
	cellLetter = 'L' // a letter or mark of a script that parts words
	cellGlyph  = 'C' // a letter of a script that doesn't: a number may stand beside it
	cellLast   = 'E' // such a letter, with which a cue ends
	cellYear   = 'Y' // 年, 년
	cellMonth  = 'M' // 月, 월
	cellDay    = 'D' // 日, 일
	cellSign   = 'S' // of arithmetic, a unit or a currency
	cellOther  = 'X' // anything else, such as punctuation
)

// look is what a rune looks like.
type look struct {
	r             rune
	cell          byte
	seen, capital bool
}

// eyes remember the looks of the last runes: to ask Unicode's tables takes many
// times as long.
type eyes struct{ known [256]look }

// look is for runes that aren't of ASCII.
func (e *eyes) look(r rune) look {
	known := &e.known[uint32(r)%uint32(len(e.known))]
	if known.r != r {
		cell, seen := cellOf(r)
		*known = look{r, cell, seen, unicode.IsUpper(r)}
	}
	return *known
}

// mayHold says whether there is a digit, an @ or a colon of whatever script in
// text, without which there is nothing to find. Where ctx ends first, there may be.
func mayHold(ctx context.Context, text string) bool {
	p := pace{min(stride, len(text))} // a short text is read before anybody is asked
	i, ascii := 0, true
	for ; p.more(ctx, i, len(text)); i++ {
		if tells(text[i]) {
			return true
		}
		ascii = ascii && text[i] < utf8.RuneSelf
	}
	if ascii || i < len(text) {
		return i < len(text)
	}
	var e eyes
	p = pace{min(stride, len(text))}
	for i = 0; p.more(ctx, i, len(text)); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r >= utf8.RuneSelf && tells(e.look(r).cell) {
			return true
		}
		i += size
	}
	return i < len(text)
}

func tells(cell byte) bool { return isDigit(cell) || cell == '@' || cell == ':' }

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
		if glyphsByLast[r] != nil {
			return cellLast, true
		}
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
