package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Call is one request to a pool.
type Call struct {
	Pool     string
	Method   string
	Path     string // plain and absolute, such as /v1/chat/completions
	RawQuery string
	// Header is the client's; Do leaves out what must not travel, and does not
	// change it. Where the caller set names of its own, it has removed Connection
	// before: whatever that names stays behind.
	Header http.Header
	// Body is sent whole. It must not be changed any more, not even after Do
	// returned: an upstream may answer before it has read everything.
	Body []byte
	// HideUsage says that the caller asked for a usage chunk which the client did
	// not ask for: Relay takes it out of the stream again.
	HideUsage bool
	// Readable asks for an answer that is not compressed, because Relay shall
	// rewrite it.
	Readable bool
}

// Do sends the call to an endpoint of its pool and returns when the response
// head is there, whatever its status. The error is a *Failure.
//
// The answer must be given to Relay, or closed.
func (s *Set) Do(ctx context.Context, c Call) (*Answer, error) {
	endpoints, ok := s.pools[c.Pool]
	switch {
	case s.closed.Load():
		return nil, fail(Closed, errors.New("set is closed"))
	case !ok:
		return nil, fail(UnknownPool, fmt.Errorf("no pool %q", c.Pool))
	case c.Method == http.MethodConnect || c.Method == http.MethodTrace:
		return nil, fail(BadCall, fmt.Errorf("method %s", c.Method))
	case !plainPath(c.Path) || !plainQuery(c.RawQuery):
		return nil, fail(BadCall, errors.New("path or query has characters that cannot be sent"))
	}

	started := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	limit := time.AfterFunc(s.options.HeaderTimeout, func() { cancel(errLimit) })

	var (
		t   = newTry(&c)
		e   = pick(endpoints, nil)
		err error
	)
	for {
		var resp *http.Response
		s.enter(e)
		if resp, err = s.send(ctx, &c, e, t); err == nil {
			limit.Stop()
			e.answered()
			a := s.newAnswer(ctx, cancel, limit, started, e, &c, resp)
			a.Retried = t.replayed
			return a, nil
		}
		s.leave(e)
		next := s.another(ctx, endpoints, e, t)
		if next == nil {
			break
		}
		e = next
	}
	limit.Stop()
	failure := classify(context.Cause(ctx), err, HeaderTimeout)
	if ctx.Err() == nil && t.phase.Load() == preparing {
		failure = fail(BadCall, err)
	}
	cancel(errFinished)
	failure.Retried = t.replayed
	return nil, failure
}

// send makes one try. An answer that is none is turned into an error here.
func (s *Set) send(ctx context.Context, c *Call, e *endpoint, t *try) (*http.Response, error) {
	resp, err := s.transport.RoundTrip(t.request(ctx, c, e))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < http.StatusOK {
		// Only a 101 comes this far. We asked for no other protocol.
		resp.Body.Close()
		return nil, fmt.Errorf("unexpected status %d", resp.StatusCode)
	}
	return resp, nil
}

// another is the endpoint for a second try after one on e failed, nil if there
// must be none. Where dialling failed, the same endpoint would fail again; where
// a kept connection turned out to be dead before it took a byte, a new one to
// the same endpoint is fine.
func (s *Set) another(ctx context.Context, endpoints []*endpoint, e *endpoint, t *try) *endpoint {
	if ctx.Err() != nil {
		return nil
	}
	phase := t.phase.Load()
	if phase == dialling {
		e.failedDial(s.options.Cooldown)
	}
	if phase == preparing || !t.mayReplay() {
		return nil
	}
	t.replayed = true
	if next := pick(endpoints, e); next != nil {
		return next
	}
	if phase == connected {
		return e
	}
	return nil
}
