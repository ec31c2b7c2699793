package upstream

import (
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
)

// R, H2: a peer that says it did not process a request gets it once more, over
// U11: an upstream that ends its connections with GOAWAY every 100 requests fails
// none of 1,000, and processes each once.
func TestU11GoAway(t *testing.T) {
	const last = 199 // the id of a connection's 100th stream
	s := newH2Stub(t, func(c *h2conn, id uint32) {
		if id > last {
			return // sent before the GOAWAY was seen: not processed
		}
		c.hits.Add(1)
		if id == last {
			c.framer.WriteGoAway(last, http2.ErrCodeNo, nil)
		}
		c.answer(id, "200", "{}")
	})
	set := newSet(t, Options{TLS: s.roots}, s.endpoint())
	var workers sync.WaitGroup
	var failed atomic.Int64
	for range 8 {
		workers.Go(func() {
			for range 125 {
				a, err := set.Do(t.Context(), post("{}"))
				if err != nil {
					failed.Add(1)
					t.Logf("%v", err)
					continue
				}
				if _, err := io.Copy(io.Discard, a); err != nil {
					failed.Add(1)
				}
				a.Close()
			}
		})
	}
	workers.Wait()
	if failed.Load() != 0 || s.hits.Load() != 1000 {
		t.Errorf("%d of 1000 failed, %d processed over %d connections", failed.Load(), s.hits.Load(), s.conns.Load())
	}
}
