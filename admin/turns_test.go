package admin_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// asks is a classifier made of a function.
type asks func(ctx context.Context, text string) (classify.Result, error)

func (f asks) Classify(ctx context.Context, text string) (classify.Result, error) {
	return f(ctx, text)
}

// serveWith puts another classifier behind the door.
func (s *stack) serveWith(c router.Classifier, slots int, settings func(*config.Classify)) {
	s.t.Helper()
	gen := s.current.Acquire()
	defer gen.Release()
	cfg := *gen.Config
	settings(&cfg.Classify)
	s.current.Swap(&live.Generation{Config: &cfg, Router: gen.Router, Classifier: c, Heads: gen.Heads, Slots: slots, Close: func() {}})
}

// C4: a batch that comes while the apps hold every place waits and fails none of
// its texts. The place is freed only after the batch was refused one.
func TestABatchWaitsForAPlaceInAFullQueue(t *testing.T) {
	s := serve(t)
	model := classifytest.New(classifytest.Options{})
	inner, err := classify.New(model, classify.Options{Slots: 1, Queue: 0, Deadline: time.Minute, MaxWindows: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = inner.Close(context.Background()) }()
	model.Set(classifytest.Knobs{Hang: true})
	running := make(chan struct{})
	model.OnRun(func([][]uint32) { model.OnRun(nil); close(running) })
	var app sync.WaitGroup
	app.Go(func() {
		if _, err := inner.Classify(context.Background(), "math"); err != nil {
			t.Errorf("the app's request: %v", err)
		}
	})
	<-running
	var refused atomic.Int64
	s.serveWith(asks(func(ctx context.Context, text string) (classify.Result, error) {
		res, err := inner.Classify(ctx, text)
		if classify.Outcome(err, res) == classify.OutcomeQueueFull && refused.Add(1) == 1 {
			model.Set(classifytest.Knobs{})
			model.Release()
		}
		return res, err
	}), 1, func(c *config.Classify) { c.Queue, c.Deadline = 0, time.Minute })
	var got batch
	s.post("/api/v1/classify/batch", texts("intent", "math", "history", "math")).into(t, &got)
	if got.Errors != 0 || len(got.Results) != 3 || got.Results[1].Category != "history" {
		t.Errorf("%+v", got)
	}
	if refused.Load() == 0 {
		t.Error("the queue was never full")
	}
	app.Wait()
}

// The waiting has an end: each text is an error of its own, after it asked more
// than once.
func TestABatchDoesNotWaitForEverInAFullQueue(t *testing.T) {
	s := serve(t)
	s.serveWith(asks(func(_ context.Context, text string) (classify.Result, error) {
		if strings.Contains(text, "math") {
			return classify.Result{Verdicts: []classify.Verdict{{Head: "domain", Label: "math", Confidence: 1}}}, nil
		}
		return classify.Result{}, classify.ErrQueueFull
	}), 1, func(c *config.Classify) { c.Deadline = 30 * time.Millisecond })
	var got batch
	s.post("/api/v1/classify/batch", texts("intent", "a", "math", "b")).into(t, &got)
	if got.Errors != 2 || got.Results[1].Category != "math" {
		t.Fatalf("%+v", got)
	}
	for _, i := range []int{0, 2} {
		if e := got.Results[i].Error; e == nil || e.Code != "classification_failed" || !strings.Contains(e.Message, "queue_full") {
			t.Errorf("text %d: %+v", i, e)
		}
	}
}

// L4: a client that leaves while its batch waits for a place ends the waiting, here
// of an hour.
func TestABatchThatWaitsEndsWithItsClient(t *testing.T) {
	s := serve(t)
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	s.serveWith(asks(func(context.Context, string) (classify.Result, error) {
		leave()
		return classify.Result{}, classify.ErrQueueFull
	}), 1, func(c *config.Classify) { c.Deadline = time.Hour })
	req, err := http.NewRequestWithContext(ctx, "POST", s.server.URL+"/api/v1/classify/batch", strings.NewReader(texts("intent", "a", "b")))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := s.server.Client().Do(req); err == nil {
		resp.Body.Close()
		t.Error("answered")
	}
	s.server.Close() // returns when no request is inside
}
