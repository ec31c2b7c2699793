package upstream

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// Answer is a response whose head has arrived.
type Answer struct {
	Status int
	Header http.Header // as the upstream sent it
	// Target is host:port of the endpoint that answered, for logs only.
	Target string
	// Retried says that the answer is that of a second try.
	Retried bool

	resp      *http.Response
	started   time.Time
	set       *Set
	endpoint  *endpoint
	hideUsage bool

	cancel context.CancelCauseFunc // ends the upstream's request
	cause  func() error            // why it was ended, nil if it was not
	limit  *time.Timer             // calls cancel; armed while a read waits
	once   sync.Once
}

func (s *Set) newAnswer(ctx context.Context, cancel context.CancelCauseFunc, limit *time.Timer, started time.Time, e *endpoint, c *Call, resp *http.Response) *Answer {
	return &Answer{
		Status:    resp.StatusCode,
		Header:    resp.Header,
		Target:    e.target,
		resp:      resp,
		started:   started,
		set:       s,
		endpoint:  e,
		hideUsage: c.HideUsage,
		cancel:    cancel,
		cause:     func() error { return context.Cause(ctx) },
		limit:     limit,
	}
}

// Read reads the body as it came, each read under the silence limit. It returns
// io.EOF at the end of a complete body, and a *Failure otherwise.
func (a *Answer) Read(p []byte) (int, error) {
	a.limit.Reset(a.set.options.IdleTimeout)
	n, err := a.resp.Body.Read(p)
	a.limit.Stop()
	if err != nil && err != io.EOF { // a wrapped EOF would be no clean end
		return n, classify(a.cause(), err, Silence)
	}
	return n, err
}

// Close ends the call; an unread rest of the answer is abandoned. It may be
// called more than once.
func (a *Answer) Close() error {
	a.once.Do(func() {
		a.limit.Stop()
		a.resp.Body.Close()
		a.cancel(errFinished)
		a.set.leave(a.endpoint)
	})
	return nil
}
