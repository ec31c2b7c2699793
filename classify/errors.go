package classify

import (
	"context"
	"errors"
)

// What a caller may want to tell apart. Outcome maps them to metric values.
var (
	// ErrNoText: the text has no token; there is nothing to judge.
	ErrNoText = errors.New("classify: no text")
	// ErrQueueFull: Options.Queue requests are waiting already.
	ErrQueueFull = errors.New("classify: queue full")
	// ErrDeadline: the deadline passed before any window was read.
	ErrDeadline = errors.New("classify: deadline passed before any answer")
	// ErrPanic: the model panicked. It stays in use.
	ErrPanic = errors.New("classify: model panicked")
	// ErrBadOutput: the model answered with the wrong number of values or with
	// values that are not finite.
	ErrBadOutput = errors.New("classify: bad model output")
	// ErrClosed: the classifier was closed.
	ErrClosed = errors.New("classify: closed")
)

// The closed list of what Outcome gives.
const (
	OutcomeOK        = "ok"
	OutcomePartial   = "partial" // an answer, with tokens unread
	OutcomeNoText    = "no_text"
	OutcomeQueueFull = "queue_full"
	OutcomeDeadline  = "deadline"
	OutcomeCanceled  = "canceled"
	OutcomePanic     = "panic"
	OutcomeBadOutput = "bad_output"
	OutcomeClosed    = "closed"
	OutcomeError     = "error" // any other failure of the model
)

// Outcomes is the closed list of what Outcome gives, for metrics that announce
// their label values.
func Outcomes() []string {
	return []string{
		OutcomeOK, OutcomePartial, OutcomeNoText, OutcomeQueueFull, OutcomeDeadline,
		OutcomeCanceled, OutcomePanic, OutcomeBadOutput, OutcomeClosed, OutcomeError,
	}
}

// Outcome names what Classify returned by one of a closed list of words.
func Outcome(err error, r Result) string {
	switch {
	case err == nil && r.UnreadTokens == 0:
		return OutcomeOK
	case err == nil:
		return OutcomePartial
	case errors.Is(err, ErrNoText):
		return OutcomeNoText
	case errors.Is(err, ErrQueueFull):
		return OutcomeQueueFull
	case errors.Is(err, ErrDeadline):
		return OutcomeDeadline
	case errors.Is(err, context.Canceled):
		return OutcomeCanceled
	case errors.Is(err, ErrPanic):
		return OutcomePanic
	case errors.Is(err, ErrBadOutput):
		return OutcomeBadOutput
	case errors.Is(err, ErrClosed):
		return OutcomeClosed
	}
	return OutcomeError
}
