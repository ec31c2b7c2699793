package eval

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// Classifier is what is measured; *classify.Classifier is one.
type Classifier interface {
	Classify(ctx context.Context, text string) (classify.Result, error)
}

// Answer is what the classifier made of one row.
type Answer struct {
	Row     Row
	Result  classify.Result
	Outcome string // of classify.Outcomes
}

// answered says whether the classifier answered at all.
func (a Answer) answered() bool {
	return a.Outcome == classify.OutcomeOK || a.Outcome == classify.OutcomePartial
}

// Verdict is what a sequence head said, if there is an answer.
func (a Answer) Verdict(head string) (classify.Verdict, bool) {
	if !a.answered() {
		return classify.Verdict{}, false
	}
	return a.Result.Verdict(head)
}

// Run classifies all rows, workers at a time: as many as the classifier has
// slots, or the latency measured is that of a queue. The answers are in the
// order of the rows. progress, if not nil, is called after each row with the
// number done so far, from several goroutines. A row that fails is an answer
// without a label; only the end of ctx ends the run, with its error.
func Run(ctx context.Context, c Classifier, rows []Row, workers int, progress func(done int)) ([]Answer, error) {
	if workers < 1 {
		return nil, errors.New("evaluate: needs at least one worker")
	}
	answers := make([]Answer, len(rows))
	var next, done atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, len(rows)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(rows) {
					return
				}
				answers[i] = ask(ctx, c, rows[i])
				if n := int(done.Add(1)); progress != nil {
					progress(n)
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return answers, nil
}

func ask(ctx context.Context, c Classifier, row Row) Answer {
	start := time.Now()
	result, err := c.Classify(ctx, row.Text)
	if result.Elapsed == 0 {
		result.Elapsed = time.Since(start)
	}
	return Answer{Row: row, Result: result, Outcome: classify.Outcome(err, result)}
}
