//go:build e2e

package envoy_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// X8: with the classifier so busy that its deadline ends classifications, we answer
// before Envoy stops waiting, each time; every request is served, and says if its
// text was not read, or not all of it.
func TestEnvoyNeverTimesOutOnABusyClassifier(t *testing.T) {
	p := processor(t, doors+"classify: {slots: 1, deadline: 750ms, queue: 64}\n"+strings.Replace(routes, "listen: EXTPROC", "listen: EXTPROC, message_timeout: 1s", 1))
	var gateways []*rig.Envoy
	for _, mode := range []string{"BUFFERED", "FULL_DUPLEX_STREAMED"} { // the second has no time limit, but counters
		gateways = append(gateways, gateway(t, p.Addr, reading(mode), func(g *rig.Gateway) {
			g.Processor.FailClosed = true
			g.Processor.MessageTimeout = "1s" // what the processor was told, no more
		}))
	}
	// Some of one window, some of fifty: less than are read of a text, more than the deadline allows.
	bodies := [][]byte{chat("auto", mathPrompt), chat("auto", history(300))}
	var mu sync.Mutex
	why, cut := make(map[string]int), 0
	jobs := make(chan int)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for n := range jobs {
				r, err := call{body: bodies[n%len(bodies)]}.try(gateways[n/2%2].URL)
				a := arrived(r.id)
				if err != nil || r.status != 200 || r.model() == "" || len(a) != 1 || a[0].Pool != r.model() {
					t.Errorf("%v: %v, %d arrivals", err, r, len(a))
				}
				mu.Lock()
				why[r.header.Get("X-Vsr-Degraded-Reason")]++
				if r.header.Get("X-Vsr-Unread-Tokens") != "" {
					cut++
				}
				mu.Unlock()
			}
		})
	}
	for n := range long(400, 10000) {
		jobs <- n
	}
	close(jobs)
	wg.Wait()
	t.Logf("by x-vsr-degraded-reason: %v; read in part: %d", why, cut)
	if why["deadline"]+why["queue_full"]+cut == 0 {
		t.Error("the classifier was not busy")
	}
	for _, e := range gateways {
		quiet(t, e)
	}
}
