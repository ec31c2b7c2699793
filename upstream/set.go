package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"sync"
	"sync/atomic"
)

// Set is a closed table of pools with the connections to them. It is safe for
// concurrent use.
type Set struct {
	pools     map[string][]*endpoint
	options   Options
	transport *http.Transport
	pass      map[string]bool

	buffers  sync.Pool // *[]byte of 32 KiB, for Relay
	closed   atomic.Bool
	inFlight atomic.Int64
}

// New checks the pools and opens nothing yet. The error lists everything that is
// wrong, and repeats no base URL.
func New(pools []Pool, o Options) (*Set, error) {
	o, err := o.withDefaults()
	errs := []error{err}
	s := &Set{
		pools:   make(map[string][]*endpoint, len(pools)),
		options: o,
		pass:    make(map[string]bool, len(o.PassHeaders)),
	}
	for i, p := range pools {
		endpoints, err := newPool(p, o.AllowLinkLocal)
		if err != nil {
			errs = append(errs, fmt.Errorf("pool %d %q: %w", i, p.Name, err))
		}
		if _, twice := s.pools[p.Name]; twice {
			errs = append(errs, fmt.Errorf("pool %d %q: name is taken", i, p.Name))
		}
		s.pools[p.Name] = endpoints
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, name := range o.PassHeaders {
		s.pass[textproto.CanonicalMIMEHeaderKey(name)] = true
	}
	s.transport = newTransport(o)
	return s, nil
}

// Close refuses new calls and closes idle connections now, the rest as soon as
// the last answer is closed. It does not wait.
func (s *Set) Close() {
	s.closed.Store(true)
	s.transport.CloseIdleConnections()
}

// enter and leave count a call in and out.
func (s *Set) enter(e *endpoint) {
	s.inFlight.Add(1)
	e.outstanding.Add(1)
}

func (s *Set) leave(e *endpoint) {
	e.outstanding.Add(-1)
	if s.inFlight.Add(-1) == 0 && s.closed.Load() {
		s.transport.CloseIdleConnections()
	}
}
