package classify

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestLocateMapsBackToTheCallersBytes(t *testing.T) {
	for _, test := range []struct{ name, text, seen, want string }{
		{"plain", "call John Smith now", "John Smith", "John Smith"},
		{"white space before", " \n\t call\u3000John", "John", "John"},
		{"white space inside", "call John\r\n\u00a0 Smith", "John Smith", "John\r\n\u00a0 Smith"},
		{"invisible inside", "J\u200bo\u00adhn", "John", "J\u200bo\u00adhn"},
		{"invisible around", "\ufeffJohn\u200b\u200d Smith", "John", "John"},
		{"full width", "ｃａｌｌ　Ｊｏｈｎ！", "John", "Ｊｏｈｎ"},
		{"accents that compose", "Jose\u0301 Mu\u0308ller", "José", "Jose\u0301"},
		{"accents that go", "J\u0336o\u0336h\u0336n\u0336 x", "John", "J\u0336o\u0336h\u0336n\u0336"},
		{"one rune that is many words", "a \ufdfa b", "الله", "\ufdfa"},
		{"a ligature", "de\ufb01ne", "fin", "e\ufb01n"[1:]},
		{"half of a ligature", "\ufb01ne", "ine", "\ufb01ne"},
		{"bytes that are not UTF-8", "\xff\xfeJohn\xff x", "John", "John"},
		{"NUL", "\x00John\x00", "John", "John"},
		{"a word that was split", strings.Repeat("x", 100) + " y", strings.Repeat("x", 20) + " y", strings.Repeat("x", 20) + " y"},
		{"syllables of jamo", "\u1100\u1161\u11a8 \u1100\u1161", "가", "\u1100\u1161"},
		{"a far accent", "Jose" + strings.Repeat("\u200b", 3000) + "\u0301 x", "José", "Jose" + strings.Repeat("\u200b", 3000) + "\u0301"},
		{"look-alikes", "call J\u043e\u04bbn Smith", "John", "J\u043e\u04bbn"},
		{"behind look-alikes", "c\u0430ll \u0430 J\u043ehn, \u0406\u0430n \u0421\u043e\u0440\u0435", "Cope", "\u0421\u043e\u0440\u0435"},
		{"behind twins that stay", "c\u0430ll \u0430 \u0434\u0430 J\u043ehn", "John", "J\u043ehn"},
		{"letters in squares", "🅹🅾🅷🅽 ꜱᴍɪᴛʜ x", "JOHN smith", "🅹🅾🅷🅽 ꜱᴍɪᴛʜ"},
		{"behind many mixed words", strings.Repeat("w\u043erd \u0441\u043e\u0440\u0443 ", 2000) + "J\u043ehn x", "John", "J\u043ehn"},
		{"spelt letter by letter", "c a l l   J o h n   S m i t h \n n o w", "John Smith", "J o h n   S m i t h"},
		{"a part of a spelt word", "c a l l J o\u200b h n S m i t h", "John", "J o\u200b h n"},
		{"spelt with look-alikes", "c \u0430 l l   J \u043e \u04bb n   n o w", "John", "J \u043e \u04bb n"},
		{"spelt at the end, behind twins", "now \u0441\u043e\u0440\u0443 t h a t   J o h n", "John", "J o h n"},
		{"spelt with accents that compose", "w a l k   t o   J o s e\u0301", "José", "J o s e\u0301"},
		{"behind few single letters", "A  b  \u0421 d\u200b  John", "John", "John"},
		{"behind many spelt words", strings.Repeat("s p e l t   \u0430 t   l e n g t h, ", 1000) + "John x", "John", "John"},
		{"in a spelt word that was split", strings.Repeat("\u0430 b ", 3000) + "J\u200b o h n.", "John", "J\u200b o h n"},
		{"behind many chunks", strings.Repeat("wörd\u200b ", 5000) + "John\u00adny x", "Johnny", "John\u00adny"},
	} {
		t.Run(test.name, func(t *testing.T) {
			from := strings.LastIndex(Normalize(test.text), test.seen)
			if from < 0 {
				t.Fatalf("%.100q is not in %.100q", test.seen, Normalize(test.text))
			}
			at := locate(test.text, []span{{from, from + len(test.seen)}})[0]
			if got := test.text[at.from:at.to]; got != test.want {
				t.Errorf("%.100q is %.100q, want %.100q", test.seen, got, test.want)
			}
		})
	}
}

// Ranges in any order, overlapping or alike, each keep their place.
func TestLocateManyRanges(t *testing.T) {
	text := "a\u200bb  c\u0301 ｄｅ"
	normal := Normalize(text) // "ab ć de"
	ranges := []span{{6, 8}, {0, 2}, {0, 8}, {3, 5}, {0, 2}, {1, 2}}
	want := []string{"ｄｅ", "a\u200bb", text, "c\u0301", "a\u200bb", "b"}
	for i, at := range locate(text, ranges) {
		if got := text[at.from:at.to]; got != want[i] {
			t.Errorf("%q is %q, want %q", normal[ranges[i].from:ranges[i].to], got, want[i])
		}
	}
	if got := locate(text, nil); len(got) != 0 {
		t.Errorf("no ranges: %v", got)
	}
}

