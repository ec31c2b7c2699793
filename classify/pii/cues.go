package pii

import (
	"context"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
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
	kindEnd     // none: what is beyond the last
)

// cue is a word, or two, that says what a number near it is.
type cue struct {
	from, to int // cells, of a pair those of its second word
	kind     kind
	month    int // 1 to 12 for a month's name, or 0
}

// maxWord bounds the words that are looked up; no cue is longer.
const maxWord = 40

// cues are those of the whole text, sorted by where they end. A pair of words
// replaces what its second word alone would say.
func (v *view) cues(ctx context.Context) (cueList, error) {
	var out cueList
	var p pace
	var words [3][2 * maxWord]byte // so that nothing is allocated for a word
	word, last, pair := words[0][:0], words[1][:0], words[2][:0]
	lastTo := 0
	for i := 0; p.more(ctx, i, len(v.cells)); {
		if !isLetter(v.cells[i]) {
			if i++; mayEndCue(v.cells[i-1]) {
				v.addGlyphs(&out, i)
			}
			continue
		}
		from, foreign := i, false
		for p.more(ctx, i, len(v.cells)) && (isLetter(v.cells[i]) || v.cells[i] == '\'' && isLetter(v.cell(i+1))) {
			foreign = foreign || v.cells[i] == cellLetter
			i++
		}
		if i-from > maxWord {
			last = last[:0]
			continue
		}
		word = v.wordAt(word[:0], from, i, foreign)
		m := lexicon[string(word)]
		if m.kind == 0 { // it may be a name of parts, read as customer_phone is
			if hump := v.hump(from, i); hump < i {
				i = hump
				word = v.wordAt(word[:0], from, i, foreign)
				m = lexicon[string(word)]
			}
		}
		begins := m.begins
		if len(last) > 0 && (from == lastTo+1 || from == lastTo) {
			pair = append(append(append(pair[:0], last...), '_'), word...)
			if both, is := lexicon[string(pair)]; is {
				m = both
			}
		}
		last, lastTo = last[:0], i
		if begins {
			last = append(last, word...)
		}
		if m.kind != 0 {
			out.add(cue{from, i, m.kind, m.month})
		}
	}
	return out, ctx.Err()
}

// hump is where the first part of a name such as customerPhone ends, or the end of
// [from, to): before a capital behind two small letters or more. A word that begins
// with one small letter, as "iPhone", is whole.
func (v *view) hump(from, to int) int {
	for i := from + 2; i < to; i++ {
		if isAlpha(v.cells[i-1]) && v.isCapital(i) && !v.isCapital(i-1) {
			return i
		}
	}
	return to
}

// wordAt adds the text of the cells [from, to) in lower case to buf.
func (v *view) wordAt(buf []byte, from, to int, foreign bool) []byte {
	if !foreign {
		return append(buf, v.cells[from:to]...)
	}
	a, b := v.bytes(from, to)
	for _, r := range v.text[a:b] {
		buf = utf8.AppendRune(buf, unicode.ToLower(r))
	}
	return buf
}

// addGlyphs adds the cues of scripts that don't part words that end at the cell to.
func (v *view) addGlyphs(out *cueList, to int) {
	from, end := v.bytes(to-1, to)
	last, _ := utf8.DecodeRuneInString(v.text[from:end])
	for _, g := range glyphsByLast[last] {
		if strings.HasSuffix(v.text[:end], g.text) {
			out.add(cue{from: to - utf8.RuneCountInString(g.text), to: to, kind: g.kind})
		}
	}
}

func isLetter(c byte) bool { return isAlpha(c) || c == cellLetter }

func isGlyph(c byte) bool { return c == cellGlyph || mayEndCue(c) }

// mayEndCue is about glyphs.
func mayEndCue(c byte) bool {
	return c == cellLast || c == cellYear || c == cellMonth || c == cellDay
}

// eachCue goes through the cues, and their indexes, until ctx ends.
func (s *scan) eachCue(ctx context.Context) iter.Seq2[int, cue] {
	return func(yield func(int, cue) bool) {
		var p pace
		for n := range s.cues.n {
			if c := s.cues.at(n); !p.more(ctx, c.from, len(s.cells)) || !yield(n, c) {
				return
			}
		}
	}
}

// nearest is the last cue that ends in the so many cells before i and says any
// of kinds, and how many cells lie between. Words such as "date of" in "date of
// birth" end before the word that decides.
func (s *scan) nearest(i, within int, kinds kind) (cue, int, bool) {
	for n := s.cues.endingAfter(i) - 1; n >= 0; n-- {
		c := s.cues.at(n)
		if i-c.to > within {
			break
		}
		if c.kind&kinds != 0 {
			return c, i - c.to, true
		}
	}
	return cue{}, 0, false
}

// following is the first cue that begins in the so many cells from i on and says
// any of kinds.
func (s *scan) following(i, within int, kinds kind) (cue, bool) {
	for n := s.cues.beginningAt(i); n < s.cues.n; n++ {
		c := s.cues.at(n)
		if c.from-i > within {
			break
		}
		if c.kind&kinds != 0 {
			return c, true
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
