package classify

import (
	"unicode"
	"unicode/utf8"
)

const (
	// maxWait bounds the bytes of normalised text that wait for a word that
	// shows what script the text is in.
	maxWait = 256

	// mistrust is how many Latin words there must be after one of another script
	// before a word of twins is taken for a Latin one.
	mistrust = 8

	// formula is how many letters a word has at most that may well be one.
	formula = 3

	// firstStrange is the first rune that may be no Latin letter and yet a letter.
	firstStrange = 0x250
)

// What a word is read as depends on its letters, and if it has only twins, on
// the words around:
//
//   - If more of its letters are Latin than certainly of another script, it is
//     Latin, and so are its twins: "pаypаl" with a Cyrillic а. Letters that are
//     only near are read as Latin if none stays foreign ("SMSки" is Russian),
//     and the signs of quantities if it doesn't look like a formula: "ρgh",
//     "sinα".
//   - If not, it is of another script, and stays: a Russian word with one c from
//     a Latin keyboard is Russian.
//   - A word of twins alone, as Russian "оса", is Latin where the text is: if a
//     Latin word is the last and the next that shows its script, and none of
//     another is within mistrust words before. At the end of the text, and after
//     maxWait bytes, what stands before decides.
//
// Each rule reads its own result the same way again.

// startWord writes the space that is due.
func (r *reader) startWord() {
	r.out = append(r.out, ' ')
	if r.spell.letters == 0 {
		r.begin = len(r.out)
	}
	r.spell.gap = r.space
	r.space, r.word = 0, 0
}

// endWord ends the word at the end of out. One of a single letter that a space
// follows waits for what is behind it.
func (r *reader) endWord() {
	if r.begin == len(r.out) {
		return
	}
	if isAlone(r.lastWord()) {
		r.addLetter()
		if r.space > 0 {
			return
		}
	}
	r.endWords()
}

// endWords ends the word at the end of out and all that waits for it.
func (r *reader) endWords() {
	if r.spell.letters > 0 {
		r.endRow()
	}
	r.readWord()
	r.strange = false
}

// readWord reads what stands in out from begin on, which is one word.
func (r *reader) readWord() {
	if r.strange {
		r.judge()
	} else if (r.doubt > 0 || r.waits) && hasLetter(r.out[r.begin:]) {
		r.foundLatin()
	}
	r.begin = len(r.out)
	if r.waits && r.begin-r.open > maxWait {
		r.readWaiting()
	}
	if !r.waits {
		r.open = r.begin
	}
}

// endText ends the last word and decides on all that waits.
func (r *reader) endText() {
	r.space = 0
	r.endWord()
	if r.waits {
		r.readWaiting()
	}
	r.open = len(r.out)
}

// judge reads the word at the end of out.
func (r *reader) judge() {
	if c, _ := utf8.DecodeRune(r.out[r.begin:]); isIdeograph(c) { // alone
		r.foundOther()
		return
	}
	s := survey(r.out[r.begin:])
	switch {
	case s.latin > s.other:
		r.foundLatin()
		symbols := r.begin + s.last
		if s.letters <= formula {
			symbols = r.begin
		}
		r.redraw(r.begin, len(r.out), func(is look, at int) bool {
			switch is {
			case flagged:
				return s.flagged != flag
			case near:
				return s.other == s.near
			case symbol:
				return s.other == s.near && at < symbols
			}
			return true
		})
	case s.latin+s.other > 0:
		r.foundOther()
		if s.latin > 0 {
			r.redraw(r.begin, len(r.out), func(is look, _ int) bool { return is == styled || is == flagged && s.flagged != flag })
		}
	case s.twins > 0 && r.doubt == 0:
		r.waits = true
	}
}

// foundLatin notes that the word at the end of out is Latin.
func (r *reader) foundLatin() {
	if r.waits {
		r.readWaiting()
	}
	r.doubt = max(0, r.doubt-1)
}

// foundOther notes that the word at the end of out is of another script.
func (r *reader) foundOther() {
	r.waits = false
	r.doubt = mistrust
}

// readWaiting reads the words of twins that wait as Latin ones.
func (r *reader) readWaiting() {
	r.redraw(r.open, r.begin, func(is look, _ int) bool { return is == twin })
	r.waits = false
}

// redraw writes the letters of out[from:to] that want chooses as the Latin ones
// they look like. No letter gets longer.
func (r *reader) redraw(from, to int, want func(is look, at int) bool) {
	end, before := from, r.shift
	for at := from; at < to; {
		c, size := utf8.DecodeRune(r.out[at:to])
		if as, is := lookOf(c); is != own && want(is, at) {
			end = len(utf8.AppendRune(r.out[:end], as))
		} else {
			end += copy(r.out[end:], r.out[at:at+size])
		}
		at += size
		if lost := before + at - end - r.shift; lost > 0 && r.traced {
			r.edits = append(r.edits, edit{before + at, lost})
		}
		r.shift = before + at - end
	}
	r.out = append(r.out[:end], r.out[to:]...)
	if r.begin >= to {
		r.begin -= to - end
	}
}

// edit is what redraw did to a rune that ends at a place, counted as if nothing
// were ever redrawn: it lost so many bytes.
type edit struct{ at, lost int }

// tally is what the letters of a word are.
type tally struct {
	letters int
	last    int // where the last letter stands
	latin   int // Latin, whatever the style
	twins   int
	other   int // certainly of another script, or only near
	near    int // those of them
	flagged int
}

// flag is how many regional indicators alone are a flag.
const flag = 2

func survey(word []byte) tally {
	var s tally
	for at, c := range string(word) {
		_, is := lookOf(c)
		switch {
		case is == flagged:
			s.flagged++
		case is == styled, isLatin(c):
			s.latin++
		case is == twin:
			s.twins++
		case is != own:
			s.near++
			s.other++
		case c >= 0x370 && unicode.IsLetter(c): // what is below it is of no script
			s.other++
		default:
			continue
		}
		s.letters++
		s.last = at
	}
	if s.flagged != flag {
		s.latin += s.flagged
	}
	return s
}

func isLatin(c rune) bool {
	if c < firstStrange {
		return unicode.IsLetter(c)
	}
	return (c < 0x370 || c >= 0x1d00) && unicode.Is(unicode.Latin, c)
}

func hasLetter(word []byte) bool {
	for at := 0; at < len(word); {
		c, size := utf8.DecodeRune(word[at:])
		if unicode.IsLetter(c) {
			return true
		}
		at += size
	}
	return false
}
