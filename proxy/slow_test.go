package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// B2, L2: announcing a large body takes no memory from others; sending it does.
func TestAnnouncedBodyTakesOnlyWhatCame(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	const size = 20 << 20
	c := s.dial()
	fmt.Fprint(c, request("", fmt.Sprint("Content-Length: ", size)))
	eventually(t, "the body is being read", func() bool { return s.gates.Held() > 0 })
	if held := s.gates.Held(); held > 4<<20 {
		t.Errorf("%d bytes are taken for none that came", held)
	}
	body := padded(size)
	go io.WriteString(c, body)
	if a := readAnswer(t, bufio.NewReader(c)); a.status != 200 || s.backend.last(t).body != body {
		t.Errorf("%d %s", a.status, a.body)
	}
	eventually(t, "memory given back", func() bool { return s.gates.Held() == 0 })
}

const hurried = "server: {limits: {body_timeout: 150ms}}\n"

// L2: a body that comes too slowly ends the request, on either protocol, and takes
// neither a classifier slot nor an upstream connection.
func TestSlowBodyTimesOut(t *testing.T) {
	s := serve(t, newBackend(t, nil), hurried)
	start := time.Now()
	a := s.raw(request(`{"model":`, "Content-Length: 100"))
	mustFail(t, "HTTP/1.1", a, 408, "request_timeout")
	if took := time.Since(start); took < 150*time.Millisecond || took > patience/2 {
		t.Errorf("took %v with a limit of 150ms", took)
	}
	body, feed := io.Pipe()
	defer feed.Close()
	go io.WriteString(feed, `{"model":`)
	req, _ := http.NewRequest("POST", "http://"+s.addr+"/v1/chat/completions", body)
	resp, err := newH2Client(t).Do(req)
	if err != nil {
		t.Fatalf("HTTP/2: %v", err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	mustFail(t, "HTTP/2", answer{resp.StatusCode, resp.Header, string(text), nil}, 408, "request_timeout")
	if s.model.Counts().Tokenized != 0 || s.backend.hits() != 0 {
		t.Error("a slow body reached the classifier or the backend")
	}
	eventually(t, "counted", func() bool { return s.metric(`vsr_limit_rejections_total{limit="body_timeout"}`) == 2 })
}

// L1, L2: a client that was refused before its body was read, and then sends none,
// doesn't hold its connection.
func TestRefusedClientThatSendsNoBodyIsLetGo(t *testing.T) {
	s := serve(t, newBackend(t, nil), hurried)
	c := s.dial()
	fmt.Fprint(c, strings.Replace(request("", "Content-Length: 100"), "application/json", "text/plain", 1))
	start := time.Now()
	mustFail(t, "refusal", readAnswer(t, bufio.NewReader(c)), 415, "unsupported_content_type")
	if _, err := io.Copy(io.Discard, c); err != nil || time.Since(start) > patience/2 {
		t.Errorf("the connection was held for %v: %v", time.Since(start), err)
	}
}

// The limit of a body's time is for the body alone: an answer may take longer.
func TestBodyTimeoutDoesNotLimitTheAnswer(t *testing.T) {
	s := serve(t, newBackend(t, func(w *wire) {
		for w.read() != nil {
			time.Sleep(300 * time.Millisecond)
			w.write(ok)
		}
	}), hurried)
	for range 2 {
		if a := s.chat(prompt("small", "x")); a.status != 200 || a.body != okBody {
			t.Errorf("%d %s %v", a.status, a.body, a.err)
		}
	}
}
