package upstream

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
)

// phase is where an upstream fails, and what may follow.
type phase struct {
	name   string
	status int   // Do's or the answer's, 0 where the answer must be cut
	hits   int64 // requests that an upstream processed
	h1     func(x *exchange)
	h2     func(c *h2conn, stream uint32)
}

// The phases of the R table. Each is reached on a new and on a kept connection.
var phases = []phase{
	{
		name: "closed after the request", status: 502, hits: 1,
		h1: func(x *exchange) { x.readRequest() },
		h2: func(c *h2conn, _ uint32) { c.hits.Add(1); c.Close() },
	},
	{
		name: "reset after the request", status: 502, hits: 1,
		h1: func(x *exchange) { x.readRequest(); x.reset() },
		h2: func(c *h2conn, id uint32) { c.hits.Add(1); c.framer.WriteRSTStream(id, http2.ErrCodeInternal) },
	},
	{
		name: "closed in the head", status: 502, hits: 1,
		h1: func(x *exchange) { x.readRequest(); x.send("HTTP/1.1 200 OK\r\nContent-Le") },
		h2: func(c *h2conn, id uint32) {
			c.hits.Add(1)
			c.framer.WriteRawFrame(http2.FrameHeaders, http2.FlagHeadersEndHeaders, id, []byte{0x80})
			c.Close()
		},
	},
	{
		name: "closed in the body", status: 0, hits: 1,
		h1: func(x *exchange) { x.readRequest(); x.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{") },
		h2: func(c *h2conn, id uint32) {
			c.hits.Add(1)
			c.head(id, "200")
			c.framer.WriteData(id, false, []byte("{"))
			c.Close()
		},
	},
	{
		name: "500", status: 500, hits: 1,
		h1: func(x *exchange) { x.readRequest(); x.send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") },
		h2: func(c *h2conn, id uint32) { c.hits.Add(1); c.answer(id, "500", "") },
	},
}

// R, H8: hit counts are exact in 40 combinations: phase, method, connection,
// protocol. Every request carries both idempotency headers, which make stock
// net/http send it again.
func TestRHitCounts(t *testing.T) {
	for _, p := range phases {
		for _, method := range []string{"POST", "GET"} {
			for _, kept := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/kept=%v/h1", p.name, method, kept), func(t *testing.T) {
					s := newStub(t, func(x *exchange) {
						if kept {
							x.readRequest()
							x.send(ok200)
						}
						p.h1(x)
					})
					checkHits(t, newSet(t, Options{}, s.endpoint()), &s.hits, p, method, kept)
				})
				t.Run(fmt.Sprintf("%s/%s/kept=%v/h2", p.name, method, kept), func(t *testing.T) {
					s := newH2Stub(t, func(c *h2conn, id uint32) {
						if kept && c.n == 1 {
							c.hits.Add(1)
							c.answer(id, "200", "{}")
							return
						}
						p.h2(c, id)
					})
					checkHits(t, newSet(t, Options{TLS: s.roots}, s.endpoint()), &s.hits, p, method, kept)
				})
			}
		}
	}
}

func checkHits(t *testing.T, set *Set, hits *atomic.Int64, p phase, method string, kept bool) {
	t.Helper()
	c := Call{Pool: "p", Method: method, Path: "/v1/x", Header: http.Header{"Idempotency-Key": {"k"}, "X-Idempotency-Key": {"k"}}}
	if method == "POST" {
		c.Body = []byte("{}")
	}
	if kept {
		call(t, set, c)
		hits.Store(0)
	}
	a, err := set.Do(t.Context(), c)
	switch {
	case err != nil && p.status != 502:
		t.Errorf("got %v, want status %d", err, p.status)
	case err == nil:
		_, err := io.ReadAll(a)
		a.Close()
		if cut := err != nil; a.Status != p.status && !(cut && p.status == 0) {
			t.Errorf("got %d, %v, want %d", a.Status, err, p.status)
		}
	}
	if n := hits.Load(); n != p.hits {
		t.Errorf("%d hits, want %d", n, p.hits)
	}
}

// H8: the idempotency headers still reach the upstream, and an empty POST that
// carries them is not replayed either.
func TestH8IdempotencyKeysTravel(t *testing.T) {
	seen := make(chan http.Header, 4)
	s := newStub(t, func(x *exchange) {
		seen <- x.readRequest().Header
		x.send(ok200)
		if r := x.readRequest(); r != nil {
			seen <- r.Header
		}
	})
	set := newSet(t, Options{}, s.endpoint())
	c := post("")
	c.Header = http.Header{"Idempotency-Key": {"a"}, "X-Idempotency-Key": {"b"}}
	call(t, set, c)
	if f := mustFail(t, set, c); f.Reason != Reset {
		t.Errorf("got %v", f)
	}
	for range 2 {
		if h := receive(t, seen); h.Get("Idempotency-Key") != "a" || h.Get("X-Idempotency-Key") != "b" {
			t.Errorf("upstream saw %v", h)
		}
	}
	if n := s.hits.Load(); n != 2 {
		t.Errorf("%d hits for 2 requests", n)
	}
}

