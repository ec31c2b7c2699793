package admin

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/live"
)

// Never more inside than there are lanes, whoever leaves while waiting, and no
// lane is lost.
func TestLanesAreBounded(t *testing.T) {
	const most = 3
	var l lanes
	var inside, peak atomic.Int64
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			ctx := context.Background()
			if i%3 == 0 { // tired of waiting
				short, cancel := context.WithTimeout(ctx, time.Duration(i)*10*time.Microsecond)
				defer cancel()
				ctx = short
			}
			if !l.enter(ctx, most) {
				return
			}
			defer l.leave()
			n := inside.Add(1)
			defer inside.Add(-1)
			for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
			}
			time.Sleep(100 * time.Microsecond)
		})
	}
	all.Wait()
	if peak.Load() > most {
		t.Errorf("%d inside, of %d", peak.Load(), most)
	}
	if l.busy != 0 || len(l.waiting) != 0 {
		t.Errorf("%d lanes are taken and %d wait with nobody there", l.busy, len(l.waiting))
	}
}

func TestLanesAreGivenInOrder(t *testing.T) {
	var l lanes
	if !l.enter(context.Background(), 1) {
		t.Fatal("no lane among one")
	}
	order := make(chan int, 5)
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			l.enter(context.Background(), 1)
			order <- i
			l.leave()
		})
		for waits := 0; waits <= i; time.Sleep(time.Millisecond) {
			l.mu.Lock()
			waits = len(l.waiting)
			l.mu.Unlock()
		}
	}
	l.leave()
	all.Wait()
	for want := range 5 {
		if got := <-order; got != want {
			t.Errorf("%d went in the place of %d", got, want)
		}
	}
}

// Where next to nobody may queue, batches leave half of the places to the apps.
func TestBatchesLeavePlacesWhereTheQueueIsShort(t *testing.T) {
	for _, test := range []struct{ slots, queue, want int }{
		{4, 256, 4}, {4, 4, 4}, {4, 2, 3}, {4, 0, 2}, {2, 1, 1}, {1, 0, 1}, {0, 0, 1},
	} {
		gen := &live.Generation{Config: &config.Config{Classify: config.Classify{Queue: test.queue}}, Slots: test.slots}
		if got := lanesOf(gen); got != test.want {
			t.Errorf("%d slots, queue %d: %d at once, want %d", test.slots, test.queue, got, test.want)
		}
	}
}
