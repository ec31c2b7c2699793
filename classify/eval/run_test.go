package eval

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func rows() []Row {
	var all []Row
	for i := range 30 {
		all = append(all, Row{i + 1, []string{"math", "history", ""}[i%3], []string{"math", "other", "math"}[i%3]})
	}
	return all
}

func TestRunKeepsOrderAndFailures(t *testing.T) {
	fake := classifytest.New(classifytest.Options{})
	c, err := classify.New(fake, classify.Options{Slots: 3, Deadline: 10 * time.Second, MaxWindows: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	fake.Set(classifytest.Knobs{Delay: time.Millisecond})
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
	r := Measure(c.Labels("domain"), answers)
	if !near(r.Accuracy, 1.0/3) || r.Unanswered != 10 || r.Outcomes["no_text"] != 10 || r.Outcomes["ok"] != 20 {
		t.Errorf("%+v", r)
	}
	if got := fake.Counts().MaxConcurrent; got > 3 {
		t.Errorf("%d at once", got)
	}
}

// canceler ends the run at the fifth row.
type canceler struct {
	calls  atomic.Int64
	cancel context.CancelFunc
}

func (c *canceler) Classify(context.Context, string) (classify.Result, error) {
	if c.calls.Add(1) == 5 {
		c.cancel()
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
