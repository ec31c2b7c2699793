package classify

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCutWindows(t *testing.T) {
	for _, test := range []struct {
		n, size, overlap int
		want             []span
	}{
		{0, 4, 1, nil},
		{1, 4, 1, []span{{0, 1}}},
		{4, 4, 1, []span{{0, 4}}},
		{5, 4, 1, []span{{0, 4}, {1, 5}}},
		{10, 4, 1, []span{{0, 4}, {3, 7}, {6, 10}}},
		{11, 4, 1, []span{{0, 4}, {3, 7}, {6, 10}, {7, 11}}},
		{3, 1, 0, []span{{0, 1}, {1, 2}, {2, 3}}},
	} {
		if got := cutWindows(test.n, test.size, test.overlap); !slices.Equal(got, test.want) {
			t.Errorf("cutWindows(%d, %d, %d) = %v, want %v", test.n, test.size, test.overlap, got, test.want)
		}
	}
	for n := range 60 {
		for size := 1; size < 9; size++ {
			for overlap := range size {
				checkWindows(t, cutWindows(n, size, overlap), n, size, overlap)
			}
		}
	}
}

// C7: a text that fills the windows exactly needs exactly that many.
func TestCapacityFillsAllWindows(t *testing.T) {
	for windows := 1; windows < 9; windows++ {
		n := capacity(windows, 8, 3)
		if got := len(cutWindows(n, 8, 3)); got != windows {
			t.Errorf("%d tokens take %d windows, want %d", n, got, windows)
		}
		if got := len(cutWindows(n+1, 8, 3)); got != windows+1 {
			t.Errorf("%d tokens take %d windows, want %d", n+1, got, windows+1)
		}
	}
}

func TestSpread(t *testing.T) {
	for n, want := range [][]int{{}, {0}, {0, 1}, {0, 2, 1}, {0, 3, 1, 2}, {0, 4, 2, 1, 3}, {0, 5, 2, 1, 3, 4}} {
		if got := spread(n); !slices.Equal(got, want) {
			t.Errorf("spread(%d) = %v, want %v", n, got, want)
		}
	}
	if got, want := spread(9), []int{0, 8, 4, 2, 6, 1, 3, 5, 7}; !slices.Equal(got, want) {
		t.Errorf("spread(9) = %v, want %v", got, want)
	}
}

func TestVotesCountEachTokenOnce(t *testing.T) {
	vote, covered := votes([]span{{0, 4}, {2, 6}, {8, 10}}, 10)
	if covered != 8 {
		t.Errorf("covered %d tokens, want 8", covered)
	}
	for i, want := range []float64{3, 3, 2} {
		if math.Abs(vote[i]-want) > 1e-12 {
			t.Errorf("window %d has %v votes, want %v", i, vote[i], want)
		}
	}
}

// Excerpts begin where words do, and where there are none, where runes do.
func TestExcerptsBeginWithWords(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("some words\nand\tmore ", 50), strings.Repeat("漢字", 2000), strings.Repeat("x", 3000), strings.Repeat("\x80", 3000), "a b", "",
	} {
		for n := 2; n < 70; n++ {
			starts := excerptStarts(text, n, len(text)/n)
			if len(starts) != n || starts[0] != 0 || !slices.IsSorted(starts) || starts[n-1] > len(text) {
				t.Fatalf("%.20q in %d: %v", text, n, starts)
			}
			for _, at := range starts {
				inWord := at > 0 && at < len(text) && strings.Contains(text, " ") && text[at-1] != ' ' && text[at-1] != '\n' && text[at-1] != '\t'
				if inWord || utf8.ValidString(text) && !utf8.ValidString(text[at:]) {
					t.Fatalf("%.20q in %d: %d is no beginning", text, n, at)
				}
			}
		}
	}
}
