package classify

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// input is the tokens of a text.
type input struct {
	ids []uint32
	// places are where the tokens stand in their excerpt, normalised; there are
	// none if no head asks.
	places []place
	// excerpts are the parts of the text that the tokens are of, in order: one for
	// a text that fits the windows.
	excerpts []excerpt
	// beyond is how many tokens did not fit: an estimate where the rest was not
	// tokenised, 0 only if there are none.
	beyond int
}

// readTokens normalises and tokenises a text: all of it, or excerpts if the
// windows do not hold it.
func (c *Classifier) readTokens(ctx context.Context, text string) (input, error) {
	limit := capacity(c.opt.MaxWindows, c.model.Window(), c.opt.Overlap)
	in, err := c.readUpTo(ctx, text, limit, pieceBytes)
	if err != nil || in.beyond == 0 || c.opt.MaxWindows == 1 {
		return in, err
	}
	return c.readExcerpts(ctx, text, limit/c.opt.MaxWindows, limit+in.beyond)
}

// readUpTo reads a text from its beginning until it ends or gave so many tokens.
// No call of the tokenizer gets more than the given bytes.
func (c *Classifier) readUpTo(ctx context.Context, text string, limit, bytes int) (input, error) {
	r := newReader(text)
	var in input
	var piece string // normalised and not yet tokenised
	given := 0       // bytes of normalised text that the reader gave
	for more := true; more || piece != ""; {
		if err := ctx.Err(); err != nil {
			return input{}, err
		}
		if piece == "" {
			piece, more = r.next()
			given += len(piece)
			continue
		}
		now, rest := cutPiece(piece, bytes)
		tokens, err := c.tokenize(now)
		if err != nil {
			return input{}, err
		}
		if err := in.add(tokens, now, given-len(piece), len(c.taggers) > 0); err != nil {
			return input{}, err
		}
		piece = rest
		if extra := len(in.ids) - limit; extra > 0 {
			in.beyond = extra + estimate(len(piece)+r.expected(given, len(text)), len(in.ids), given-len(piece))
			in.cut(limit)
			break
		}
	}
	in.excerpts = []excerpt{{source: span{0, len(text)}, tokens: span{0, len(in.ids)}}}
	return in, nil
}

// add takes the tokens of the next piece.
func (in *input) add(tokens []Token, piece string, base int, placed bool) error {
	in.ids = slices.Grow(in.ids, len(tokens))
	for _, t := range tokens {
		in.ids = append(in.ids, t.ID)
	}
	if !placed {
		return nil
	}
	places, err := placesOf(tokens, piece, base)
	in.places = append(in.places, places...)
	return err
}

// cut drops all tokens but the first n. The last one stands for the rest of its
// word, so that no span ends within it.
func (in *input) cut(n int) {
	for i := n; i < len(in.places) && !in.places[i].begins; i++ {
		in.places[n-1].to = in.places[i].to
	}
	in.ids, in.places = in.ids[:n], in.places[:min(n, len(in.places))]
}

// estimate is how many tokens so many bytes are likely to hold, rounded up.
func estimate(bytes, tokens, tokenised int) int {
	return (bytes*tokens + tokenised - 1) / tokenised
}

// tokenize keeps a panic of the model from ending the process.
func (c *Classifier) tokenize(piece string) (tokens []Token, err error) {
	defer recoverInto(&err)
	tokens, err = c.model.Tokenize(piece)
	if err != nil {
		err = fmt.Errorf("classify: tokenize text: %w", err)
	}
	return tokens, err
}

// reading is what came of running windows.
type reading struct {
	windows []span   // those that were read
	answers []answer // in the same order
	wait    time.Duration
}

// answer is what the heads say of one window, by their place among the heads.
type answer struct {
	p      [][]float64 // of sequence heads
	logits Output      // of token heads, checked
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
		answers, err := c.runBatch(ctx, batch)
		if err != nil {
			return read, err
		}
		for i, at := range order {
			read.windows = append(read.windows, windows[at])
			read.answers = append(read.answers, answers[i])
		}
	}
	return read, nil
}

// runBatch runs the model in a goroutine of its own, which owns the slot, so
// that a run which does not heed its context holds up nobody but itself.
func (c *Classifier) runBatch(ctx context.Context, batch [][]uint32) ([]answer, error) {
	type outcome struct {
		answers []answer
		err     error
	}
	held := &run{}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{err: ErrPanic} // stands if the model ends the goroutine
		defer func() {
			c.gate.end(held)
			done <- o
		}()
		o.answers, o.err = c.run(ctx, batch)
	}()
	select {
	case o := <-done:
		return o.answers, o.err
	case <-ctx.Done():
		c.gate.abandon(held)
		return nil, ctx.Err()
	}
}

// run gives the answers for each window, whatever the model does.
func (c *Classifier) run(ctx context.Context, batch [][]uint32) (answers []answer, err error) {
	defer recoverInto(&err)
	outputs, err := c.model.Run(ctx, batch)
	if err != nil {
		return nil, fmt.Errorf("classify: run model: %w", err)
	}
	if len(outputs) != len(batch) {
		return nil, fmt.Errorf("%w: %d outputs for %d windows", ErrBadOutput, len(outputs), len(batch))
	}
	answers = make([]answer, len(outputs))
	for i, output := range outputs {
		if answers[i], err = c.answer(output, len(batch[i])); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// answer checks the output for a window of so many tokens.
func (c *Classifier) answer(output Output, tokens int) (answer, error) {
	if len(output) != len(c.heads) {
		return answer{}, fmt.Errorf("%w: %d outputs for %d heads", ErrBadOutput, len(output), len(c.heads))
	}
	a := answer{p: make([][]float64, len(output)), logits: output}
	for i, h := range c.heads {
		want := len(h.Labels)
		if h.Kind == KindToken {
			want *= tokens
		}
		if err := checkLogits(output[i], want); err != nil {
			return answer{}, fmt.Errorf("head %s: %w", h.Name, err)
		}
		if h.Kind == KindSequence {
			a.p[i] = appendProbabilities(nil, output[i], h.Temperature)
		}
	}
	return a, nil
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
