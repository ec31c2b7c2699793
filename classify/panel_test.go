package classify_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

// panel has the fakes of three heads, one each.
func panel(t *testing.T, o classify.Options) (*classify.Panel, []*classifytest.Fake) {
	t.Helper()
	var fakes []*classifytest.Fake
	var members []*classify.Classifier
	for _, h := range heads() {
		fake := classifytest.New(classifytest.Options{Heads: []classifytest.Head{h}})
		c, err := classify.New(fake, o)
		if err != nil {
			t.Fatal(err)
		}
		fakes, members = append(fakes, fake), append(members, c)
		o.Patterns = nil
	}
	p, err := classify.NewPanel(members...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p, fakes
}

func TestPanelAnswersAsOneClassifierDoes(t *testing.T) {
	o := options()
	o.Patterns = func(context.Context, string) ([]classify.Span, error) {
		return []classify.Span{{Type: "US_SSN", From: 0, To: 6, Score: 1, Source: "ssn"}}, nil
	}
	p, _ := panel(t, o)
	const text = "Ignore John, tell Jane of math"
	r, err := p.Classify(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	one, err := newClassifier(t, manyHeads(0), o).Classify(t.Context(), text)
	if err != nil || !slices.EqualFunc(r.Verdicts, one.Verdicts, func(a, b classify.Verdict) bool {
		return a.Head == b.Head && a.Label == b.Label && slices.Equal(a.Scores, b.Scores)
	}) || !slices.Equal(r.Spans, one.Spans) || len(r.Spans) != 3 {
		t.Errorf("panel %+v, one classifier %+v, %v", r, one, err)
	}
	if r.Windows != 3 || r.Tokens != 3*one.Tokens || r.UnreadTokens != 0 || r.Elapsed <= 0 {
		t.Errorf("%+v", r)
	}
	if got := p.Labels("jailbreak"); !slices.Equal(got, []string{"benign", "jailbreak"}) || p.Labels("weather") != nil || len(p.Heads()) != 3 {
		t.Errorf("labels %v, heads %v", got, p.Heads())
	}
	if s := p.Stats(); s.Slots != 6 || s.Inside != 0 {
		t.Errorf("%+v", s)
	}
}

// C1: a member that fails, fails the whole; those after it are not asked.
func TestPanelFailsWithAnyMember(t *testing.T) {
	for i := range 3 {
		p, fakes := panel(t, options())
		fakes[i].Set(classifytest.Knobs{Err: errDevice})
		r, err := p.Classify(t.Context(), "math")
		if !errors.Is(err, errDevice) || r.Verdicts != nil || r.Spans != nil || r.Elapsed <= 0 {
			t.Errorf("member %d: %+v, %v", i, r, err)
		}
		for j, f := range fakes {
			if asked := f.Counts().Runs > 0; asked != (j <= i) {
				t.Errorf("member %d fails, member %d asked: %v", i, j, asked)
			}
		}
	}
}

// All members together have the time that one has.
func TestPanelHasOneDeadline(t *testing.T) {
	o := options()
	o.Deadline = 300 * time.Millisecond
	p, fakes := panel(t, o)
	for _, f := range fakes {
		f.Set(classifytest.Knobs{Delay: 200 * time.Millisecond})
	}
	start := time.Now()
	r, err := p.Classify(t.Context(), "math")
	if !errors.Is(err, classify.ErrDeadline) || classify.Outcome(err, r) != classify.OutcomeDeadline {
		t.Errorf("%+v, %v", r, err)
	}
	if took := time.Since(start); took > 550*time.Millisecond || fakes[2].Counts().Runs != 0 {
		t.Errorf("took %v, the last member ran %d times", took, fakes[2].Counts().Runs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Classify(ctx, "math"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// C7: what is unread is known of each head, as its own model has it, and the whole
// says the most that one left.
func TestPanelCountsUnreadTokensByHead(t *testing.T) {
	member := func(at, window int) *classify.Classifier {
		o := options()
		o.MaxWindows = 1
		c, err := classify.New(classifytest.New(classifytest.Options{Heads: heads()[at : at+1], Window: window}), o)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	p, err := classify.NewPanel(member(0, 100), member(1, 12), member(2, 8))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.Background())
	r, err := p.Classify(t.Context(), words(20))
	if err != nil || r.UnreadTokens != 12 || classify.Outcome(err, r) != classify.OutcomePartial {
		t.Errorf("%+v, %v", r, err)
	}
	for i, want := range []int{0, 8, 12} {
		if got := r.UnreadOf(heads()[i].Name); got != want {
			t.Errorf("%s: %d tokens unread, want %d", heads()[i].Name, got, want)
		}
	}
	if got := r.UnreadOf("weather"); got != 12 {
		t.Errorf("a head that nobody has: %d tokens unread, want the most", got)
	}
}

// A panel of one says what its member does.
func TestPanelOfOneCountsUnreadTokens(t *testing.T) {
	o := options()
	o.MaxWindows = 1
	p, err := classify.NewPanel(newClassifier(t, manyHeads(8), o))
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Classify(t.Context(), words(20))
	if err != nil || r.UnreadTokens != 12 || r.UnreadOf("pii") != 12 || r.UnreadBy != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPanelOfNothingOrOfRivalsIsRefused(t *testing.T) {
	if _, err := classify.NewPanel(); err == nil {
		t.Error("no members and no error")
	}
	a := newClassifier(t, manyHeads(0), options())
	b := newClassifier(t, classifytest.New(classifytest.Options{Heads: heads()[2:]}), options())
	if _, err := classify.NewPanel(a, b); err == nil || !strings.Contains(err.Error(), `head "pii"`) {
		t.Errorf("two for one head: %v", err)
	}
}

// Close frees every member, also when one of them does not let go.
func TestPanelClosesAllMembers(t *testing.T) {
	p, fakes := panel(t, options())
	fakes[0].Set(classifytest.Knobs{Hang: true})
	hung := make(chan error, 1)
	go func() {
		_, err := p.Classify(context.Background(), "math")
		hung <- err
	}()
	eventually(t, "one hangs", func() bool { return p.Stats().InUse == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close while one hangs: %v", err)
	}
	if fakes[0].Counts().Closed != 0 || fakes[1].Counts().Closed != 1 || fakes[2].Counts().Closed != 1 {
		t.Errorf("closed: %+v, %+v, %+v", fakes[0].Counts(), fakes[1].Counts(), fakes[2].Counts())
	}
	fakes[0].Release()
	if err := <-hung; !errors.Is(err, classify.ErrClosed) {
		t.Errorf("the one inside: %v", err)
	}
}
