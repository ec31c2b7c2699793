package classify

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// readTokens normalises and tokenises a text piece by piece until it ends or
// fills all windows. beyond is how many tokens did not fit: an estimate where
// the rest was not tokenised, 0 only if there are none.
func (c *Classifier) readTokens(ctx context.Context, text string) (tokens []uint32, beyond int, err error) {
	limit := capacity(c.opt.MaxWindows, c.model.Window(), c.opt.Overlap)
	r := newReader(text)
	handed := 0 // bytes of normalised text that were tokenised
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		var piece string
		if piece, more = r.next(); piece == "" {
			continue
		}
		handed += len(piece)
		ids, err := c.tokenize(piece)
		if err != nil {
			return nil, 0, err
		}
		if tokens == nil {
			tokens = slices.Clip(ids) // a short text is not copied
		} else {
			tokens = append(tokens, ids...)
		}
		if extra := len(tokens) - limit; extra > 0 {
			rest := estimate(r.expected(handed, len(text)), len(tokens), handed)
			return tokens[:limit], extra + rest, nil
		}
	}
	return tokens, 0, nil
}

// estimate is how many tokens so many bytes are likely to hold, rounded up.
func estimate(bytes, tokens, tokenised int) int {
	return (bytes*tokens + tokenised - 1) / tokenised
}

// tokenize keeps a panic of the model from ending the process.
func (c *Classifier) tokenize(piece string) (ids []uint32, err error) {
	defer recoverInto(&err)
	ids, err = c.model.Tokenize(piece)
	if err != nil {
		err = fmt.Errorf("classify: tokenize text: %w", err)
	}
	return ids, err
}

// reading is what came of running windows.
type reading struct {
	windows []span      // those that were read
	p       [][]float64 // their probabilities, in the same order
	wait    time.Duration
}

// readWindows runs the windows in batches, spread over the text. On an error it
// also gives what was read before.
func (c *Classifier) readWindows(ctx context.Context, tokens []uint32, windows []span) (reading, error) {
	var read reading
	for order := range slices.Chunk(spread(len(windows)), c.model.Batch()) {
		batch := make([][]uint32, len(order))
		for i, at := range order {
			w := windows[at]
			batch[i] = tokens[w.from:w.to:w.to]
		}
		queued := time.Now()
		err := c.gate.acquire(ctx)
		read.wait += time.Since(queued)
		if err != nil {
			return read, err
		}
		p, err := c.runBatch(ctx, batch)
		if err != nil {
			return read, err
		}
		for i, at := range order {
			read.windows = append(read.windows, windows[at])
			read.p = append(read.p, p[i])
		}
	}
	return read, nil
}

// runBatch runs the model in a goroutine of its own, which owns the slot, so
// that a run which does not heed its context holds up nobody but itself.
func (c *Classifier) runBatch(ctx context.Context, batch [][]uint32) ([][]float64, error) {
	type answer struct {
		p   [][]float64
		err error
	}
	held := &run{}
	done := make(chan answer, 1)
	go func() {
		a := answer{err: ErrPanic} // stands if the model ends the goroutine
		defer func() {
			c.gate.end(held)
			done <- a
		}()
		a.p, a.err = c.run(ctx, batch)
	}()
	select {
	case a := <-done:
		return a.p, a.err
	case <-ctx.Done():
		c.gate.abandon(held)
		return nil, ctx.Err()
	}
}

// run gives the probabilities of each window, whatever the model does.
func (c *Classifier) run(ctx context.Context, batch [][]uint32) (p [][]float64, err error) {
	defer recoverInto(&err)
	logits, err := c.model.Run(ctx, batch)
	if err != nil {
		return nil, fmt.Errorf("classify: run model: %w", err)
	}
	if len(logits) != len(batch) {
		return nil, fmt.Errorf("%w: %d rows for %d windows", ErrBadOutput, len(logits), len(batch))
	}
	p = make([][]float64, len(logits))
	for i, row := range logits {
		if p[i], err = softmax(row, len(c.labels), c.opt.Temperature); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// recoverInto, deferred, turns a panic into ErrPanic. Only the text of a runtime
// error is told: any other value may hold the prompt.
func recoverInto(err *error) {
	switch v := recover().(type) {
	case nil:
	case runtime.Error:
		*err = fmt.Errorf("%w: %w", ErrPanic, v)
	default:
		*err = fmt.Errorf("%w with a %T", ErrPanic, v)
	}
}
