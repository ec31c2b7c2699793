package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load is what one round gave.
type load struct {
	requests int64
	failed   int64
	took     time.Duration
	p50, p99 time.Duration
}

func (l load) rate() float64 { return float64(l.requests) / l.took.Seconds() }

// run keeps the connections busy for the length of a round.
func run(base string, body []byte, o options) load {
	transport := &http.Transport{MaxIdleConnsPerHost: o.connections, MaxConnsPerHost: o.connections, DisableCompression: true}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), o.round)
	defer cancel()
	var out load
	var failed atomic.Int64
	times := make([][]time.Duration, o.connections)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range o.connections {
		wg.Go(func() {
			for ctx.Err() == nil {
				begin := time.Now()
				if err := once(transport, base, body); err != nil {
					failed.Add(1)
					continue
				}
				times[i] = append(times[i], time.Since(begin))
			}
		})
	}
	wg.Wait()
	out.took, out.failed = time.Since(start), failed.Load()
	all := slices.Concat(times...)
	slices.Sort(all)
	out.requests = int64(len(all))
	if len(all) > 0 {
		out.p50, out.p99 = all[len(all)/2], all[len(all)*99/100]
	}
	return out
}

func once(rt http.RoundTripper, base string, body []byte) error {
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
	if _, err := discard(resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

func discard(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

// request is a chat completion for model of size bytes.
func request(model string, size int) []byte {
	const frame = `{"model":"%s","messages":[{"role":"user","content":"%s"}]}`
	text := bytes.Repeat([]byte("word "), size)
	return fmt.Appendf(nil, frame, model, text[:max(0, size-len(frame)+len("%s%s")-len(model))])
}
