package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

// settled waits until nothing of a request is left and it is on record as one
// whose client left.
func (s *stack) settled() {
	s.t.Helper()
	eventually(s.t, "one log line", func() bool { return len(s.log.requests()) == 1 })
	if line := s.log.requests()[0]; !strings.Contains(line, `"status":499`) {
		s.t.Errorf("logged %s", line)
	}
	if s.metric(`vsr_http_requests_total{code_class="4xx",route="/v1/chat/completions"}`) != 1 {
		s.t.Errorf("counted as\n%s", s.scrape())
	}
	eventually(s.t, "memory given back", func() bool { return s.gates.Held() == 0 })
	if n := s.limits().Concurrency; n != 1 || !s.gates.Enter(context.Background(), patience) {
		s.t.Errorf("the place among %d was not given back", n)
	}
	s.gates.Leave()
}

const onePlace = "server: {limits: {concurrency: 1, wait: 10s}}\nclassify: {deadline: 30s}\n"

// L4 (a): a client that leaves while it sends its body.
func TestClientLeavesInItsBody(t *testing.T) {
	for name, leave := range map[string]func(net.Conn){
		"FIN": func(c net.Conn) { c.Close() },
		"RST": func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); c.Close() },
	} {
		for framing, start := range map[string]string{"length": request(`{"mod`, "Content-Length: 100"), "chunked": request("64\r\n{\"mod", "Transfer-Encoding: chunked")} {
			t.Run(name+" "+framing, func(t *testing.T) {
				s := serve(t, newBackend(t, nil), onePlace)
				c := s.dial()
				fmt.Fprint(c, start)
				eventually(t, "the body is being read", func() bool { return s.gates.Held() > 0 })
				leave(c)
				s.settled()
				if s.backend.hits() != 0 {
					t.Error("half a body reached the backend")
				}
			})
		}
	}
}

// L4 (b): a client that leaves while its prompt is classified, or queued for it.
func TestClientLeavesWhileClassified(t *testing.T) {
	s := serve(t, newBackend(t, nil), onePlace)
	s.model.Set(classifytest.Knobs{Delay: time.Hour})
	body := prompt("auto", "some text")
	c := s.dial()
	fmt.Fprint(c, request(body, length(body)))
	eventually(t, "the model runs", func() bool { return s.model.Counts().Runs == 1 })
	c.Close()
	s.settled()
	if s.backend.hits() != 0 || s.metric(`vsr_classification_total{outcome="canceled"}`) != 1 {
		t.Errorf("%d at the backend", s.backend.hits())
	}
	if s.metric(`vsr_degraded_requests_total{reason="canceled"}`) != 0 {
		t.Error("a client that left counts as degraded")
	}
}

// L4: a client that leaves while it waits for a place never gets one.
func TestClientLeavesTheQueue(t *testing.T) {
	s := serve(t, newBackend(t, nil), onePlace)
	if !s.gates.Enter(t.Context(), 0) {
		t.Fatal("no place")
	}
	body := prompt("small", "x")
	c := s.dial()
	fmt.Fprint(c, request("", "Content-Length: 0")+request(body, length(body)))
	time.Sleep(20 * time.Millisecond)
	c.Close()
	s.gates.Leave()
	eventually(t, "logged", func() bool { return len(s.log.requests()) > 0 })
	if s.backend.hits() != 0 {
		t.Error("the request was sent on")
	}
}

// L4 (c): a client that leaves before the answer cancels the backend's work.
func TestClientLeavesBeforeTheAnswer(t *testing.T) {
	for name, client := range map[string]func(testing.TB) *http.Client{"HTTP/1.1": newClient, "HTTP/2": newH2Client} {
		t.Run(name, func(t *testing.T) {
			asked, gone := make(chan struct{}), make(chan bool, 1)
			s := serve(t, newBackend(t, func(w *wire) {
				w.read()
				close(asked)
				gone <- w.gone()
			}), onePlace)
			ctx, cancel := context.WithCancel(t.Context())
			req, _ := http.NewRequestWithContext(ctx, "POST", "http://"+s.addr+"/v1/chat/completions", strings.NewReader(prompt("small", "x")))
			failed := make(chan error, 1)
			go func() {
				_, err := client(t).Do(req)
				failed <- err
			}()
			receive(t, "the backend is asked", asked)
			cancel()
			if receive(t, "the client left", failed) == nil {
				t.Error("an answer came")
			}
			if !receive(t, "the backend is told", gone) {
				t.Error("the backend's connection stayed open")
			}
			s.settled()
		})
	}
}

// L4 (d), (e): a client that leaves in the middle of a stream.
func TestClientLeavesMidStream(t *testing.T) {
	for name, leave := range map[string]func(net.Conn){
		"FIN": func(c net.Conn) { c.Close() },
		"RST": func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			gone := make(chan bool, 1)
			s := serve(t, newBackend(t, func(w *wire) {
				w.read()
				w.write(streamHead, chunked(event("one")))
				gone <- w.gone()
			}), onePlace)
			c := s.dial()
			body := prompt("small", "x")
			fmt.Fprint(c, request(body, length(body)))
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(resp.Body, make([]byte, len(event("one")))); err != nil {
				t.Fatal(err)
			}
			leave(c)
			if !receive(t, "the backend is told", gone) {
				t.Error("the backend's connection stayed open")
			}
			s.settled()
			eventually(t, "nothing in flight", func() bool { return s.metric(`llm_model_inflight_requests{model="small"}`) == 0 })
		})
	}
}
