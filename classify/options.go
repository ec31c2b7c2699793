package classify

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// Options bound what one classifier may take. There are no hidden defaults: a
// zero is a zero, and where zero makes no sense New refuses it. DefaultOptions
// is a sensible start.
type Options struct {
	// Slots is how many runs of the model go on at once, at least 1.
	Slots int
	// Queue is how many more requests may be inside while every slot is taken.
	// One over Slots+Queue gets ErrQueueFull at once.
	Queue int
	// Deadline bounds one Classify: reading, waiting and running together.
	Deadline time.Duration
	// MaxWindows bounds the windows of one text. One that needs more is read in so
	// many excerpts, evenly over it (one is its beginning); the rest is unread.
	MaxWindows int
	// Overlap is how many tokens neighbouring windows share at least, so that
	// what an edge cuts is whole in one of them. Less than the model's window.
	Overlap int
	// Patterns gives the spans that are found without a model, by offsets in the
	// text that it is given: the caller's own, whole. It is called once a text and
	// its time counts, so it should end with an error soon after ctx does. Nil
	// finds nothing.
	Patterns func(ctx context.Context, text string) ([]Span, error)
}

// DefaultOptions suits an encoder on a CPU, one thread per run.
func DefaultOptions() Options {
	return Options{
		Slots:      runtime.GOMAXPROCS(0),
		Queue:      256,
		Deadline:   time.Second,
		MaxWindows: 64,
		Overlap:    64,
	}
}

// check gives everything that is wrong with the options for this model, and
// with the model.
func (o Options) check(m Model) error {
	var wrong []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	need(o.Slots >= 1, "slots is %d, needs at least 1", o.Slots)
	need(o.Queue >= 0, "queue is %d, needs at least 0", o.Queue)
	need(o.Deadline > 0, "deadline is %v, needs more than 0", o.Deadline)
	need(o.MaxWindows >= 1, "max windows is %d, needs at least 1", o.MaxWindows)
	need(m.Window() >= 1, "the model's window is %d tokens, needs at least 1", m.Window())
	need(o.Overlap >= 0 && o.Overlap < max(m.Window(), 1),
		"overlap is %d tokens, needs 0 to less than the model's window of %d", o.Overlap, m.Window())
	need(m.Batch() >= 1, "the model's batch is %d windows, needs at least 1", m.Batch())
	need(len(m.Heads()) > 0, "the model has no heads")
	names := make(map[string]bool)
	for _, h := range m.Heads() {
		if err := h.Check(); err != nil {
			wrong = append(wrong, err)
		}
		need(!names[h.Name], "two heads of the model are named %q", h.Name)
		names[h.Name] = true
	}
	return errors.Join(wrong...)
}
