package classify_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// options has short windows and a deadline that only tests about it reach.
func options() classify.Options {
	return classify.Options{Slots: 2, Queue: 8, Deadline: 20 * time.Second, MaxWindows: 64, Overlap: 2}
}

func newClassifier(t *testing.T, m classify.Model, o classify.Options) *classify.Classifier {
	t.Helper()
	c, err := classify.New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return c
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 10 s for: %s", what)
		}
	}
}

// idle says that nothing is left behind.
func idle(c *classify.Classifier) bool {
	s := c.Stats()
	return s.InUse == 0 && s.Inside == 0 && s.Waiting == 0 && s.Hung == 0
}

// label is what the first head gave.
func label(r classify.Result) string {
	if len(r.Verdicts) == 0 {
		return ""
	}
	return r.Verdicts[0].Label
}

func words(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "word%d ", i)
	}
	return b.String()
}

func TestClassifyGivesLabelAndScores(t *testing.T) {
	c := newClassifier(t, classifytest.New(classifytest.Options{}), options())
	r, err := c.Classify(t.Context(), "Some HISTORY, please.")
	if err != nil {
		t.Fatal(err)
	}
	p := math.Exp(4) / (math.Exp(4) + 2)
	v, ok := r.Verdict("domain")
	if !ok || v.Label != "history" || math.Abs(v.Confidence-p) > 1e-9 {
		t.Errorf("verdict %+v, want history with %v", v, p)
	}
	if len(v.Scores) != 3 || v.Scores[0].Label != "math" || v.P("history") != v.Confidence || v.Scores[2].Label != "other" {
		t.Errorf("scores %v", v.Scores)
	}
	if none, ok := r.Verdict("weather"); ok || v.P("weather") != 0 {
		t.Errorf("a verdict on the weather: %+v", none)
	}
	if r.Tokens != 3 || r.UnreadTokens != 0 || r.Windows != 1 || r.Elapsed <= 0 {
		t.Errorf("result %+v", r)
	}
	if got := classify.Outcome(err, r); got != classify.OutcomeOK {
		t.Errorf("outcome %q", got)
	}
	if got := c.Labels("domain"); !slices.Equal(got, []string{"math", "history", "other"}) || c.Labels("weather") != nil || c.Provider() != "fake" {
		t.Errorf("labels %v, provider %q", got, c.Provider())
	}
}

func TestClassifyNormalizes(t *testing.T) {
	c := newClassifier(t, classifytest.New(classifytest.Options{}), options())
	for _, text := range []string{"h\u200bi\u00adstory", "ｈｉｓｔｏｒｙ", "x\x00history"} {
		if r, err := c.Classify(t.Context(), text); err != nil || label(r) != "history" {
			t.Errorf("%q: %q, %v", text, label(r), err)
		}
	}
}

// seenBy fills with the tokens that a fake gets to see, while nothing else asks for them.
func seenBy(fake *classifytest.Fake) map[uint32]bool {
	var mu sync.Mutex
	seen := map[uint32]bool{}
	fake.OnRun(func(windows [][]uint32) {
		mu.Lock()
		defer mu.Unlock()
		for _, w := range windows {
			for _, token := range w {
				seen[token] = true
			}
		}
	})
	return seen
}

// E1, E2: every token of a text of any length is in a window, also where one
// word ends up next to an edge.
func TestEveryTokenIsRead(t *testing.T) {
	fake := classifytest.New(classifytest.Options{Window: 8})
	seen := seenBy(fake)
	c := newClassifier(t, fake, options())
	for _, n := range []int{1, 7, 8, 9, 14, 15, 100, 386} {
		clear(seen)
		r, err := c.Classify(t.Context(), words(n))
		if err != nil || r.Tokens != n || r.UnreadTokens != 0 || len(seen) != n {
			t.Errorf("%d words: %d seen, %+v, %v", n, len(seen), r, err)
		}
	}
}

