package classify

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// runeClass says what the normaliser does with a rune before it looks at any
// compatibility form.
type runeClass uint8

const (
	letter runeClass = iota // kept; everything that is not one of the below
	mark                    // kept, but only so many in a row
	blank                   // becomes a space
	unseen                  // dropped
)

// classOf sorts runes by what a reader would see. Unseen are format controls
// (zero-width, bidi, tags, soft hyphen), variation selectors and the other
// Default_Ignorable code points of UAX #44, and enclosing marks, which only
// decorate. Control characters are blank, not dropped: NUL would end the text
// in a tokenizer that takes C strings, and a tab parts words.
func classOf(r rune) runeClass {
	if r < 0x80 {
		if r <= ' ' || r == 0x7f {
			return blank
		}
		return letter
	}
	switch {
	case r == brailleBlank || unicode.IsSpace(r) || unicode.IsControl(r):
		return blank
	case r < 0x300 && r != softHyphen:
		return letter
	case unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Me):
		return unseen
	case unicode.Is(unicode.M, r):
		return mark
	}
	return letter
}

const (
	softHyphen   = 0x00ad
	brailleBlank = 0x2800 // a pattern with no dots: white, though not White_Space
)

// isAccent says whether r is a diacritic that belongs to no script. One that is
// still there after composition spells no letter of any language's alphabet
// that has a composed form; stacked ones are decoration meant to confuse.
func isAccent(r rune) bool {
	switch {
	case r < 0x300:
		return false
	case r <= 0x36f:
		return true
	}
	return r >= 0x1ab0 && r <= 0x1aff || // extended
		r >= 0x1dc0 && r <= 0x1dff || // supplement
		r >= 0x20d0 && r <= 0x20ff || // for symbols
		r >= 0xfe20 && r <= 0xfe2f // half marks
}

// isBreak says whether BERT's pre-tokenizer makes r a word of its own, so that
// a word ends before and after it: punctuation, and the ideographs that
// bert/tokenization.py lists in _is_chinese_char.
func isBreak(r rune) bool {
	if r < 0x80 {
		return r > ' ' && !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}
	return isIdeograph(r) || unicode.IsPunct(r)
}

func isIdeograph(r rune) bool {
	if r < 0x3400 {
		return false
	}
	return r <= 0x4dbf || // extension A
		r >= 0x4e00 && r <= 0x9fff ||
		r >= 0xf900 && r <= 0xfaff || // compatibility
		r >= 0x20000 && r <= 0x2a6df || // extension B
		r >= 0x2a700 && r <= 0x2ceaf || // extensions C, D, E
		r >= 0x2f800 && r <= 0x2fa1f // compatibility supplement
}

// weightOf is the most characters that the rune at the start of text can count
// for in WordPiece's limit on a word: BERT decomposes before it counts.
func weightOf(r rune, text []byte) int {
	switch {
	case r < 0x300:
		return 1
	case r >= 0xac00 && r <= 0xd7a3:
		return 3 // syllables of Hangul decompose by arithmetic, not by table
	}
	return max(1, utf8.RuneCount(norm.NFD.Properties(text).Decomposition()))
}