// R: the rule for Do's own second try, case by case.
func TestRSecondTry(t *testing.T) {
	set := newSet(t, Options{}, newStub(t, serve(ok200)).endpoint())
	for _, tc := range []struct {
		name        string
		phase, wire int32
		replayed    bool
		alone, more bool // is there a second try with one endpoint, with two
	}{
		{"never asked for a connection", preparing, nothing, false, false, false},
		{"dialling failed", dialling, nothing, false, false, true},
		{"dead before the first header", connected, nothing, false, true, true},
		{"written over HTTP/1", connected, overHTTP1, false, false, false},
		{"written over HTTP/2", connected, overHTTP2, false, false, false},
		{"second failure", connected, nothing, true, false, false},
		{"second dial failed", dialling, nothing, true, false, false},
	} {
		es := weighted(1, 1)
		for _, n := range []int{1, 2} {
			tr := newTry(&Call{Method: "POST"})
			tr.phase.Store(tc.phase)
			tr.wire.Store(tc.wire)
			tr.replayed = tc.replayed
			next := set.another(t.Context(), es[:n], es[0], tr)
			want := map[int]bool{1: tc.alone, 2: tc.more}[n]
			if (next != nil) != want || n == 2 && next == es[0] {
				t.Errorf("%s, %d endpoints: %v", tc.name, n, next != nil)
			}
		}
		if cooling := es[0].cooling.Load() != 0; cooling != (tc.phase == dialling) {
			t.Errorf("%s: cool-down %v", tc.name, cooling)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if set.another(gone, es, es[0], newTry(&Call{})) != nil {
			t.Errorf("%s: tried again after the client left", tc.name)
		}
	}
}

// R: a request that was never written moves on: to another endpoint when dialling
// failed, to a new connection when the kept one was dead. One hit each.
func TestRNothingWritten(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	refused := Endpoint{URL: &url.URL{Scheme: "http", Host: closed.Addr().String()}, Weight: 1000}

	t.Run("refused, then another endpoint", func(t *testing.T) {
		s := newStub(t, serve(ok200))
		for range 20 {
			call(t, newSet(t, Options{}, refused, s.endpoint()), post("{}"))
		}
		if n := s.hits.Load(); n != 20 {
			t.Errorf("%d hits for 20 requests", n)
		}
	})
	t.Run("refused thrice is tried twice", func(t *testing.T) {
		var dials atomic.Int64
		var d net.Dialer
		o := Options{}
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return d.DialContext(ctx, network, address)
		}
		f := mustFail(t, newSet(t, o, refused, refused, refused), post("{}"))
		if f.Reason != Refused || dials.Load() != 2 {
			t.Errorf("%v after %d dials", f, dials.Load())
		}
	})
	t.Run("dead kept connections", func(t *testing.T) {
		// The upstream closes after each answer without saying so.
		s := newStub(t, func(x *exchange) { x.readRequest(); x.send(ok200) })
		set := newSet(t, Options{}, s.endpoint())
		failed := 0
		const n = 300
		for range n {
			a, err := set.Do(t.Context(), post("{}"))
			if err != nil {
				failed++ // bytes were written in the instant before the end was seen
				continue
			}
			io.Copy(io.Discard, a)
			a.Close()
		}
		if hits := s.hits.Load(); hits != int64(n-failed) || failed > n/10 {
			t.Errorf("%d hits, %d of %d failed", hits, failed, n)
		}
	})
}

// An endpoint that could not be dialled is asked last during its cool-down.
func TestCooldown(t *testing.T) {
	s := newStub(t, serve(ok200))
	var refusals atomic.Int64
	var d net.Dialer
	o := Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == "bad:80" {
			refusals.Add(1)
			return nil, &net.OpError{Op: "dial", Err: io.ErrClosedPipe}
		}
		return d.DialContext(ctx, network, address)
	}}
	bad := Endpoint{URL: &url.URL{Scheme: "http", Host: "bad"}, Weight: 1000}
	set := newSet(t, o, bad, s.endpoint())
	for range 50 {
		call(t, set, post("{}"))
	}
	if n := refusals.Load(); n > 2 {
		t.Errorf("dialled %d times within the cool-down", n)
	}
}

// GOAWAY and over REFUSED_STREAM, and no third time.
func TestRNotProcessedByPeer(t *testing.T) {
	for _, method := range []string{"POST", "GET"} {
		for _, refusals := range []int64{1, 2} {
			t.Run(fmt.Sprintf("%s refused %d times", method, refusals), func(t *testing.T) {
				var seen atomic.Int64
				s := newH2Stub(t, func(c *h2conn, id uint32) {
					if seen.Add(1) <= refusals {
						c.framer.WriteRSTStream(id, http2.ErrCodeRefusedStream)
						return
					}
					c.answer(id, "200", "{}")
				})
				set := newSet(t, Options{TLS: s.roots}, s.endpoint())
				c := post("{}")
				if c.Method = method; method == "GET" {
					c.Body = nil
				}
				if refusals == 1 {
					call(t, set, c)
				} else if f := mustFail(t, set, c); f.Reason != Reset {
					t.Errorf("got %v", f)
				}
				if n := seen.Load(); n != 2 {
					t.Errorf("upstream saw it %d times", n)
				}
			})
		}
	}
}
