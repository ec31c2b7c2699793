package pii

import (
	"slices"
	"strings"
)

// kind is what a word says about the number beside it. A word may say several.
type kind uint32

const (
	kindPhone kind = 1 << iota
	kindCard
	kindAccount
	kindSSN
	kindBirth
	kindLicence
	kindPassport
	kindPermit // a licence of some sort
	kindZIP
	kindAddress // of a host
	kindRecord  // the fields of a person follow
	kindOther   // a number of something that is no person's
	kindLabel   // and so surely that no format outweighs it
	kindVersion // or of an outline's section
	kindEvent   // a date of something else than birth
	kindReach   // somebody is written to, at what follows a preposition
	kindMonth   // no label: a month's name
	kindIndex   // with kindZIP: an index of anything too, so that only six digits beside it count
	kindProgram // its version may follow
	kindBrief   // with kindLicence: an abbreviation of other things too, so that it must be beside the number
	kindCall    // with kindPhone: an ordinary word too, so that what is between counts
	kindCount   // what is counted, when it follows the number
)

// cue is a word, or two, that says what a number near it is.
type cue struct {
	from, to int // cells, of a pair those of its second word
	kind     kind
	month    int // 1 to 12 for a month's name, or 0
}

// maxWord bounds the words that are looked up; no cue is longer.
const maxWord = 40

// cues are those of the whole text, in order. A pair of words replaces what its
// second word alone would say.
func (v *view) cues() []cue {
	var out []cue
	var pair, last []byte
	lastTo := 0
	for i := 0; i < len(v.cells); {
		if !isLetter(v.cells[i]) {
			i++
			continue
		}
		from, foreign := i, false
		for i < len(v.cells) && (isLetter(v.cells[i]) || v.cells[i] == '\'' && isLetter(v.cell(i+1))) {
			foreign = foreign || v.cells[i] == cellLetter
			i++
		}
		if i-from > maxWord {
			last = nil
			continue
		}
		word := v.wordAt(from, i, foreign)
		m, ok := lexicon[string(word)]
		if hump := v.hump(from, i); !ok && hump < i { // a name of parts, read as customer_phone is
			i = hump
			word = v.wordAt(from, i, foreign)
			m, ok = lexicon[string(word)]
		}
		if last != nil && (from == lastTo+1 || from == lastTo) {
			pair = append(append(append(pair[:0], last...), '_'), word...)
			if both, is := lexicon[string(pair)]; is {
				m, ok = both, true
			}
		}
		last, lastTo = word, i
		if ok {
			out = append(out, cue{from, i, m.kind, m.month})
		}
	}
	return v.glyphs(out)
}

// hump is where the first part of a name such as customerPhone ends, or the end of
// [from, to): before a capital behind two small letters or more. A word that begins
// with one small letter, as "iPhone", is whole.
func (v *view) hump(from, to int) int {
	for i := from + 2; i < to; i++ {
		if v.isCapital(i) && isAlpha(v.cells[i-1]) && !v.isCapital(i-1) {
			return i
		}
	}
	return to
}

// wordAt is the text of the cells [from, to) in lower case.
func (v *view) wordAt(from, to int, foreign bool) []byte {
	if !foreign {
		return v.cells[from:to]
	}
	a, b := v.bytes(from, to)
	return []byte(strings.ToLower(v.text[a:b]))
}

// glyphs adds the cues that aren't words.
func (v *view) glyphs(out []cue) []cue {
	if v.at == nil || !slices.ContainsFunc(v.cells, isGlyph) {
		return out
	}
	for _, g := range glyphCues {
		for from := 0; ; {
			i := strings.Index(v.text[from:], g.text)
			if i < 0 {
				break
			}
			from += i
			cell, _ := slices.BinarySearch(v.at, from)
			from += len(g.text)
			end, _ := slices.BinarySearch(v.at, from)
			out = append(out, cue{from: cell, to: end, kind: g.kind})
		}
	}
	slices.SortStableFunc(out, func(a, b cue) int { return a.to - b.to })
	return out
}

func isLetter(c byte) bool { return isAlpha(c) || c == cellLetter }

func isGlyph(c byte) bool {
	return c == cellGlyph || c == cellYear || c == cellMonth || c == cellDay
}

// nearest is the last cue that ends in the so many cells before i and says any
// of kinds, and how many cells lie between. Words such as "date of" in "date of
// birth" end before the word that decides.
func (s *scan) nearest(i, within int, kinds kind) (cue, int, bool) {
	n, _ := slices.BinarySearchFunc(s.cues, i+1, func(c cue, i int) int { return c.to - i })
	for n--; n >= 0 && i-s.cues[n].to <= within; n-- {
		if s.cues[n].kind&kinds != 0 {
			return s.cues[n], i - s.cues[n].to, true
		}
	}
	return cue{}, 0, false
}

// following is the first cue that begins in the so many cells from i on and says
// any of kinds.
func (s *scan) following(i, within int, kinds kind) (cue, bool) {
	n, _ := slices.BinarySearchFunc(s.cues, i, func(c cue, i int) int { return c.from - i })
	for ; n < len(s.cues) && s.cues[n].from-i <= within; n++ {
		if s.cues[n].kind&kinds != 0 {
			return s.cues[n], true
		}
	}
	return cue{}, false
}

// called says whether the text says of what begins at i that it is one of want,
// and nothing else of what avoid names in between.
func (s *scan) called(i, within int, want, avoid kind) bool {
	c, _, ok := s.nearest(i, within, want|avoid)
	return ok && c.kind&want != 0
}

// says is whether a cue of kinds begins in the so many cells from i on.
func (s *scan) says(i, within int, kinds kind) bool {
	_, ok := s.following(i, within, kinds)
	return ok
}
