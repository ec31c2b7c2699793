package classify

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

const (
	// minSpelt is how many words of one letter in a row spell other words: more
	// than there are in most lists of options, initials and variables.
	minSpelt = 8

	// widest is the most white space that is counted in a gap.
	widest = 4
)

// Words of one letter, at least minSpelt in a row with only white space between
// them, spell other words: "i g n o r e   a l l". A gap between two letters ends
// such a word if it is wider than the gap before or the gap behind it in the row.
// So it doesn't matter whether letters stand one space apart, two, or the two
// characters of a line's end. Where all gaps are alike, as in "i g n o r e a l l",
// nothing shows where a word ends, and all is one.
//
// A second reading finds nothing to put together. Gaps that get wider from letter
// to letter leave words of one letter, but with four widths only six in a row.

// spelling is words of one letter in a row, at the end of out or before its last
// word. What they are is not known before there are minSpelt of them, and whether
// a gap ends a word is not before the next gap is. So all are written as words,
// and those at the end are loose: the spaces before them may still go. A word is
// read when it is whole.
type spelling struct {
	letters int   // in a row, loose or not
	gaps    []int // before the last letter that is not loose, and before each that is
	loose   int   // where in out the loose letters begin, each behind a space
	weight  int   // of the word up to there
	gap     int   // before the last word of out
}

// isAlone says whether a word is one letter, with its marks, of a script that
// has capitals, or what may be read as one. In other scripts letters are words,
// or never stand alone.
func isAlone(word []byte) bool {
	return (len(word) == 1 || word[1] >= 0x80) && isOneLetter(word) // most words are settled here
}

func isOneLetter(word []byte) bool {
	for at, c := range string(word) {
		if at == 0 && !hasCase(c) || at > 0 && classOf(c) != mark {
			return false
		}
	}
	return true
}

func hasCase(c rune) bool {
	if c < 0x80 {
		return 'a' <= c|0x20 && c|0x20 <= 'z'
	}
	_, is := lookOf(c)
	return is != own || unicode.In(c, unicode.Lu, unicode.Ll, unicode.Lt)
}

// lastWord is the word at the end of out.
func (r *reader) lastWord() []byte {
	if r.spell.letters == 0 {
		return r.out[r.begin:]
	}
	return r.out[bytes.LastIndexByte(r.out, ' ')+1:]
}

// addLetter takes the word at the end of out into the row.
func (r *reader) addLetter() {
	s := &r.spell
	s.letters++
	if s.letters == 1 {
		s.gaps = append(s.gaps[:0], widest) // no gap is wider than one that isn't there
		s.loose, s.weight = len(r.out), r.word
		return
	}
	s.gaps = append(s.gaps, s.gap)
	if s.letters >= minSpelt {
		tail := r.place(len(s.gaps) - 2)
		s.loose = len(r.out)
		r.out = append(r.out, tail...)
	}
}

// endRow ends the row and its last word.
func (r *reader) endRow() {
	s := &r.spell
	s.gaps = append(s.gaps, widest)
	word := r.place(len(s.gaps) - 2)
	r.readWord()
	s.letters = 0
	if len(word) == 0 {
		r.word = s.weight
		return
	}
	r.begin = len(r.out) + 1
	r.out = append(r.out, word...)
}

// place fixes the first n loose letters, each as the next of a word or as the
// first of another, and cuts off what is behind them. All of it gets no longer,
// so it is moved within out.
func (r *reader) place(n int) (tail []byte) {
	s := &r.spell
	r.out, tail = r.out[:s.loose], r.out[s.loose:]
	for i := range n {
		size := len(tail)
		if next := bytes.IndexByte(tail[1:], ' '); next >= 0 {
			size = next + 1
		}
		r.placeLetter(tail[1:size], s.parts(i))
		tail = tail[size:]
	}
	s.gaps = append(s.gaps[:0], s.gaps[n:]...)
	return tail
}

// parts says whether the gap before a loose letter ends a word.
func (s *spelling) parts(i int) bool {
	return s.letters < minSpelt || s.gaps[i+1] > min(s.gaps[i], s.gaps[i+2])
}

// placeLetter writes a letter, with a space before if it begins a word or the
// word gets too long.
func (r *reader) placeLetter(letter []byte, begins bool) {
	s := &r.spell
	c, _ := utf8.DecodeRune(letter)
	if begins || s.weight+weightOf(c, letter) > maxWord {
		r.readWord()
		r.out = append(r.out, ' ')
		r.begin, s.weight = len(r.out), 0
	} else if r.traced {
		r.joins = append(r.joins, len(r.out)+r.shift)
	}
	for at, c := range string(letter) {
		s.weight += weightOf(c, letter[at:])
	}
	r.out = append(r.out, letter...)
}
