package pii

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// A bit for each byte says as much as an offset for each cell.
func TestCellsKnowWhereTheyBegin(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "Z", "1 ", "é", "Éa", "電話", "😀", "\u200b", "\xff", "\xe7", "Ａ", strings.Repeat("\u200d", 50), strings.Repeat("x", 130), "İ"}
	for range 300 {
		var b strings.Builder
		for range rnd.IntN(60) {
			b.WriteString(pieces[rnd.IntN(len(pieces))])
		}
		v := view{text: b.String()}
		if err := v.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		cell := 0
		for at, r := range v.text {
			c, seen := cellOf(r)
			if !seen {
				continue
			}
			_, size := utf8.DecodeRuneInString(v.text[at:])
			if from, to := v.bytes(cell, cell+1); from != at || to != at+size || v.cells[cell] != c || v.isCapital(cell) != unicode.IsUpper(r) {
				t.Fatalf("%q: cell %d is %q at [%d, %d), want %q at %d", v.text, cell, v.cells[cell], from, to, c, at)
			}
			cell++
		}
		if cell != len(v.cells) {
			t.Fatalf("%q: %d cells, want %d", v.text, len(v.cells), cell)
		}
	}
}

func TestCuesArePackedWithoutLoss(t *testing.T) {
	var list cueList
	var want []cue
	for n := range 3*cuesPerBlock + 7 {
		from := n * (longestText / (4 * cuesPerBlock))
		c := cue{from, from + 1 + n%maxWord, kind(n+1)*7919%kindEnd | 1, n % 13}
		want = append(want, c)
		list.add(c)
	}
	want = append(want, cue{longestText - maxWord, longestText, kindEnd - 1, 12})
	list.add(want[len(want)-1])
	if list.n != len(want) {
		t.Fatalf("%d cues, want %d", list.n, len(want))
	}
	for n, c := range want {
		if got := list.at(n); got != c {
			t.Fatalf("%+v, want %+v", got, c)
		}
		if n%97 != 0 {
			continue
		}
		for _, i := range []int{c.from - 1, c.from, c.from + 1, c.to - 1, c.to} {
			after := slices.IndexFunc(want, func(c cue) bool { return c.to > i })
			at := slices.IndexFunc(want, func(c cue) bool { return c.from >= i })
			if list.endingAfter(i) != after || list.beginningAt(i) != at {
				t.Fatalf("at %d: %d and %d, want %d and %d", i, list.endingAfter(i), list.beginningAt(i), after, at)
			}
		}
	}
	if list.endingAfter(longestText) != list.n || list.beginningAt(longestText) != list.n {
		t.Error("there is a cue behind the last")
	}
}

// cuesOf are the cues of a text.
func cuesOf(t *testing.T, text string) (all []cue) {
	t.Helper()
	v := view{text: text}
	if err := v.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := v.cues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := range list.n {
		all = append(all, list.at(n))
	}
	return all
}

// A pair is looked up only behind a word that begins one, a row of glyphs only at
// a glyph that ends one.
func TestEveryCueIsFound(t *testing.T) {
	for words, m := range lexicon {
		if m.kind == 0 {
			continue
		}
		text := strings.ReplaceAll(words, "_", " ")
		all := cuesOf(t, text+" 1")
		to := utf8.RuneCountInString(text)
		if len(all) == 0 || all[len(all)-1].to != to || all[len(all)-1].kind != m.kind || all[len(all)-1].month != m.month {
			t.Errorf("%q: %+v, want %+v", text, all, m)
		}
	}
	for _, g := range glyphCues {
		n := utf8.RuneCountInString(g.text)
		if all := cuesOf(t, "是"+g.text+"1"); !slices.Contains(all, cue{from: 1, to: 1 + n, kind: g.kind}) {
			t.Errorf("%q: %+v", g.text, all)
		}
	}
	if all := cuesOf(t, "誕生日"); len(all) != 2 || all[0].to != all[1].to {
		t.Errorf("%+v: one cue may end another", all)
	}
}
