package proxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// P7: more requests than server.limits.concurrency are turned away, with the
// limit's name, and counted; those inside are not disturbed.
func TestConcurrencyIsBounded(t *testing.T) {
	const places = 3
	release := make(chan struct{})
	s := serve(t, newBackend(t, func(w *wire) {
		for w.read() != nil {
			<-release
			w.write(ok)
		}
	}), "server: {limits: {concurrency: 3, wait: 20ms}}\n")
	var inside sync.WaitGroup
	for range places {
		inside.Go(func() {
			resp, err := s.client.Post("http://"+s.addr+"/v1/chat/completions", "application/json", strings.NewReader(prompt("small", "x")))
			if err != nil || resp.StatusCode != 200 {
				t.Errorf("one of those inside: %v %v", resp, err)
				return
			}
			resp.Body.Close()
		})
	}
	eventually(t, "all places are taken", func() bool { return s.backend.hits() == places })
	for i := range 3 {
		a := s.chat(prompt("small", "x"))
		mustFail(t, fmt.Sprint("request ", i), a, 503, "overloaded")
		if !strings.Contains(a.body, "server.limits.concurrency") || a.header.Get("X-Should-Retry") == "false" {
			t.Errorf("%s %v", a.body, a.header)
		}
	}
	close(release)
	inside.Wait()
	if a := s.chat(prompt("small", "x")); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
	eventually(t, "counted", func() bool { return s.metric(`vsr_limit_rejections_total{limit="concurrency"}`) == 3 })
	if s.backend.hits() != places+1 {
		t.Errorf("%d at the backend", s.backend.hits())
	}
}

func TestHeaderFieldsAreBounded(t *testing.T) {
	s := serve(t, newBackend(t, nil), "server: {limits: {header_fields: 12}}\n")
	body := prompt("small", "x")
	if a := s.raw(request(body, append(many(10), length(body))...)); a.status != 200 { // with Content-Type; Host is none to net/http
		t.Errorf("12 fields: %d %s", a.status, a.body)
	}
	a := s.raw(request(body, append(many(11), length(body))...))
	mustFail(t, "13 fields", a, 431, "too_many_headers")
	if !strings.Contains(a.body, "server.limits.header_fields is 12") {
		t.Error(a.body)
	}
	mustFail(t, "one name 13 times", s.send("POST", "/v1/chat/completions", body, func(r *http.Request) { r.Header["X-A"] = strings.Split(strings.Repeat("v", 13), "") }), 431, "too_many_headers")
	eventually(t, "counted", func() bool { return s.metric(`vsr_limit_rejections_total{limit="header_fields"}`) == 2 })
}

// P1: while generations are swapped, no request fails, and each is decided by one
// of them: what it asked for and where it went belong together.
func TestReloadsFailNoRequest(t *testing.T) {
	b := newBackend(t, func(w *wire) {
		for r := w.read(); r != nil; r = w.read() {
			w.write(streamHead, chunked("data: "+strings.Join(r.values("x-selected-model"), ",")+"\n\n"), streamEnd)
		}
	})
	s := serve(t, b, "")
	version := func(i int) string {
		return fmt.Sprintf(`
models: [{name: v%d, aliases: [stable], endpoints: [{url: "http://BACKEND"}]}]
routing: {default_model: v%d, signals: {keywords: [{name: solve, operator: OR, keywords: [solve]}]}, decisions: [{name: d%d, model: v%d, rules: {type: keyword, name: solve}}]}
`, i, i, i, i)
	}
	s.swap(version(0))
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			model := []string{"stable", "auto"}[i%2]
			for {
				select {
				case <-stop:
					return
				default:
				}
				a := s.chat(prompt(model, "solve"))
				chosen := a.header.Get("X-Vsr-Selected-Model")
				wanted := strings.Replace(chosen, "v", "d", 1)
				if model == "stable" {
					wanted = "explicit"
				}
				if a.status != 200 || a.err != nil || a.body != "data: "+chosen+"\n\n" || a.header.Get("X-Vsr-Selected-Decision") != wanted {
					t.Errorf("%d %q %v %v", a.status, a.body, a.header, a.err)
					return
				}
			}
		})
	}
	for i := range 60 {
		s.swap(version(i % 7))
	}
	close(stop)
	clients.Wait()
}
