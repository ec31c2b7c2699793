package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// dial opens a raw connection to the door.
func (s *stack) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// raw writes text on a connection of its own and reads one answer.
func (s *stack) raw(text string) answer {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		s.t.Fatal(err)
	}
	return readAnswer(s.t, bufio.NewReader(c))
}

func readAnswer(t testing.TB, in *bufio.Reader) answer {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text), err}
}

// request is a raw POST; fields are whole lines.
func request(body string, fields ...string) string {
	head := "POST /v1/chat/completions HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\n"
	for _, f := range fields {
		head += f + "\r\n"
	}
	return head + "\r\n" + body
}

func length(body string) string { return fmt.Sprint("Content-Length: ", len(body)) }

// Expect: 100-continue: the body is asked for only where it will be read.
func TestExpectContinue(t *testing.T) {
	s := serve(t, newBackend(t, nil), small)
	body := prompt("small", "x")
	c := s.dial()
	in := bufio.NewReader(c)
	fmt.Fprint(c, request("", length(body), "Expect: 100-continue"))
	if line, err := in.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q %v", line, err)
	}
	_, _ = in.ReadString('\n')
	fmt.Fprint(c, body)
	if a := readAnswer(t, in); a.status != 200 {
		t.Errorf("%+v", a)
	}
	if got := s.backend.last(t); len(got.values("expect")) != 0 || got.body != body {
		t.Errorf("received %+v", got)
	}
	mustFail(t, "too large", s.raw(request("", "Content-Length: 99999999", "Expect: 100-continue")), 413, "request_too_large")
	mustFail(t, "compressed", s.raw(request("", length(body), "Content-Encoding: gzip", "Expect: 100-continue")), 415, "unsupported_content_type")
	if a := s.raw(request(body, length(body), "Expect: the-unexpected")); a.status != 417 {
		t.Errorf("another expectation: %d", a.status)
	}
}

// L5: pipelined requests are answered in their order, also after an error, and
// what is left of a body is never read as a request.
func TestPipelinedRequests(t *testing.T) {
	s := serve(t, newBackend(t, func(w *wire) {
		for r := w.read(); r != nil; r = w.read() {
			w.write(response(200, r.body))
		}
	}), "")
	c := s.dial()
	var all strings.Builder
	for i := range 10 {
		body := prompt("small", fmt.Sprint("number ", i))
		if i%3 == 2 {
			body = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n" // no JSON
		}
		if i == 4 {
			all.WriteString(strings.Replace(request(body, length(body)), "application/json", "text/plain", 1)) // refused unread
			continue
		}
		all.WriteString(request(body, length(body)))
	}
	fmt.Fprint(c, all.String())
	in := bufio.NewReader(c)
	for i := range 10 {
		a := readAnswer(t, in)
		want := 200
		switch {
		case i%3 == 2:
			want = 400
		case i == 4:
			want = 415
		}
		if a.status != want || want == 200 && !strings.Contains(a.body, fmt.Sprint("number ", i)) {
			t.Fatalf("answer %d: %+v", i, a)
		}
	}
	_ = c.(*net.TCPConn).CloseWrite()
	if rest, _ := io.ReadAll(in); len(rest) != 0 {
		t.Errorf("an eleventh answer: %s", rest)
	}
	if s.backend.hits() != 6 {
		t.Errorf("%d requests at the backend, want 6", s.backend.hits())
	}
}
