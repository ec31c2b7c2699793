package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// The same for an answer of known length.
func TestShortAnswerIsNoCleanEnd(t *testing.T) {
	s := serve(t, newBackend(t, func(w *wire) {
		w.read()
		w.write(strings.Replace(ok, "Content-Length: ", "Content-Length: 9", 1))
	}), "")
	body := prompt("small", "x")
	if a := s.raw(request(body, length(body))); a.err == nil {
		t.Errorf("%d %s, and no error", a.status, a.body)
	}
}

// U2, U11: a backend that hangs up, or talks nonsense, before its head is a 502
// that says nothing about it.
func TestBackendFailsBeforeItsHead(t *testing.T) {
	for name, script := range map[string]func(*wire){
		"hangs up":     func(w *wire) {},
		"resets":       func(w *wire) { w.read(); w.reset() },
		"reads, hangs": func(w *wire) { w.read() },
		"no HTTP":      func(w *wire) { w.read(); w.write("SSH-2.0-OpenSSH_9.2\r\n") },
		"bad status":   func(w *wire) { w.read(); w.write("HTTP/1.1 2x0 OK\r\n\r\n") },
		"another length": func(w *wire) {
			w.read()
			w.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
		},
		"101": func(w *wire) {
			w.read()
			w.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
		},
	} {
		s := serve(t, newBackend(t, script), "")
		a := s.chat(prompt("small", "x"))
		mustFail(t, name, a, 502, "upstream_unavailable")
		if strings.Contains(a.body, s.backend.addr()) || strings.Contains(a.body, "127.0.0.1") {
			t.Errorf("%s: the answer names the backend: %s", name, a.body)
		}
		if s.backend.hits() > 1 {
			t.Errorf("%s: sent %d times", name, s.backend.hits())
		}
		eventually(t, name+" counted", func() bool {
			return strings.Contains(s.scrape(), `vsr_upstream_failures_total{pool="small",reason="`) && s.metric(`vsr_http_requests_total{code_class="5xx",route="/v1/chat/completions"}`) == 1
		})
	}
}

// U1: nobody there.
func TestNobodyListens(t *testing.T) {
	b := newBackend(t, nil)
	b.listener.Close()
	s := serve(t, b, "")
	a := s.chat(prompt("small", "x"))
	mustFail(t, "refused", a, 502, "upstream_unavailable")
	if strings.Contains(a.body, "127.0.0.1") {
		t.Errorf("the answer names the backend: %s", a.body)
	}
}

// U3: a backend that says nothing.
func TestBackendThatSaysNothing(t *testing.T) {
	gone := make(chan bool, 1)
	s := serve(t, newBackend(t, func(w *wire) { w.read(); gone <- w.gone() }), "upstream: {timeouts: {response_header: 100ms}}\n")
	mustFail(t, "no head", s.chat(prompt("small", "x")), 504, "upstream_timeout")
	if !receive(t, "the connection is closed", gone) {
		t.Error("the connection stayed open")
	}
}

// U4: a backend that falls silent in the middle.
func TestBackendThatFallsSilent(t *testing.T) {
	s := serve(t, newBackend(t, func(w *wire) {
		w.read()
		w.write(streamHead, chunked(event("one")))
		w.gone()
	}), "upstream: {timeouts: {silence: 100ms}}\n")
	got, err := io.ReadAll(s.stream().Body)
	if err == nil || string(got) != event("one") {
		t.Errorf("%q %v", got, err)
	}
}

// U9: what a backend refuses is the client's to see, unchanged.
func TestBackendErrorsPassUnchanged(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529} {
		body := fmt.Sprintf(`{"error":{"message":"of the backend","type":"t","param":null,"code":"%d"}}`, status)
		s := serve(t, newBackend(t, replies(response(status, body, "Retry-After: 7", "X-Request-Id: of-upstream", "X-Should-Retry: true"))), "")
		a := s.chat(prompt("small", "x"))
		if a.status != status || a.body != body || a.header.Get("Retry-After") != "7" || a.header.Get("X-Request-Id") != "of-upstream" ||
			a.header.Get("X-Should-Retry") != "true" || a.header.Get("X-Vsr-Selected-Model") != "small" || s.backend.hits() != 1 {
			t.Errorf("%d: %d %s %v, %d hits", status, a.status, a.body, a.header, s.backend.hits())
		}
	}
}

// U10: informational answers are dropped, an early answer is not.
func TestInformationalAndEarlyAnswers(t *testing.T) {
	s := serve(t, newBackend(t, func(w *wire) {
		for w.read() != nil {
			w.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", ok)
		}
	}), "")
	body := prompt("small", "x")
	c := s.dial()
	fmt.Fprint(c, request(body, length(body)), request(body, length(body)))
	in := bufio.NewReader(c)
	for range 2 {
		if a := readAnswer(t, in); a.status != 200 || a.body != okBody || a.header.Get("Link") != "" {
			t.Errorf("%+v", a)
		}
	}
	early := serve(t, newBackend(t, func(w *wire) { // answers when it has seen the head, and reads no more
		_, _ = w.in.ReadString('\n')
		w.write(response(413, "{}", "Connection: close"))
		<-t.Context().Done()
	}), "")
	if a := early.chat(padded(8 << 20)); a.status != 413 || a.body != "{}" {
		t.Errorf("early: %d %s", a.status, a.body)
	}
}

// U12, S1: a redirect is the client's business.
func TestRedirectsAreNotFollowed(t *testing.T) {
	other := newBackend(t, nil)
	s := serve(t, newBackend(t, replies(response(307, "{}", "Location: http://"+other.addr()+"/v1/chat/completions"))), "")
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if a := s.chat(prompt("small", "x")); a.status != 307 || other.hits() != 0 {
		t.Errorf("%d, %d requests at the target", a.status, other.hits())
	}
}
