package live_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/live"
)

func gates(concurrency int, memory config.Bytes) *live.Gates {
	return live.NewGates(config.Limits{Concurrency: concurrency, BodyMemory: memory})
}

func TestEntryIsBounded(t *testing.T) {
	g, ctx := gates(2, 1), context.Background()
	for range 2 {
		if !g.Enter(ctx, 0) {
			t.Fatal("no place among two")
		}
	}
	start := time.Now()
	if g.Enter(ctx, 50*time.Millisecond) {
		t.Fatal("a third place among two")
	}
	if took := time.Since(start); took < 50*time.Millisecond || took > 5*time.Second {
		t.Errorf("waited %v for 50ms", took)
	}
	time.AfterFunc(20*time.Millisecond, g.Leave)
	if !g.Enter(ctx, 5*time.Second) {
		t.Error("a place that was given back was not given out")
	}
}

// L4: whoever leaves the queue takes no place.
func TestWaitEndsWithTheContext(t *testing.T) {
	g := gates(1, 1)
	g.Enter(context.Background(), 0)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	start := time.Now()
	if g.Enter(ctx, time.Minute) || time.Since(start) > 10*time.Second {
		t.Error("entered, or waited on, after the context ended")
	}
	g.Leave()
	if !g.Enter(context.Background(), 0) {
		t.Error("the one that left took a place")
	}
}

// B2: bodies are held within the bound, and none that can never fit waits longer
// than it may.
func TestMemoryIsBounded(t *testing.T) {
	g, ctx := gates(1, 100), context.Background()
	if !g.Hold(ctx, 60, 0) || !g.Hold(ctx, 40, 0) || g.Held() != 100 {
		t.Fatalf("held %d", g.Held())
	}
	if g.Hold(ctx, 1, 0) || g.Held() != 100 {
		t.Error("more than there is")
	}
	g.Drop(60)
	if g.Hold(ctx, 101, 10*time.Millisecond) || g.Held() != 40 {
		t.Error("more than there ever is")
	}
	if !g.Hold(ctx, 60, 0) {
		t.Error("what was given back was not given out")
	}
	if !g.Hold(ctx, 0, 0) {
		t.Error("nothing is always to be had")
	}
}

func TestGatesUnderLoad(t *testing.T) {
	const places, memory = 4, 64
	g := gates(places, memory)
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 50 {
				if !g.Enter(context.Background(), time.Minute) {
					t.Error("no place within a minute")
					return
				}
				if n := inside.Add(1); n > places {
					most.Store(n)
				}
				n := int64(i%memory + 1)
				if g.Hold(context.Background(), n, time.Minute) {
					if g.Held() > memory {
						t.Error("held more than the bound")
					}
					g.Drop(n)
				}
				inside.Add(-1)
				g.Leave()
			}
		})
	}
	wg.Wait()
	if most.Load() != 0 || g.Held() != 0 {
		t.Errorf("%d inside at once, %d bytes left", most.Load(), g.Held())
	}
}
