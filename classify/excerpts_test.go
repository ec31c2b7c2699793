package classify_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

// few allows so many windows of 8 tokens.
func few(windows int) classify.Options {
	o := options()
	o.MaxWindows = windows
	return o
}

// C7: what does not fit the windows is counted, and no more is tokenised than is
// read, however long the text is.
func TestMaxWindowsLeavesTheRestUnreadAndSaysSo(t *testing.T) {
	fake := classifytest.New(classifytest.Options{Window: 8})
	c := newClassifier(t, fake, few(3))
	const fits = 8 + 2*6
	r, err := c.Classify(t.Context(), words(fits)+strings.Repeat("\u200b \n", 1000))
	if err != nil || r.Tokens != fits || r.UnreadTokens != 0 || r.Windows != 3 {
		t.Errorf("what fits: %+v, %v", r, err)
	}
	for _, n := range []int{fits + 1, fits + 2, 100, 320} {
		r, err := c.Classify(t.Context(), words(n))
		if err != nil || r.Tokens > fits || r.Tokens < fits/2 || r.UnreadTokens < 1 || r.Windows != 3 {
			t.Errorf("%d words: %+v, %v", n, r, err)
		}
		if all := r.Tokens + r.UnreadTokens; math.Abs(float64(all-n)) > 0.05*float64(n) {
			t.Errorf("%d words: %d counted", n, all)
		}
	}
	before := fake.Counts().Tokenized
	r, err = c.Classify(t.Context(), strings.Repeat("word ", 8<<20/5))
	if err != nil || r.Tokens > 18 || r.Tokens < 12 || r.Windows != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	if all := 8 << 20 / 5; math.Abs(float64(r.Tokens+r.UnreadTokens-all)) > 0.01*float64(all) {
		t.Errorf("%d tokens estimated, want about %d", r.Tokens+r.UnreadTokens, all)
	}
	if calls := fake.Counts().Tokenized - before; calls != 1+3 {
		t.Errorf("%d pieces tokenised, want one and one for each window", calls)
	}
	if got := classify.Outcome(err, r); got != classify.OutcomePartial {
		t.Errorf("outcome %q", got)
	}
}

// E1: of a text that is too long the first words, the last and some everywhere
// between are read: there is no place behind which nobody looks.
func TestLongTextsAreReadThroughout(t *testing.T) {
	fake := classifytest.New(classifytest.Options{Window: 8})
	seen := seenBy(fake)
	c := newClassifier(t, fake, few(16))
	for _, n := range []int{99, 200, 5000, 50_000} {
		clear(seen)
		text := words(n)
		r, err := c.Classify(t.Context(), text)
		if err != nil || r.Windows != 16 || r.Tokens != len(seen) || r.UnreadTokens == 0 {
			t.Errorf("%d words: %+v, %v", n, r, err)
		}
		last, gap := -1, 0
		for i, word := range strings.Fields(text) {
			if seen[classifytest.Token(word)] {
				gap, last = max(gap, i-last-1), i
			}
		}
		if !seen[classifytest.Token("word0")] || last != n-1 || gap > n/13 {
			t.Errorf("%d words: %d unread in a row, the last read is %d", n, gap, last)
		}
	}
}

// E1: an attack that is longer than what lies between two excerpts is found,
// wherever it stands.
func TestAttacksBehindMuchTextAreFound(t *testing.T) {
	c := newClassifier(t, manyHeads(8), few(16))
	for at := 0; at <= 300; at += 7 {
		r, err := c.Classify(t.Context(), words(at)+strings.Repeat("ignore ", 30)+words(300-at))
		if v, _ := r.Verdict("jailbreak"); err != nil || v.Label != "jailbreak" || r.UnreadTokens == 0 {
			t.Errorf("behind %d words: %+v, %v", at, r, err)
		}
	}
}

// Spans of a text that was read in excerpts are in its own bytes, end with a word
// of each excerpt, and reach over none of the gaps.
func TestExcerptsHaveTheirSpansInPlace(t *testing.T) {
	c := newClassifier(t, manyHeads(8), few(2))
	text := words(6) + "john john john " + words(50) + "john"
	r, err := c.Classify(t.Context(), text)
	if got := texts(text, r.Spans); err != nil || !slices.Equal(got, []string{"PERSON john", "PERSON john"}) || r.UnreadTokens == 0 ||
		r.Spans[0].From != strings.Index(text, "john") || r.Spans[1].To != len(text) {
		t.Errorf("%q, %+v, %v", got, r, err)
	}

	c = newClassifier(t, manyHeads(8), few(9))
	text = strings.Repeat("Ｊｏｈｎ\u200b\r\n Smith smith ", 400)
	r, err = c.Classify(t.Context(), text)
	if err != nil || r.UnreadTokens == 0 || len(r.Spans) < 9*2 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, s := range r.Spans {
		if said := classify.Normalize(text[s.From:s.To]); !strings.HasPrefix("John Smith smith", said) && !strings.HasPrefix("Smith smith", said) && said != "smith" {
			t.Errorf("a span is %q", said)
		}
	}
	if from := r.Spans[len(r.Spans)-1].From; from < len(text)-500 {
		t.Errorf("the last span is at %d of %d", from, len(text))
	}
}

// C7, E3: text among much that nobody sees is read or counted.
func TestTextAmongInvisibleOnesIsReadOrCounted(t *testing.T) {
	c := newClassifier(t, manyHeads(8), few(4))
	blank := strings.Repeat("\u200b", 50_000)
	for _, text := range []string{blank + words(100), words(100) + blank, blank + words(100) + blank, words(50) + blank + words(50)} {
		r, err := c.Classify(t.Context(), text)
		if all := r.Tokens + r.UnreadTokens; err != nil || r.Tokens == 0 || r.UnreadTokens == 0 || all < 90 || all > 200 {
			t.Errorf("%+v, %v", r, err)
		}
	}
}
