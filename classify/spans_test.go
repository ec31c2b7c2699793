package classify

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestMergeSpans(t *testing.T) {
	s := func(kind string, from, to int, score float64) Span { return Span{kind, from, to, score, "x"} }
	for _, test := range []struct {
		name              string
		patterns, learned []Span
		want              string
	}{
		{"nothing", nil, nil, ""},
		{"sorted", []Span{s("B", 9, 12, 1)}, []Span{s("C", 20, 22, .5), s("A", 0, 3, .5)}, "A0-3 B9-12 C20-22"},
		{"side by side", []Span{s("B", 3, 6, 1)}, []Span{s("A", 0, 3, .5), s("C", 6, 8, .5)}, "A0-3 B3-6 C6-8"},
		{"a pattern wins over a surer learned one", []Span{s("CARD", 5, 10, .6)}, []Span{s("PHONE", 0, 30, .99)}, "CARD5-10"},
		{"also over one of its type", []Span{s("CARD", 5, 10, .6)}, []Span{s("CARD", 4, 11, .99)}, "CARD5-10"},
		{"the surer of learned ones", nil, []Span{s("A", 0, 9, .8), s("B", 5, 6, .9)}, "B5-6"},
		{"the longer of equals", nil, []Span{s("A", 0, 4, .8), s("B", 2, 9, .8)}, "B2-9"},
		{"the first of equals", nil, []Span{s("B", 2, 6, .8), s("A", 0, 4, .8)}, "A0-4"},
		{"the same place", nil, []Span{s("B", 0, 4, .8), s("A", 0, 4, .8)}, "A0-4"},
		{"one that loses takes none along", nil, []Span{s("A", 0, 4, .7), s("B", 3, 8, .8), s("C", 7, 9, .9)}, "A0-4 C7-9"},
		{"the surer of patterns", []Span{s("A", 0, 5, .5), s("B", 4, 6, 1)}, nil, "B4-6"},
		{"empty ones", []Span{s("A", 4, 4, 1)}, []Span{s("B", 7, 3, 1)}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			patterns, learned := slices.Clone(test.patterns), slices.Clone(test.learned)
			var got []string
			for _, one := range MergeSpans(patterns, learned) {
				got = append(got, fmt.Sprintf("%s%d-%d", one.Type, one.From, one.To))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %v, want %s", got, test.want)
			}
			if !slices.Equal(patterns, test.patterns) || !slices.Equal(learned, test.learned) {
				t.Error("the arguments were changed")
			}
		})
	}
}

// S13: what else an address, or a name, holds than what a pattern found in it is still
// one.
func TestPatternsLeaveTheRestOfWhatWasLearned(t *testing.T) {
	const text = "12 Main St, zip 90210, Springfield. Call 555."
	at := func(kind, said string) Span {
		from := strings.Index(text, said)
		return Span{Type: kind, From: from, To: from + len(said), Score: .9}
	}
	zip, phone := at("ZIP_CODE", "90210"), at("PHONE_NUMBER", "555")
	for name, test := range map[string]struct {
		learned []Span
		want    []string
	}{
		"both sides": {[]Span{at("ADDRESS", "12 Main St, zip 90210, Springfield")}, []string{"ADDRESS 12 Main St, zip", "ZIP_CODE 90210", "ADDRESS Springfield", "PHONE_NUMBER 555"}},
		"one side":   {[]Span{at("ADDRESS", "90210, Springfield")}, []string{"ZIP_CODE 90210", "ADDRESS Springfield", "PHONE_NUMBER 555"}},
		"no word":    {[]Span{at("ADDRESS", "90210, ")}, []string{"ZIP_CODE 90210", "PHONE_NUMBER 555"}},
		"its type":   {[]Span{at("ZIP_CODE", "zip 90210")}, []string{"ZIP_CODE 90210", "PHONE_NUMBER 555"}},
		"two":        {[]Span{at("ADDRESS", "90210, Springfield. Call 555")}, []string{"ZIP_CODE 90210", "ADDRESS Springfield. Call", "PHONE_NUMBER 555"}},
		"beside":     {[]Span{at("PERSON", "Main")}, []string{"PERSON Main", "ZIP_CODE 90210", "PHONE_NUMBER 555"}},
	} {
		var got []string
		for _, s := range (finding{[]Span{phone, zip}, test.learned}).merged(text) {
			got = append(got, s.Type+" "+text[s.From:s.To])
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// What is left never overlaps, is sorted, and whatever was dropped overlaps one
// that is at least as good. Order plays no part.
func TestMergeSpansHoldsForAnySpans(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	draw := func() []Span {
		var all []Span
		for range random.IntN(20) {
			from := random.IntN(60)
			all = append(all, Span{string(rune('A' + random.IntN(4))), from, from + random.IntN(12), float64(random.IntN(4)) / 4, "x"})
		}
		return all
	}
	for range 5000 {
		patterns, learned := draw(), draw()
		got := MergeSpans(patterns, learned)
		for i := 1; i < len(got); i++ {
			if got[i].From < got[i-1].To {
				t.Fatalf("%v overlap", got[i-1:i+1])
			}
		}
		for _, s := range slices.Concat(patterns, learned) {
			kept := s.From >= s.To || slices.ContainsFunc(got, func(k Span) bool {
				return k == s || k.From < s.To && s.From < k.To && (slices.Contains(patterns, k) || byRank(k, s) <= 0)
			})
			if !kept {
				t.Fatalf("%v is lost from %v and %v: %v", s, patterns, learned, got)
			}
		}
		shuffled := slices.Clone(learned)
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if again := MergeSpans(patterns, shuffled); !slices.Equal(again, got) {
			t.Fatalf("order counts: %v, %v", got, again)
		}
	}
}
