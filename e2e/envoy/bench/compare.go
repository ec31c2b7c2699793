package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// bars are what our added CPU time may be of the peer's, by the size of the body.
var bars = map[int]float64{200: 0.5, 64 << 10: 0.3, 1 << 20: 0.1}

// compare measures all ways with bodies of one size, turn by turn.
func compare(o options, ways []*way, size int) error {
	body := chat(size)
	for _, w := range ways {
		w.cpu, w.own, w.p50 = nil, nil, nil
	}
	for round := range o.rounds + 1 { // the first one warms up
		for _, w := range ways {
			f, err := w.round(o, body)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			if round > 0 {
				w.cpu, w.own, w.p50 = append(w.cpu, f.cpu), append(w.own, f.own), append(w.p50, f.p50)
			}
		}
	}
	base := ways[0]
	var peerAdds float64
	for _, w := range ways {
		if w.name == peer {
			peerAdds = median(w.cpu) - median(base.cpu)
		}
	}
	fmt.Printf("%d bytes, microseconds per request; CPU is that of Envoy and processor\n", size)
	fmt.Printf("  %-40s %8s %8s %10s %8s %8s\n", "", "CPU", "added", "processor", "p50", "added")
	for _, w := range ways {
		adds := median(w.cpu) - median(base.cpu)
		fmt.Printf("  %-40s %8.0f %8.0f %10.0f %8.0f %8.0f", w.name, median(w.cpu), adds, median(w.own), median(w.p50), median(w.p50)-median(base.p50))
		if peerAdds > 0 && strings.HasPrefix(w.name, "vsr-proxy") {
			fmt.Printf("   %.2f of the peer's added CPU (bar: %.1f)", adds/peerAdds, bars[size])
		}
		fmt.Println()
	}
	return nil
}

// figures are those of a round, per request and in microseconds.
type figures struct{ cpu, own, p50 float64 }

// round keeps the connections busy for its length.
func (w *way) round(o options, body []byte) (f figures, err error) {
	transport := &http.Transport{MaxIdleConnsPerHost: o.connections, DisableCompression: true}
	defer transport.CloseIdleConnections()
	if err := once(transport, w.envoy.URL, body, w.name != bare); err != nil {
		return f, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.round)
	defer cancel()
	before, ownBefore, err := w.spent()
	if err != nil {
		return f, err
	}
	times, errs := make([][]time.Duration, o.connections), make([]error, o.connections)
	var wg sync.WaitGroup
	for i := range o.connections {
		wg.Go(func() {
			for ctx.Err() == nil && errs[i] == nil {
				begin := time.Now()
				errs[i] = once(transport, w.envoy.URL, body, w.name != bare)
				times[i] = append(times[i], time.Since(begin))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return f, err
		}
	}
	after, ownAfter, err := w.spent()
	all := slices.Concat(times...)
	slices.Sort(all)
	n := float64(len(all))
	return figures{us(after-before) / n, us(ownAfter-ownBefore) / n, us(all[len(all)/2])}, err
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// once sends a request. Behind a processor it is routed to its model's pool.
func once(rt http.RoundTripper, base string, body []byte, routed bool) error {
	req, err := http.NewRequest(http.MethodPost, base+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if pool := resp.Header.Get("X-Pool"); resp.StatusCode != http.StatusOK || routed && pool != model {
		return fmt.Errorf("status %d from pool %q", resp.StatusCode, pool)
	}
	return nil
}

// model is the one asked for by name; its route is not the default one.
const model = "phi4-mini"

// chat is a request of about size bytes for it.
func chat(size int) []byte {
	const frame = `{"model":"` + model + `","messages":[{"role":"user","content":"%s"}]}`
	return fmt.Appendf(nil, frame, strings.Repeat("word ", size/5+1)[:max(0, size-len(frame)+2)])
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return s[len(s)/2]
}