// odd are texts that expand, compose, vanish and fold.
var odd = []string{
	"a", "John", " ", "\u3000", "\n\t", "Ｊ", "\ufdfa", "\ufb01", "é", "e\u0301", "\u0301", "\u0336", "\u200b", "\u00ad", "\u034f",
	"\U000e0041", "\u1100", "\u1161", "\u11a8", "각", "\u09c7", "\u09be", "\u0dd9", "\u0dcf", "\u0dca", "\u0f73", "\u0344", "\u20dd",
	"ก", "\u0e48", "\u0e33", "漢", "が", "は\u309a", "\xff", "\xc3", "\x00", "👍🏽", ".", "-", "²", "\u00b4", "\u1aff", "\ufe70", "\u3131",
	"\u314f", "\uffa1", "ठीक", "а", "сор", "ехо", "Ж", "к", "ё", "α", "ρ", "ο", "Ꭺ", "օ", "ᴀ", "🅰", "🇦", "ab", " is ", " и ", " ", " x ", "b c  d e   f g h i ", "а о  с ", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
}

func TestLocateHoldsForOddTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		var text strings.Builder
		for range 1 + random.IntN(60) {
			text.WriteString(odd[random.IntN(len(odd))])
		}
		checkLocate(t, text.String(), random)
	}
	for range 20 { // of many chunks
		var text strings.Builder
		for text.Len() < 10_000 {
			text.WriteString(odd[random.IntN(len(odd))])
		}
		checkLocate(t, text.String(), random)
	}
}

// checkLocate checks that the clusters make what the reader makes, and that what
// is located is cut between runes, rises, and normalises to what was seen: to
// just that, wherever the text is cut between clusters.
func checkLocate(t *testing.T, text string, random *rand.Rand) {
	t.Helper()
	normal := Normalize(text)
	var parts []cluster
	end := cluster{}
	for c := range clusters(text) {
		if c.made.from < end.made.to || c.made.to <= c.made.from || c.source.from < end.source.to || c.source.to <= c.source.from {
			t.Fatalf("%q: cluster %v after %v", text, c, end)
		}
		if strings.Trim(normal[end.made.to:c.made.from], " ") != "" || c.made.from > end.made.to+1 {
			t.Fatalf("%q: %q is in no cluster", text, normal[end.made.to:c.made.from])
		}
		parts, end = append(parts, c), c
	}
	if end.made.to != len(normal) {
		t.Fatalf("%q: clusters make %d bytes of %d", text, end.made.to, len(normal))
	}
	if len(parts) == 0 {
		return
	}
	var ranges []span
	for range 10 {
		i := random.IntN(len(parts))
		j := i + random.IntN(len(parts)-i)
		ranges = append(ranges, span{parts[i].made.from, parts[j].made.to})
	}
	for i, at := range locate(text, ranges) {
		seen := normal[ranges[i].from:ranges[i].to]
		if !betweenRunes(text, at.from) || !betweenRunes(text, at.to) {
			t.Fatalf("%q: [%d, %d) cuts a rune", text, at.from, at.to)
		}
		again := Normalize(text[at.from:at.to])
		if !sameText(again, seen) {
			t.Fatalf("%q: saw %q, located %q, which is %q", text, seen, text[at.from:at.to], again)
		}
	}
}

// sameText: where a long word is split depends on where it begins, and so does
// which of more than eight marks in a row are dropped; and what look-alikes and
// single letters are read as depends on the words around.
func sameText(a, b string) bool {
	a, b = drawn(a), drawn(b)
	spaces, marks := func(r rune) bool { return r == ' ' }, func(r rune) bool { return r == ' ' || unicode.Is(unicode.M, r) }
	return without(a, spaces) == without(b, spaces) || without(norm.NFD.String(a), marks) == without(norm.NFD.String(b), marks)
}

// drawn is text as one sees it who knows only Latin letters.
func drawn(text string) string {
	return strings.Map(func(r rune) rune {
		as, _ := lookOf(r)
		return as
	}, text)
}

func without(text string, drop func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if drop(r) {
			return -1
		}
		return r
	}, text)
}

func betweenRunes(text string, at int) bool {
	for i := range text { // also steps over single bad bytes
		if i >= at {
			return i == at
		}
	}
	return at == len(text)
}

func FuzzLocate(f *testing.F) {
	for i := range odd {
		f.Add(strings.Join(odd[i:], ""), uint64(i))
	}
	f.Add(strings.Repeat("\u1161", 3000), uint64(1))
	f.Add("a"+strings.Repeat("\u0301\u0344", 500)+"b", uint64(2))
	f.Add(strings.Repeat("s p e l t  \u0430 t   l e n g t h ", 20), uint64(3))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if !slices.ContainsFunc([]rune(text), func(r rune) bool { return r >= utf8.RuneSelf }) && len(text) > 1000 {
			t.Skip() // little happens in plain text
		}
		checkLocate(t, text, rand.New(rand.NewPCG(seed, 1)))
	})
}
