package classify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Classifier judges texts with one model. It is safe for concurrent use.
type Classifier struct {
	model   Model
	heads   []Head
	taggers []tagger // of the token heads
	opt     Options
	gate    *gate
	free    func() error // closes the model, the first time
}

// New makes a classifier that owns m from then on: Close closes it. The error
// lists everything that is wrong.
func New(m Model, o Options) (*Classifier, error) {
	if err := o.check(m); err != nil {
		return nil, fmt.Errorf("make classifier: %w", err)
	}
	c := &Classifier{
		model: m,
		heads: slices.Clone(m.Heads()),
		opt:   o,
		gate:  newGate(o.Slots, o.Queue),
		free:  sync.OnceValue(m.Close),
	}
	for i, h := range c.heads {
		if h.Kind == KindToken {
			c.taggers = append(c.taggers, newTagger(h, i))
		}
	}
	return c, nil
}

// Heads are the questions that it answers, in the model's order; their labels
// must not be changed.
func (c *Classifier) Heads() []Head { return slices.Clone(c.heads) }

// Labels are those of a head, in logit order; nil if there is no such head.
func (c *Classifier) Labels(head string) []string {
	for _, h := range c.heads {
		if h.Name == head {
			return slices.Clone(h.Labels)
		}
	}
	return nil
}

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
	result, found, err := c.judge(ctx, text)
	result.Spans = found.merged(text)
	result.Elapsed = time.Since(start)
	return result, err
}

// finding is the spans of a text before they are merged: see MergeSpans and cutBy.
type finding struct{ patterns, learned []Span }

func (f finding) merged(text string) []Span {
	patterns := MergeSpans(f.patterns, nil)
	return MergeSpans(patterns, cutBy(f.learned, patterns, text))
}

func (c *Classifier) judge(ctx context.Context, text string) (Result, finding, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, finding{}, whyEnded(ctx)
	}
	if err := c.gate.enter(); err != nil {
		return Result{}, finding{}, err
	}
	defer c.gate.leave()
	timed, cancel := context.WithTimeout(ctx, c.opt.Deadline)
	defer cancel()

	in, err := c.readTokens(timed, text)
	switch {
	case timed.Err() != nil:
		return Result{}, finding{}, whyEnded(ctx)
	case err != nil:
		return Result{}, finding{}, err
	case len(in.ids) == 0:
		return Result{}, finding{}, ErrNoText
	}
	patterns, err := c.findPatterns(timed, text)
	switch {
	case err != nil && timed.Err() != nil:
		return Result{}, finding{}, whyEnded(ctx)
	case err != nil:
		return Result{}, finding{}, err
	}
	windows := in.windows(c.model.Window(), c.opt.Overlap)
	read, err := c.readWindows(timed, in.ids, windows)
	result := Result{QueueWait: read.wait}
	switch {
	case err != nil && timed.Err() == nil:
		return result, finding{}, err
	case err != nil && (len(read.windows) == 0 || errors.Is(ctx.Err(), context.Canceled)):
		return result, finding{}, whyEnded(ctx)
	}
	vote, covered := votes(read.windows, len(in.ids))
	result.Verdicts = c.verdicts(read, vote)
	result.Windows = len(read.windows)
	result.Tokens = covered
	result.UnreadTokens = len(in.ids) - covered + in.beyond
	return result, finding{patterns, c.findSpans(text, &in, read)}, nil
}

// findPatterns keeps a panic of Options.Patterns from ending the process, and
// spans that lie outside the text from whoever cuts it by them.
func (c *Classifier) findPatterns(ctx context.Context, text string) (found []Span, err error) {
	if c.opt.Patterns == nil {
		return nil, nil
	}
	defer recoverInto(&err)
	if found, err = c.opt.Patterns(ctx, text); err != nil {
		return nil, fmt.Errorf("classify: find patterns: %w", err)
	}
	for _, s := range found {
		if s.From < 0 || s.To < s.From || s.To > len(text) {
			return nil, fmt.Errorf("%w: pattern %s gave [%d, %d) of %d bytes", ErrBadOutput, s.Source, s.From, s.To, len(text))
		}
	}
	return found, nil
}

// whyEnded names the end of a request: the caller's cancel as itself, anything
// else as the deadline.
func whyEnded(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return ErrDeadline
}

// verdicts merges what the windows say into what each sequence head says.
func (c *Classifier) verdicts(read reading, vote []float64) []Verdict {
	var all []Verdict
	windows := make([][]float64, len(read.answers))
	for i, h := range c.heads {
		if h.Kind != KindSequence {
			continue
		}
		for j, a := range read.answers {
			windows[j] = a.p[i]
		}
		var p []float64
		if h.Merge == MergeMax {
			positive := slices.Index(h.Labels, h.Positive)
			p = discounted(maxOfWindows(windows, positive), positive, len(windows), h.Discount)
		} else {
			p = meanOfWindows(windows, vote)
		}
		v := Verdict{Head: h.Name, Scores: make([]Score, len(p))}
		for j, x := range p {
			v.Scores[j] = Score{Label: h.Labels[j], P: x}
		}
		top := v.Scores[h.choose(p)]
		v.Label, v.Confidence = top.Label, top.P
		all = append(all, v)
	}
	return all
}

// findSpans gives the spans of all token heads, by offsets in the text.
func (c *Classifier) findSpans(text string, in *input, read reading) []Span {
	if len(c.taggers) == 0 {
		return nil
	}
	owner := owners(read.windows, len(in.places))
	var found []Span
	for _, e := range in.excerpts {
		found = append(found, c.findIn(text[e.source.from:e.source.to], e, in.places, owner, read)...)
	}
	return found
}

// findIn gives those of one excerpt: no span reaches from one into the next.
func (c *Classifier) findIn(source string, e excerpt, places []place, owner []int, read reading) []Span {
	var found []Span
	for i := range c.taggers {
		t := &c.taggers[i]
		width := len(t.head.Labels)
		found = append(found, t.tags(places[e.tokens.from:e.tokens.to], func(token int) []float32 {
			token += e.tokens.from
			if owner[token] < 0 {
				return nil
			}
			at := token - read.windows[owner[token]].from
			return read.answers[owner[token]].logits[t.at][at*width : (at+1)*width]
		})...)
	}
	if len(found) == 0 {
		return nil
	}
	ranges := make([]span, len(found))
	for i, s := range found {
		ranges[i] = span{s.From, s.To}
	}
	for i, at := range locate(source, ranges) {
		at = trimSymbols(source, at)
		found[i].From, found[i].To = e.source.from+at.from, e.source.from+at.to
	}
	// A bracket alone is no telephone number, whatever the tagger thinks of it.
	return slices.DeleteFunc(found, func(s Span) bool {
		return !strings.ContainsFunc(source[s.From-e.source.from:s.To-e.source.from], isWord)
	})
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
		if s.Inside == 0 {
			break // both came true
		}
		return fmt.Errorf("close classifier: %d requests and runs still inside, %d of them hung: %w", s.Inside, s.Hung, ctx.Err())
	}
	if err := c.free(); err != nil {
		return fmt.Errorf("close classifier: %w", err)
	}
	return nil
}
