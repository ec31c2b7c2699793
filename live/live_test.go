package live_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/vsr-proxy/vsr-proxy/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNoGenerationIsNil(t *testing.T) {
	var c live.Current
	if g := c.Acquire(); g != nil {
		t.Fatalf("got %v", g)
	}
	c.Swap(nil)
}

// A generation is closed when it is neither current nor in use, and only then.
func TestClosedAfterTheLastUse(t *testing.T) {
	closed := 0
	next := func() *live.Generation { return &live.Generation{Close: func() { closed++ }} }
	var c live.Current
	c.Swap(next())
	old, again := c.Acquire(), c.Acquire()
	if old != again {
		t.Fatal("two generations are current")
	}
	c.Swap(next())
	old.Release()
	if closed != 0 {
		t.Fatal("closed while in use")
	}
	if c.Acquire() == old {
		t.Fatal("a replaced generation was given out")
	}
	again.Release()
	if closed != 1 {
		t.Fatalf("closed %d times after its last use", closed)
	}
	c.Swap(nil)
	if closed != 1 || c.Acquire() != nil {
		t.Fatal("the second generation is still in use, and no longer current")
	}
}

// P1 in miniature: under swaps, each use sees one generation that is open until
// it is released, and each generation is closed exactly once.
func TestSwapsUnderLoad(t *testing.T) {
	const users, swaps, uses = 8, 200, 10_000
	type version struct {
		*live.Generation
		closed atomic.Int32
	}
	var (
		c        live.Current
		mu       sync.Mutex
		versions = map[*live.Generation]*version{}
	)
	swap := func() {
		v := &version{}
		v.Generation = &live.Generation{Close: func() { v.closed.Add(1) }}
		mu.Lock()
		versions[v.Generation] = v
		mu.Unlock()
		c.Swap(v.Generation)
	}
	swap()
	var wg sync.WaitGroup
	for range users {
		wg.Go(func() {
			for range uses / users {
				g := c.Acquire()
				mu.Lock()
				v := versions[g]
				mu.Unlock()
				if v == nil || v.closed.Load() != 0 {
					t.Error("a closed generation, or none, was given out")
				}
				if v.closed.Load() != 0 {
					t.Error("closed while in use")
				}
				g.Release()
			}
		})
	}
	for range swaps {
		swap()
	}
	wg.Wait()
	c.Swap(nil)
	for _, v := range versions {
		if n := v.closed.Load(); n != 1 {
			t.Errorf("a generation was closed %d times", n)
		}
	}
	if len(versions) != swaps+1 {
		t.Errorf("%d generations", len(versions))
	}
}
