package accel

import (
	"context"
	"fmt"
)

// Runtime is an inference runtime with a model to run; S is its session.
type Runtime[S any] interface {
	// Offers is nil when the runtime's library has p and could load what p
	// needs. It is cheap: no model is loaded.
	Offers(p Provider) error

	// Open opens a session on p and has it answer once.
	Open(ctx context.Context, p Provider) (S, error)
}

// Wish is what an operator asks for.
type Wish struct {
	Provider Provider
	// AllowCPU lets a provider asked for by name fall back to the CPU.
	AllowCPU bool
}

// Choose opens a session on the provider wished for, or on the best that works.
// The caller owns the session. An error means that no session is open.
func Choose[S any](ctx context.Context, r Runtime[S], w Wish, goos string) (S, Choice, error) {
	var none S
	choice := Choice{Asked: w.Provider}
	for _, p := range w.candidates(goos) {
		// What is left would only fail the same way, and name the wrong reason.
		if err := ctx.Err(); err != nil {
			return none, choice, fmt.Errorf("choose accelerator: %w", err)
		}
		if err := r.Offers(p); err != nil {
			choice.Skipped = append(choice.Skipped, Skip{Provider: p, Err: err})
			continue
		}
		session, err := r.Open(ctx, p)
		if err != nil {
			choice.Skipped = append(choice.Skipped, Skip{Provider: p, Offered: true, Err: err})
			continue
		}
		choice.Provider = p
		return session, choice, nil
	}
	return none, choice, w.refusal(choice)
}

// candidates are the providers to try, in order.
func (w Wish) candidates(goos string) []Provider {
	switch {
	case w.Provider == Auto:
		return Candidates(goos)
	case w.Provider != CPU && w.AllowCPU:
		return []Provider{w.Provider, CPU}
	}
	return []Provider{w.Provider}
}

// refusal is the error when nothing runs. It wraps the last reason: the CPU's,
// or that of the one provider that was tried.
func (w Wish) refusal(c Choice) error {
	last := c.Skipped[len(c.Skipped)-1]
	if last.Provider == CPU {
		before := reasons(c.Skipped[:len(c.Skipped)-1])
		if before != "" {
			before = " (before it: " + before + ")"
		}
		return fmt.Errorf("open model on the cpu: %w%s", last.Err, before)
	}
	what := "the runtime library does not offer it"
	if last.Offered {
		what = "no session on it answers"
	}
	return fmt.Errorf("accelerator %s was asked for, and %s (allow_cpu lets the model run on the cpu instead): %w",
		w.Provider, what, last.Err)
}
