// Package live holds the one thing that changes while the proxy runs: the
// current generation of configuration, rules and pools.
//
// It promises that a request sees one generation from its first byte to its
// last, that a swap drops no request, and that a replaced generation is closed
// exactly once, after its last request. It must not know how a generation is
// built.
package live

import (
	"sync/atomic"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/upstream"
)

// Generation is an immutable set of parts that belong together.
type Generation struct {
	Config   *config.Config
	Router   *router.Router
	Upstream *upstream.Set
	Gates    *Gates
	// Classifier is the one that Router asks; Heads are what it answers, and Slots
	// is how many texts it reads at once.
	Classifier router.Classifier
	Heads      []classify.Head
	Slots      int
	// Close frees what the generation owns; it is called once.
	Close func()

	users atomic.Int64 // requests, and one for being current
}

// Current is the pointer to the generation in use; the zero value is empty.
type Current struct{ p atomic.Pointer[Generation] }

// Acquire gives the current generation, which the caller must Release, or nil
// while there is none.
func (c *Current) Acquire() *Generation {
	for {
		g := c.p.Load()
		if g == nil {
			return nil
		}
		if n := g.users.Load(); n > 0 && g.users.CompareAndSwap(n, n+1) {
			return g
		}
	}
}

// Release ends one use. The last user of a replaced generation closes it.
func (g *Generation) Release() {
	if g.users.Add(-1) == 0 {
		g.Close()
	}
}

// Swap makes next current and lets go of the one before. A nil next empties c.
func (c *Current) Swap(next *Generation) {
	if next != nil {
		next.users.Store(1)
	}
	if old := c.p.Swap(next); old != nil {
		old.Release()
	}
}
