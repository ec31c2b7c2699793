package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/secret"
)

// U1: no connection gives 502 within the dial limit, and the error never holds
// the key.
func TestU1NoConnection(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	untrusted := httptest.NewUnstartedServer(nil)
	untrusted.Config.ErrorLog = nil
	untrusted.StartTLS()
	defer untrusted.Close()

	for _, tc := range []struct {
		base, reason string
		within       time.Duration
	}{
		{"http://" + closed.Addr().String(), Refused, 500 * time.Millisecond},
		{"http://no-such-host.invalid", DNS, 2 * time.Second},
		{untrusted.URL, TLS, 2 * time.Second},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			base, _ := url.Parse(tc.base)
			s := newSet(t, Options{DialTimeout: time.Second}, Endpoint{URL: base, Key: secret.New("sk-canary")})
			start := time.Now()
			f := mustFail(t, s, post("{}"))
			if f.Status != 502 || f.Reason != tc.reason {
				t.Errorf("got %d %s (%v), want 502 %s", f.Status, f.Reason, f.Err, tc.reason)
			}
			if d := time.Since(start); d > tc.within {
				t.Errorf("took %v, want at most %v", d, tc.within)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", f, f, f), "sk-canary") {
				t.Error("the failure holds the key")
			}
		})
	}
}

// U2: a connection that is accepted and closed at once costs at most one retry,
// and at most one hit.
func TestU2AcceptedAndClosed(t *testing.T) {
	s := newStub(t, func(x *exchange) {})
	set := newSet(t, Options{}, s.endpoint())
	for i := range 50 {
		before := s.conns.Load()
		f := mustFail(t, set, post("{}"))
		if f.Status != 502 || f.Reason != Reset {
			t.Fatalf("run %d: %d %s (%v), want 502 reset", i, f.Status, f.Reason, f.Err)
		}
		if n := s.conns.Load() - before; n > 2 {
			t.Fatalf("run %d: %d connections", i, n)
		}
	}
}

// U3: silence before the head gives 504 at the limit, and the upstream's
// connection closes at once.
func TestU3HangsBeforeHeaders(t *testing.T) {
	gone := make(chan time.Time, 1)
	s := newStub(t, func(x *exchange) {
		x.readRequest()
		x.wait()
		gone <- time.Now()
	})
	const limit = 300 * time.Millisecond
	set := newSet(t, Options{HeaderTimeout: limit}, s.endpoint())
	start := time.Now()
	f := mustFail(t, set, post("{}"))
	end := time.Now()
	if f.Status != 504 || f.Reason != HeaderTimeout {
		t.Errorf("got %d %s (%v), want 504 header_timeout", f.Status, f.Reason, f.Err)
	}
	if d := end.Sub(start); d < limit || d > 2*limit {
		t.Errorf("took %v with a limit of %v", d, limit)
	}
	if d := receive(t, gone).Sub(end); d > 500*time.Millisecond {
		t.Errorf("upstream saw the end %v later", d)
	}
	if n := s.hits.Load(); n != 1 {
		t.Errorf("%d hits, want 1", n)
	}
}

// U3: an upstream that does not even read the request runs into the same limit.
func TestU3DoesNotReadTheRequest(t *testing.T) {
	release := make(chan struct{})
	s := newStub(t, func(x *exchange) { <-release })
	defer close(release)
	set := newSet(t, Options{HeaderTimeout: 300 * time.Millisecond}, s.endpoint())
	f := mustFail(t, set, post(strings.Repeat("x", 32<<20)))
	if f.Status != 504 || f.Reason != HeaderTimeout {
		t.Errorf("got %d %s (%v), want 504 header_timeout", f.Status, f.Reason, f.Err)
	}
}

const eventHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

func delta(text string) string {
	return `data: {"choices":[{"index":0,"delta":{"content":"` + text + `"}}]}` + "\n\n"
}

// U4: silence in mid-stream cuts the stream at the limit; it never ends cleanly.
func TestU4HangsMidStream(t *testing.T) {
	s := newStub(t, func(x *exchange) {
		x.readRequest()
		x.send(eventHead, chunk(delta("a")))
		x.wait()
	})
	const limit = 300 * time.Millisecond
	set := newSet(t, Options{IdleTimeout: limit}, s.endpoint())
	door, outcomes := newDoor(t, set, nil, RelayOptions{})
	start := time.Now()
	resp, err := newClient(t).Post(door.URL+"/v1/chat/completions", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		t.Error("the stream ended cleanly")
	}
	if string(body) != delta("a") {
		t.Errorf("got %q", body)
	}
	if d := time.Since(start); d < limit || d > 3*limit {
		t.Errorf("took %v with a limit of %v", d, limit)
	}
	o := receive(t, outcomes)
	var f *Failure
	if !errors.As(o.err, &f) || f.Reason != Silence || f.Status != 504 {
		t.Errorf("Relay: %v, want silence", o.err)
	}
	if o.facts.UsageUnread != UnreadCut || o.facts.Events != 1 {
		t.Errorf("facts %+v", o.facts)
	}
}

// U4: a stream that goes on, slower than the limit as a whole and faster for each
// chunk, passes.
func TestU4LimitIsPerChunk(t *testing.T) {
	s := newStub(t, func(x *exchange) {
		x.readRequest()
		x.send(eventHead)
		for range 8 {
			time.Sleep(100 * time.Millisecond)
			x.send(chunk(delta("a")))
		}
		x.send("0\r\n\r\n")
	})
	set := newSet(t, Options{IdleTimeout: 500 * time.Millisecond, HeaderTimeout: 300 * time.Millisecond}, s.endpoint())
	a, err := set.Do(context.Background(), post("{}"))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if _, err := Relay(w, a, RelayOptions{}); err != nil {
		t.Fatal(err)
	}
	if w.Body.String() != strings.Repeat(delta("a"), 8) {
		t.Errorf("got %q", w.Body)
	}
}

// U5: after k events and an RST the client has exactly k events and an error, in
// 100 of 100 runs.
func TestU5ResetAfterEvents(t *testing.T) {
	for _, k := range []int{0, 1, 10} {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			s := newStub(t, func(x *exchange) {
				x.readRequest()
				x.send(eventHead)
				for range k {
					x.send(chunk(delta("a")))
				}
				x.reset()
			})
			set := newSet(t, Options{}, s.endpoint())
			door, outcomes := newDoor(t, set, nil, RelayOptions{})
			client := newClient(t)
			for run := range 100 {
				resp, err := client.Post(door.URL+"/v1/chat/completions", "application/json", strings.NewReader("{}"))
				if err != nil {
					t.Fatalf("run %d: %v", run, err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err == nil {
					t.Fatalf("run %d: the stream ended cleanly", run)
				}
				if string(body) != strings.Repeat(delta("a"), k) {
					t.Fatalf("run %d: got %q", run, body)
				}
				o := receive(t, outcomes)
				var f *Failure
				if !errors.As(o.err, &f) || f.Reason != Reset || o.facts.Events != k {
					t.Fatalf("run %d: %v after %d events, want reset after %d", run, o.err, o.facts.Events, k)
				}
			}
		})
	}
}