// C7: windows, and so runs, grow in a line with the text, and no tokenizer call
// is large.
func TestWorkIsLinear(t *testing.T) {
	fake := classifytest.New(classifytest.Options{Window: 100})
	o := options()
	o.MaxWindows, o.Overlap = 10_000, 20
	c := newClassifier(t, fake, o)
	for _, n := range []int{100, 1000, 10_000, 100_000} {
		before := fake.Counts()
		r, err := c.Classify(t.Context(), strings.Repeat("word ", n))
		if err != nil || r.Tokens != n {
			t.Fatalf("%d words: %+v, %v", n, r, err)
		}
		after := fake.Counts()
		if want := (n - 20 + 79) / 80; after.Windows-before.Windows != want || r.Windows != want {
			t.Errorf("%d words took %d windows, want %d", n, after.Windows-before.Windows, want)
		}
		if calls := after.Tokenized - before.Tokenized; calls > 1+5*n/3000 {
			t.Errorf("%d words were tokenised in %d pieces", n, calls)
		}
		if after.LongestText > 4096 {
			t.Errorf("a piece had %d bytes", after.LongestText)
		}
	}
}

// C6: batching changes no answer.
func TestBatchedEqualsAlone(t *testing.T) {
	alone := newClassifier(t, classifytest.New(classifytest.Options{Window: 8}), options())
	batched := newClassifier(t, classifytest.New(classifytest.Options{Window: 8, Batch: 5}), options())
	for n := 1; n < 150; n += 7 {
		text := words(n) + "math " + words(n)
		a, errA := alone.Classify(t.Context(), text)
		b, errB := batched.Classify(t.Context(), text)
		if errA != nil || errB != nil || !reflect.DeepEqual(a.Verdicts, b.Verdicts) {
			t.Errorf("%d words: %v, %v; %v, %v", n, a, errA, b, errB)
		}
	}
}

func TestWindowsOfOneRequestShareARun(t *testing.T) {
	fake := classifytest.New(classifytest.Options{Window: 8, Batch: 4})
	c := newClassifier(t, fake, options())
	r, err := c.Classify(t.Context(), words(60))
	if got := fake.Counts(); err != nil || r.Windows != 10 || got.Windows != 10 || got.Runs != 3 {
		t.Errorf("%+v, %+v, %v", r, got, err)
	}
}

func TestNoText(t *testing.T) {
	fake := classifytest.New(classifytest.Options{})
	c := newClassifier(t, fake, options())
	for _, text := range []string{"", " \n", "\x00", "\u200b\U000e0041"} {
		r, err := c.Classify(t.Context(), text)
		if !errors.Is(err, classify.ErrNoText) || classify.Outcome(err, r) != classify.OutcomeNoText {
			t.Errorf("%q: %v", text, err)
		}
	}
	if fake.Counts().Runs != 0 || !idle(c) {
		t.Errorf("%+v, %+v", fake.Counts(), c.Stats())
	}
}

func TestNewListsAllThatIsWrong(t *testing.T) {
	fake := classifytest.New(classifytest.Options{Labels: []string{"a", "a", ""}, Window: -1, Batch: -1})
	_, err := classify.New(fake, classify.Options{Queue: -1, Overlap: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"slots", "queue", "deadline", "max windows", "the model's window", "overlap", "batch", "is empty", "are equal"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q: %v", part, err)
		}
	}
	if _, err := classify.New(classifytest.New(classifytest.Options{}), classify.DefaultOptions()); err != nil {
		t.Errorf("default options: %v", err)
	}
}

func TestOutcomesAreAClosedList(t *testing.T) {
	for _, test := range []struct {
		err  error
		r    classify.Result
		want string
	}{
		{nil, classify.Result{}, "ok"},
		{nil, classify.Result{UnreadTokens: 1}, "partial"},
		{classify.ErrNoText, classify.Result{}, "no_text"},
		{classify.ErrQueueFull, classify.Result{}, "queue_full"},
		{fmt.Errorf("wrapped: %w", classify.ErrDeadline), classify.Result{}, "deadline"},
		{context.Canceled, classify.Result{}, "canceled"},
		{classify.ErrPanic, classify.Result{}, "panic"},
		{classify.ErrBadOutput, classify.Result{}, "bad_output"},
		{classify.ErrClosed, classify.Result{}, "closed"},
		{errors.New("device lost"), classify.Result{}, "error"},
	} {
		got := classify.Outcome(test.err, test.r)
		if got != test.want || !slices.Contains(classify.Outcomes(), got) {
			t.Errorf("%v: outcome %q, want %q of %v", test.err, got, test.want, classify.Outcomes())
		}
	}
	if len(classify.Outcomes()) != 10 {
		t.Errorf("%d outcomes", len(classify.Outcomes()))
	}
}
