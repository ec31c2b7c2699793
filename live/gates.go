package live

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/vsr-proxy/vsr-proxy/config"
)

// Gates bound what all requests together may take. Generations with the same
// limits share them.
type Gates struct {
	requests *semaphore.Weighted
	memory   *semaphore.Weighted
	held     atomic.Int64
}

// NewGates are gates of the size that l names.
func NewGates(l config.Limits) *Gates {
	return &Gates{
		requests: semaphore.NewWeighted(int64(l.Concurrency)),
		memory:   semaphore.NewWeighted(int64(l.BodyMemory)),
	}
}

// Enter takes a place among the requests in flight, waiting for one no longer
// than wait. The caller owes Leave if it gives true.
func (g *Gates) Enter(ctx context.Context, wait time.Duration) bool {
	return acquire(ctx, g.requests, 1, wait)
}

// Leave gives the place back.
func (g *Gates) Leave() { g.requests.Release(1) }

// Hold takes n bytes for a request body, waiting no longer than wait. The caller
// owes Drop of as many if it gives true.
func (g *Gates) Hold(ctx context.Context, n int64, wait time.Duration) bool {
	if !acquire(ctx, g.memory, n, wait) {
		return false
	}
	g.held.Add(n)
	return true
}

// Drop gives n bytes back.
func (g *Gates) Drop(n int64) {
	g.held.Add(-n)
	g.memory.Release(n)
}

// Held is how many bytes are taken at this moment.
func (g *Gates) Held() int64 { return g.held.Load() }

func acquire(ctx context.Context, s *semaphore.Weighted, n int64, wait time.Duration) bool {
	if s.TryAcquire(n) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return s.Acquire(ctx, n) == nil
}
