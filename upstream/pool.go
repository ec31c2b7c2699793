package upstream

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/vsr-proxy/vsr-proxy/secret"
)

// Pool is a named group of endpoints that serve the same thing.
type Pool struct {
	Name      string
	Endpoints []Endpoint
}

// Endpoint is one base URL and what is needed to talk to it.
type Endpoint struct {
	// URL is the base: http or https, a host, perhaps a path; see joinPath for
	// how a call's path is added.
	URL *url.URL
	// Key, unless empty, is sent as "Authorization: Bearer".
	Key secret.Secret
	// ForwardAuth sends the client's own credentials on. Otherwise they are
	// dropped. It excludes Key.
	ForwardAuth bool
	// Weight is this endpoint's share of the pool's load. 0 means 1.
	Weight int
}

// endpoint is an Endpoint with what is known about it at the moment.
type endpoint struct {
	Endpoint
	target      string       // host:port, for logs
	outstanding atomic.Int64 // calls whose answer is not closed yet
	cooling     atomic.Int64 // until when, in Unix nanoseconds, others go first
}

// failedDial puts the endpoint last until the cool-down is over.
func (e *endpoint) failedDial(cooldown time.Duration) {
	e.cooling.Store(time.Now().Add(cooldown).UnixNano())
}

// answered ends the cool-down.
func (e *endpoint) answered() {
	if e.cooling.Load() != 0 {
		e.cooling.Store(0)
	}
}

func newPool(p Pool, allowLinkLocal bool) ([]*endpoint, error) {
	var errs []error
	if p.Name == "" {
		errs = append(errs, errors.New("name is missing"))
	}
	if len(p.Endpoints) == 0 {
		errs = append(errs, errors.New("no endpoints"))
	}
	endpoints := make([]*endpoint, 0, len(p.Endpoints))
	for i, e := range p.Endpoints {
		if err := checkBase(e.URL, allowLinkLocal); err != nil {
			errs = append(errs, fmt.Errorf("endpoint %d: %w", i, err))
			continue
		}
		if e.Weight < 0 {
			errs = append(errs, fmt.Errorf("endpoint %d: weight %d is negative", i, e.Weight))
		}
		if e.ForwardAuth && !e.Key.IsZero() {
			errs = append(errs, fmt.Errorf("endpoint %d: a key and forwarded credentials exclude each other", i))
		}
		base := *e.URL // the caller's URL may change later, the table may not
		e.URL = &base
		e.Weight = max(e.Weight, 1)
		endpoints = append(endpoints, &endpoint{Endpoint: e, target: hostPort(&base)})
	}
	return endpoints, errors.Join(errs...)
}

// pick chooses the endpoint with the least outstanding calls per weight, those
// in cool-down last; ties fall by lot in proportion to weight. It skips tried,
// and returns nil where no other is left. Concurrent picks may see the same
// counts; that costs balance for an instant, not correctness.
func pick(endpoints []*endpoint, tried *endpoint) *endpoint {
	var (
		now         = time.Now().UnixNano()
		best        *endpoint
		bestCooling bool
		bestLoad    int64
		tied        int
	)
	for _, e := range endpoints {
		if e == tried {
			continue
		}
		cooling, load := e.cooling.Load() > now, e.outstanding.Load()
		order := -1 // e against best: negative is better
		if best != nil {
			order = compare(cooling, load, e.Weight, bestCooling, bestLoad, best.Weight)
		}
		switch {
		case order < 0:
			best, bestCooling, bestLoad, tied = e, cooling, load, e.Weight
		case order == 0:
			tied += e.Weight
			if rand.IntN(tied) < e.Weight {
				best, bestLoad = e, load
			}
		}
	}
	return best
}

// compare orders two endpoints by cool-down, then by load a/wa against b/wb.
func compare(aCooling bool, a int64, wa int, bCooling bool, b int64, wb int) int {
	if aCooling != bCooling {
		if aCooling {
			return 1
		}
		return -1
	}
	left, right := a*int64(wb), b*int64(wa)
	switch {
	case left < right:
		return -1
	case left > right:
		return 1
	}
	return 0
}
