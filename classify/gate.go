package classify

import (
	"context"
	"sync"
)

// gate bounds how many requests are inside and how many runs go on. A request
// is inside from enter to leave, or until its last run has ended if it left
// before that. A slot is held by one run; those who wait for one are served in
// the order in which they came, and a long text comes back for each batch, so a
// short one waits for no more than a batch of each.
type gate struct {
	slots chan struct{}
	bound int // of requests inside

	mu      sync.Mutex
	inside  int
	waiting int
	hung    int
	closed  bool
	empty   chan struct{} // closed when the gate is and nobody is inside
}

func newGate(slots, queue int) *gate {
	return &gate{
		slots: make(chan struct{}, slots),
		bound: slots + queue,
		empty: make(chan struct{}),
	}
}

// enter admits a request or says at once why not.
func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrClosed
	}
	if g.inside >= g.bound {
		return ErrQueueFull
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.out()
}

// out counts one less inside; mu is held.
func (g *gate) out() {
	g.inside--
	if g.closed && g.inside == 0 {
		close(g.empty)
	}
}

// acquire waits for a slot until ctx ends. With an ended ctx it never gives one.
func (g *gate) acquire(ctx context.Context) error {
	g.count(&g.waiting, 1)
	defer g.count(&g.waiting, -1)
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		<-g.slots
		return err
	}
	return nil
}

func (g *gate) count(what *int, by int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	*what += by
}

// run is one use of a slot.
type run struct{ ended, left bool }

// abandon notes that the request of a run has left; the run keeps its slot and
// its place inside until it ends.
func (g *gate) abandon(r *run) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !r.ended {
		r.left = true
		g.hung++
		g.inside++
	}
}

// end frees the slot of a run.
func (g *gate) end(r *run) {
	<-g.slots
	g.mu.Lock()
	defer g.mu.Unlock()
	r.ended = true
	if r.left {
		g.hung--
		g.out()
	}
}

// close lets nobody in any more.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.closed = true
	if g.inside == 0 {
		close(g.empty)
	}
}
