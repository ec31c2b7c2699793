//go:build e2e

package envoy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// level is what the processor holds for requests.
type level struct{ goroutines, inflight, slots, bytes, streams float64 }

func levelOf(p *rig.Processor, e *rig.Envoy) (l level, err error) {
	for name, to := range map[string]*float64{
		"go_goroutines": &l.goroutines, "llm_model_inflight_requests": &l.inflight,
		"vsr_classifier_slots_in_use": &l.slots, "vsr_body_bytes_in_use": &l.bytes,
	} {
		if *to, err = p.Metric(name); err != nil {
			return l, err
		}
	}
	stats, err := e.Stats("cluster.processor.upstream_rq_active")
	for _, n := range stats {
		l.streams += float64(n)
	}
	return l, err
}

// backTo waits until nothing is held, and no goroutine is there that was not.
func backTo(t *testing.T, p *rig.Processor, e *rig.Envoy, before level) {
	t.Helper()
	eventually(t, func() error {
		now, err := levelOf(p, e)
		switch {
		case err != nil:
			return err
		case now.inflight != 0 || now.slots != 0 || now.bytes != 0 || now.streams != 0:
			return fmt.Errorf("still held: %+v", now)
		case now.goroutines > before.goroutines+2: // the metrics' own connection comes and goes
			return fmt.Errorf("%v goroutines, %v before", now.goroutines, before.goroutines)
		}
		return nil
	})
}

// oneWorker has Envoy keep one connection to the processor, so that goroutines can
// be counted.
func oneWorker(g *rig.Gateway) { g.Threads = 1 }

// settled is the level after one request, when all connections are there.
func settled(t *testing.T, p *rig.Processor, e *rig.Envoy) level {
	t.Helper()
	for _, model := range []string{llama, phi} {
		if r := (call{body: chat(model, plainPrompt)}).do(t, e.URL); r.status != 200 {
			t.Fatal(r)
		}
	}
	var l level
	eventually(t, func() (err error) {
		if l, err = levelOf(p, e); err == nil && l.streams != 0 {
			err = fmt.Errorf("a stream is open")
		}
		return err
	})
	return l
}

// X4: a client that leaves after its headers or in the middle of its body leaves
// nothing behind, and no backend hears of it.
func TestLeavingBeforeTheBodyIsWhole(t *testing.T) {
	p := processor(t, doors+routes)
	body := string(sized("auto", mathPrompt, 200_000))
	for _, mode := range []string{"FULL_DUPLEX_STREAMED", "BUFFERED"} {
		e := gateway(t, p.Addr, reading(mode), oneWorker)
		before := settled(t, p, e)
		for _, part := range []string{"", body[:100_000]} {
			var ids []string
			for range long(10, 200) {
				c, id := dial(t, e.Addr), newID()
				c.head(t, id, len(body))
				c.write(t, part)
				ids = append(ids, id)
				if len(ids)%2 == 0 { // some leave at once, some when Envoy has sent what it got
					eventually(t, func() error { return streamOpen(e) })
				}
				c.Close()
			}
			backTo(t, p, e, before)
			for _, id := range ids {
				if a := arrived(id); len(a) > 0 {
					t.Fatalf("%s: a backend got a request whose client left in its body", mode)
				}
			}
		}
		quiet(t, e)
	}
}

func streamOpen(e *rig.Envoy) error {
	stats, err := e.Stats("cluster.processor.upstream_rq_active")
	for _, n := range stats {
		if n > 0 {
			return nil
		}
	}
	return fmt.Errorf("no stream is open: %w", err)
}

// X4: a client that leaves while its prompt is classified gives its slot back, and
// no backend hears of it.
func TestLeavingInTheClassification(t *testing.T) {
	// One slot and 64 windows of text: it takes a good part of a second.
	p := processor(t, doors+"classify: {slots: 1}\n"+routes)
	e := gateway(t, p.Addr, oneWorker)
	before := settled(t, p, e)
	body := chat("auto", history(900))
	for n := range long(12, 100) {
		backTo(t, p, e, before)
		ctx, leave := context.WithCancel(context.Background())
		req, id, err := call{body: body}.request(ctx, e.URL)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if resp, err := client.Do(req); err == nil {
				resp.Body.Close()
			}
		}()
		eventually(t, func() error {
			if n, err := p.Metric("vsr_classifier_slots_in_use"); err != nil || n == 0 {
				return fmt.Errorf("nothing is classified: %v", err)
			}
			return nil
		})
		leave()
		<-done
		if a := arrived(id); len(a) > 0 {
			t.Fatalf("%d: a backend got a request whose client had left", n)
		}
	}
	backTo(t, p, e, before)
	quiet(t, e)
	eventually(t, func() error {
		n, err := p.Metric("vsr_http_requests_total", `code_class="4xx"`)
		if err == nil && n != float64(long(12, 100)) {
			err = fmt.Errorf("%v requests were recorded as left", n)
		}
		return err
	})
}

// X4: a client that leaves in the middle of its answer is seen to leave by the
// backend, and nothing stays behind.
func TestLeavingInTheAnswer(t *testing.T) {
	p := processor(t, doors+routes)
	e := gateway(t, p.Addr, oneWorker)
	before := settled(t, p, e)
	for _, mode := range []string{"events", "head", "silence"} {
		for range long(10, 100) {
			leaveAnswer(t, e, mode)
		}
	}
	backTo(t, p, e, before)
	quiet(t, e)
}

// leaveAnswer leaves when an event came, when the head came, or while nothing has
// come of the answer yet.
func leaveAnswer(t *testing.T, e *rig.Envoy, mode string) {
	t.Helper()
	id, reached, left := newID(), make(chan struct{}), make(chan struct{})
	world.llama.On(id, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if mode != "silence" {
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(http.StatusOK)
			if mode == "events" {
				_, _ = io.WriteString(w, rig.Events("An answer.")[0])
			}
			_ = http.NewResponseController(w).Flush()
		}
		close(reached)
		<-r.Context().Done()
		close(left)
	})
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	req, _, err := call{id: id, body: chat(llama, plainPrompt, `,"stream":true`)}.request(ctx, e.URL)
	if err != nil {
		t.Fatal(err)
	}
	if mode == "silence" {
		go func() {
			<-reached
			leave()
		}()
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
			t.Fatalf("an answer came: %d", resp.StatusCode)
		}
	} else {
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if mode == "events" {
			if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
		}
		leave()
		resp.Body.Close()
	}
	within(t, left, "the backend did not see its client leave")
	arrived(id)
}
