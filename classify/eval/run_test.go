package eval

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parrot says "math" of what contains it, "other" of the rest, and nothing of an
// empty text; it remembers how many asked at once.
type parrot struct {
	mu            sync.Mutex
	inside, atMax int
}

func (p *parrot) Classify(_ context.Context, text string) (classify.Result, error) {
	p.mu.Lock()
	p.inside++
	p.atMax = max(p.atMax, p.inside)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.inside--
	}()
	time.Sleep(time.Millisecond)
	if text == "" {
		return classify.Result{}, classify.ErrNoText
	}
	label := "other"
	if strings.Contains(text, "math") {
		label = "math"
	}
	return classify.Result{Verdicts: []classify.Verdict{{Head: "domain", Label: label, Confidence: 1}}}, nil
}

func rows() []Row {
	var all []Row
	for i := range 30 {
		all = append(all, Row{Line: i + 1, Text: []string{"math", "history", ""}[i%3], Label: []string{"math", "math", "math"}[i%3]})
	}
	return all
}

func TestRunKeepsOrderAndFailures(t *testing.T) {
	c := &parrot{}
	var mu sync.Mutex
	seen := map[int]bool{}
	answers, err := Run(t.Context(), c, rows(), 3, func(done int) {
		mu.Lock()
		defer mu.Unlock()
		seen[done] = true
	})
	if err != nil || len(answers) != 30 || len(seen) != 30 || !seen[30] {
		t.Fatalf("%d answers, %d steps, %v", len(answers), len(seen), err)
	}
	for i, a := range answers {
		if a.Row.Line != i+1 || a.Result.Elapsed <= 0 {
			t.Errorf("answer %d: %+v", i, a)
		}
	}
	r := measureLabels(classify.Head{Name: "domain", Labels: []string{"math", "other"}}, answers)
	if !near(r.Accuracy, 1.0/3) || r.Unanswered != 10 || r.Outcomes["no_text"] != 10 || r.Outcomes["ok"] != 20 {
		t.Errorf("%+v", r)
	}
	if c.atMax > 3 {
		t.Errorf("%d at once", c.atMax)
	}
}

// canceler ends the run at the fifth row.
type canceler struct {
	calls  atomic.Int64
	cancel context.CancelFunc
}

func (c *canceler) Classify(ctx context.Context, _ string) (classify.Result, error) {
	if call := c.calls.Add(1); call == 5 {
		c.cancel()
	} else if call > 5 { // asked before the end, which may still be under way
		<-ctx.Done()
	}
	return classify.Result{}, errors.New("no")
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := &canceler{cancel: cancel}
	if _, err := Run(ctx, c, rows(), 2, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := c.calls.Load(); got > 6 {
		t.Errorf("%d rows after the end", got)
	}
	if _, err := Run(t.Context(), c, rows(), 0, nil); err == nil {
		t.Error("no workers and no error")
	}
}
