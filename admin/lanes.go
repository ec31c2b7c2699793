package admin

import (
	"context"
	"slices"
	"sync"
)

// lanes bound how many texts of all batches are classified at once, in order of
// arrival: what the operators' door asks for takes turns with the requests of the
// other door at the classifier and does not crowd them out. The zero value is
// ready.
type lanes struct {
	mu      sync.Mutex
	busy    int
	waiting []chan struct{}
}

// enter waits for one of n lanes until ctx ends. The caller owes leave if it gives
// true. n may change from call to call, as a reload changes it.
func (l *lanes) enter(ctx context.Context, n int) bool {
	l.mu.Lock()
	if l.busy < n && len(l.waiting) == 0 {
		l.busy++
		l.mu.Unlock()
		return true
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return true
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, turn); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		return false
	}
	l.pass() // the turn came at the same moment
	return false
}

func (l *lanes) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pass()
}

// pass hands a lane to the one who waits longest, or frees it; mu is held.
func (l *lanes) pass() {
	if len(l.waiting) == 0 {
		l.busy--
		return
	}
	close(l.waiting[0])
	l.waiting = slices.Delete(l.waiting, 0, 1)
}
