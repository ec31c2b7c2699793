//go:build e2e

package envoy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// gate lets a backend's answer go on in steps that the test gives.
type gate struct{ step chan struct{} }

func newGate() *gate { return &gate{make(chan struct{})} }

// pass waits for the test, or for the client to leave.
func (g *gate) pass(r *http.Request) bool {
	select {
	case <-g.step:
		return true
	case <-r.Context().Done():
		return false
	}
}

// abort in place of a piece breaks the answer off.
const abort = ""

// open begins a streamed answer from llama of the given pieces, each sent when the
// test lets it.
func open(t *testing.T, base string, pieces []string) (*http.Response, *gate, string) {
	t.Helper()
	id, g := newID(), newGate()
	world.llama.On(id, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, piece := range pieces {
			if !g.pass(r) {
				return
			}
			if piece == abort {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, piece)
			_ = http.NewResponseController(w).Flush()
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	req, _, err := call{id: id, body: chat(llama, plainPrompt, `,"stream":true,"stream_options":{"include_usage":true}`)}.request(ctx, base)
	if err != nil {
		t.Fatal(err)
	}
	answers, errs := make(chan *http.Response, 1), make(chan error, 1)
	go func() {
		resp, err := client.Do(req)
		answers <- resp
		errs <- err
	}()
	g.step <- struct{}{} // the head leaves with the first piece
	resp := <-answers
	if err := <-errs; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp, g, id
}

// Each event of a stream reaches the client before the backend has sent the next.
func TestEventsPassOneByOne(t *testing.T) {
	p, e := shared(t)
	duplex := gateway(t, p.Addr, reading("FULL_DUPLEX_STREAMED"))
	for _, e := range []*rig.Envoy{e, duplex} {
		events := rig.Events("A rather long answer, event by event.")
		resp, g, id := open(t, e.URL, events)
		if resp.StatusCode != 200 || resp.Header.Get("X-Vsr-Selected-Model") != llama || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%d %v", resp.StatusCode, resp.Header)
		}
		for i, event := range events {
			if i > 0 {
				g.step <- struct{}{}
			}
			got := make([]byte, len(event))
			if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != event {
				t.Fatalf("event %d: %q, %v", i, got, err)
			}
		}
		if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
			t.Errorf("behind the end: %q, %v", rest, err)
		}
		arrived(id)
		quiet(t, e)
	}
}

// tokens are those counted for llama.
func tokens(t *testing.T, p *rig.Processor) (prompt, completion float64) {
	t.Helper()
	prompt, err := p.Metric("llm_model_prompt_tokens_total", `model="llama3-8b"`)
	if err != nil {
		t.Fatal(err)
	}
	completion, err = p.Metric("llm_model_completion_tokens_total", `model="llama3-8b"`)
	if err != nil {
		t.Fatal(err)
	}
	return prompt, completion
}

// Usage is counted wherever a stream's bytes are split, and for plain bodies.
func TestUsageIsCounted(t *testing.T) {
	p := processor(t, doors+routes)
	e := gateway(t, p.Addr)
	all := strings.Join(rig.Events("Hi"), "")
	n := 0
	for at := 1; at < len(all); at += long(9, 1) {
		resp, g, id := open(t, e.URL, []string{all[:at], all[at:]})
		if _, err := io.ReadFull(resp.Body, make([]byte, at)); err != nil {
			t.Fatalf("split at %d: %v", at, err)
		}
		g.step <- struct{}{}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatalf("split at %d: %v", at, err)
		}
		arrived(id)
		n++
	}
	for range 10 {
		call{body: chat(llama, plainPrompt)}.do(t, e.URL)
		n++
	}
	eventually(t, func() error {
		prompt, completion := tokens(t, p)
		if prompt != float64(n*rig.PromptTokens) || completion != float64(n*rig.CompletionTokens) {
			return fmt.Errorf("%v and %v tokens were counted in %d answers", prompt, completion, n)
		}
		return nil
	})
	quiet(t, e)
}

// A backend that breaks off in the middle of its answer is seen to break off by
// the client.
func TestBrokenAnswersStayBroken(t *testing.T) {
	_, e := shared(t)
	event := rig.Events("An answer.")[0]
	resp, g, id := open(t, e.URL, []string{event, abort})
	if _, err := io.ReadFull(resp.Body, make([]byte, len(event))); err != nil {
		t.Fatal(err)
	}
	g.step <- struct{}{}
	if rest, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("a clean end after %q", rest)
	}
	arrived(id)
}

// A reload while an answer streams leaves that whole, and holds for what comes
// behind it.
func TestReloadWhileStreaming(t *testing.T) {
	p := processor(t, doors+routes)
	e := gateway(t, p.Addr)
	events := rig.Events("An answer that outlives its configuration.")
	resp, g, id := open(t, e.URL, events)
	if err := servedBy(e.URL, chat("auto", mathPrompt), phi); err != nil {
		t.Fatal(err)
	}
	if err := p.Configure(settings(doors + strings.Replace(routes, "model: phi4-mini, rules", "model: llama3-8b, rules", 1))); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return servedBy(e.URL, chat("auto", mathPrompt), llama) })
	for range events[1:] {
		g.step <- struct{}{}
	}
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != strings.Join(events, "") {
		t.Errorf("%v: %q", err, got)
	}
	arrived(id)
	quiet(t, e)
}
