package classify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Classifier judges texts with one model. It is safe for concurrent use.
type Classifier struct {
	model  Model
	labels []string
	opt    Options
	gate   *gate
	free   func() error // closes the model, the first time
}

// Result is the judgement of one text.
type Result struct {
	// Label is the likeliest one and Confidence its probability.
	Label      string
	Confidence float64
	// Scores are the probabilities of all labels, in logit order; they sum to 1.
	Scores []Score
	// Verdicts are those of the sequence heads, in the order of the model's heads.
	Verdicts []Verdict
	// Spans are what token heads and Options.Patterns found, sorted by From and
	// not overlapping; see MergeSpans.
	Spans []Span
	// Tokens is how many tokens of the text were read; a token that two windows
	// share counts once.
	Tokens int
	// UnreadTokens is how many were not, because of Options.MaxWindows or the
	// deadline; 0 means all was read. It is exact for what was tokenised. What
	// lies beyond the last window that Options.MaxWindows allows is estimated
	// from its bytes with the tokens per byte so far.
	UnreadTokens int
	// Windows is how many windows were read.
	Windows int
	// QueueWait is the time spent waiting for slots, Elapsed the whole time.
	// Both are set on errors too.
	QueueWait, Elapsed time.Duration
}

// New makes a classifier that owns m from then on: Close closes it. The error
// lists everything that is wrong.
func New(m Model, o Options) (*Classifier, error) {
	if err := o.check(m); err != nil {
		return nil, fmt.Errorf("make classifier: %w", err)
	}
	return &Classifier{
		model:  m,
		labels: slices.Clone(m.Labels()),
		opt:    o,
		gate:   newGate(o.Slots, o.Queue),
		free:   sync.OnceValue(m.Close),
	}, nil
}

// Labels are the labels of the head, in logit order.
func (c *Classifier) Labels() []string { return slices.Clone(c.labels) }

// Provider names what does the arithmetic: "cpu", "cuda".
func (c *Classifier) Provider() string { return c.model.Provider() }

// Classify judges a text within Options.Deadline.
//
// When time is up after at least one window was read, the result stands for
// those and says so in UnreadTokens; they are spread over the text. Otherwise
// the error is ErrDeadline. A cancelled ctx gives context.Canceled at once. A
// run of the model that does not heed its context cannot be stopped: Classify
// returns all the same, and the run keeps its slot until it ends (Stats.Hung).
//
// Errors: those of this package, context.Canceled, and what the model failed
// with.
func (c *Classifier) Classify(ctx context.Context, text string) (Result, error) {
	start := time.Now()
	result, err := c.judge(ctx, text)
	result.Elapsed = time.Since(start)
	return result, err
}

func (c *Classifier) judge(ctx context.Context, text string) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, whyEnded(ctx)
	}
	if err := c.gate.enter(); err != nil {
		return Result{}, err
	}
	defer c.gate.leave()
	timed, cancel := context.WithTimeout(ctx, c.opt.Deadline)
	defer cancel()

	tokens, beyond, err := c.readTokens(timed, text)
	switch {
	case timed.Err() != nil:
		return Result{}, whyEnded(ctx)
	case err != nil:
		return Result{}, err
	case len(tokens) == 0:
		return Result{}, ErrNoText
	}
	windows := cutWindows(len(tokens), c.model.Window(), c.opt.Overlap)
	read, err := c.readWindows(timed, tokens, windows)
	result := Result{QueueWait: read.wait}
	switch {
	case err != nil && timed.Err() == nil:
		return result, err
	case err != nil && (len(read.windows) == 0 || errors.Is(ctx.Err(), context.Canceled)):
		return result, whyEnded(ctx)
	}
	vote, covered := votes(read.windows, len(tokens))
	c.fill(&result, meanOfWindows(read.p, vote))
	result.Windows = len(read.windows)
	result.Tokens = covered
	result.UnreadTokens = len(tokens) - covered + beyond
	return result, nil
}

// whyEnded names the end of a request: the caller's cancel as itself, anything
// else as the deadline.
func whyEnded(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return ErrDeadline
}

func (c *Classifier) fill(result *Result, p []float64) {
	result.Scores = make([]Score, len(p))
	for i, x := range p {
		result.Scores[i] = Score{Label: c.labels[i], P: x}
	}
	top := result.Scores[best(p)]
	result.Label, result.Confidence = top.Label, top.P
	result.Verdicts = []Verdict{{Head: "domain", Label: top.Label, Confidence: top.P, Scores: result.Scores}}
}

// Verdict is that of a sequence head, if the result has one.
func (r Result) Verdict(head string) (Verdict, bool) {
	for _, v := range r.Verdicts {
		if v.Head == head {
			return v, true
		}
	}
	return Verdict{}, false
}

// Stats is what the classifier is doing at one moment.
type Stats struct {
	Slots   int // Options.Slots
	InUse   int // slots that a run holds
	Inside  int // requests admitted and not gone, and hung runs; at most Slots+Queue
	Waiting int // requests waiting for a slot
	// Hung counts runs which go on though their request has left. One that
	// heeds its context is counted for a moment; a number that stays up is a
	// model that hangs, and so many slots lost.
	Hung int
}

// Stats gives a snapshot for metrics.
func (c *Classifier) Stats() Stats {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	return Stats{
		Slots:   c.opt.Slots,
		InUse:   len(c.gate.slots),
		Inside:  c.gate.inside,
		Waiting: c.gate.waiting,
		Hung:    c.gate.hung,
	}
}

// Close refuses new texts, waits until those inside are answered and no run
// goes on, and closes the model. If ctx ends first, Close says so and leaves the
// model open, because to free what a run still reads would crash the process;
// Close may be called again.
func (c *Classifier) Close(ctx context.Context) error {
	c.gate.close()
	select {
	case <-c.gate.empty:
	case <-ctx.Done():
		s := c.Stats()
		return fmt.Errorf("close classifier: %d requests and runs still inside, %d of them hung: %w", s.Inside, s.Hung, ctx.Err())
	}
	if err := c.free(); err != nil {
		return fmt.Errorf("close classifier: %w", err)
	}
	return nil
}
