package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// L4 d, e: a client that leaves while we wait for headers, or in mid-stream, is
// seen by the upstream at once and reported as 499.
func TestL4ClientLeaves(t *testing.T) {
	for _, tc := range []struct{ name, first string }{
		{"waiting for headers", ""},
		{"mid-stream", eventHead + chunk(delta("a"))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ready, gone := make(chan struct{}, 1), make(chan time.Time, 1)
			s := newStub(t, func(x *exchange) {
				x.readRequest()
				x.send(tc.first)
				ready <- struct{}{}
				x.wait()
				gone <- time.Now()
			})
			set := newSet(t, Options{}, s.endpoint())
			door, outcomes := newDoor(t, set, nil, RelayOptions{})
			ctx, cancel := context.WithCancel(context.Background())
			r, _ := http.NewRequestWithContext(ctx, "POST", door.URL+"/v1/chat/completions", strings.NewReader("{}"))
			done := make(chan error, 1)
			go func() {
				resp, err := newClient(t).Do(r)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				done <- err
			}()
			receive(t, ready)
			time.Sleep(20 * time.Millisecond) // let the first event travel
			left := time.Now()
			cancel()
			if d := receive(t, gone).Sub(left); d > 500*time.Millisecond {
				t.Errorf("upstream saw the end after %v", d)
			}
			receive(t, done)
			var f *Failure
			if o := receive(t, outcomes); !errors.As(o.err, &f) || f.Status != 499 {
				t.Errorf("got %v, want status 499", o.err)
			}
			if n := set.inFlight.Load(); n != 0 {
				t.Errorf("%d calls in flight", n)
			}
		})
	}
}

// R: the caller's own deadline ends the call as 504.
func TestCallersDeadline(t *testing.T) {
	s := newStub(t, func(x *exchange) { x.wait() })
	set := newSet(t, Options{}, s.endpoint())
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := set.Do(ctx, post("{}"))
	var f *Failure
	if !errors.As(err, &f) || f.Status != 504 || f.Reason != Deadline {
		t.Errorf("got %v, want 504 deadline", err)
	}
}

// L3: a client that does not read is cut at the write limit, and the upstream with
// it.
func TestL3SlowReader(t *testing.T) {
	gone := make(chan struct{}, 1)
	event := chunk(delta(strings.Repeat("a", 16<<10)))
	s := newStub(t, func(x *exchange) {
		x.readRequest()
		x.send(eventHead)
		for {
			if _, err := io.WriteString(x.Conn, event); err != nil {
				gone <- struct{}{}
				return
			}
		}
	})
	set := newSet(t, Options{WriteTimeout: 300 * time.Millisecond}, s.endpoint())
	door, outcomes := newDoor(t, set, nil, RelayOptions{})
	c, err := net.Dial("tcp", door.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	var f *Failure
	if o := receive(t, outcomes); !errors.As(o.err, &f) || f.Reason != ClientSlow || f.Status != 499 {
		t.Errorf("got %v, want client_slow", o.err)
	}
	receive(t, gone)
}

// A deadline set for one answer must not cut the next on the same connection.
func TestWriteDeadlineEndsWithTheRequest(t *testing.T) {
	s := newStub(t, serve(ok200))
	set := newSet(t, Options{WriteTimeout: 100 * time.Millisecond}, s.endpoint())
	door, _ := newDoor(t, set, nil, RelayOptions{})
	client := newClient(t)
	for range 2 {
		resp, err := client.Post(door.URL+"/v1/chat/completions", "", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		time.Sleep(200 * time.Millisecond)
	}
}

// Close lets running answers finish and refuses new calls.
func TestCloseLetsAnswersFinish(t *testing.T) {
	release := make(chan struct{})
	s := newStub(t, func(x *exchange) {
		x.readRequest()
		x.send(eventHead, chunk(delta("a")))
		<-release
		x.send(chunk(delta("b")), "0\r\n\r\n")
		x.wait()
	})
	set := newSet(t, Options{}, s.endpoint())
	a, err := set.Do(context.Background(), post("{}"))
	if err != nil {
		t.Fatal(err)
	}
	set.Close()
	close(release)
	body, err := io.ReadAll(a)
	if err != nil || string(body) != delta("a")+delta("b") {
		t.Errorf("got %q, %v", body, err)
	}
	a.Close()
	if f := mustFail(t, set, post("{}")); f.Reason != Closed {
		t.Errorf("after Close: %v", f)
	}
}
