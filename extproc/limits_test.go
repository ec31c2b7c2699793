package extproc_test

import (
	"context"
	"strings"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

func limited(limits string) string {
	return "server: {enabled: false, limits: {" + limits + "}}\nextproc: {enabled: true}\n"
}

// An over-long body is 413, whether its length is known or not, in each mode.
func TestOverlongBodies(t *testing.T) {
	s := serve(t, limited("body_bytes: 64KiB, body_memory: 1MiB"))
	for _, in := range []mode{buffered, partial, fullDuplex} {
		long := sized("small", 64<<10+1)
		_, answered := s.envoy(in, none).ask(chatWith(long))
		refused(t, in.String()+" of known length", answered, 413, "request_too_large")
		_, answered = s.envoy(in, none).ask(chatWith(long).without("content-length"))
		refused(t, in.String(), answered, 413, "request_too_large")
		e := s.envoy(in, none)
		if out, answered := e.ask(chatWith(sized("small", 64<<10))); answered != nil || len(out.body) != 64<<10 {
			t.Errorf("%v: the largest body is refused: %+v", in, answered)
		}
		e.done()
	}
	s.settled()
	if n := s.metric(`vsr_limit_rejections_total{limit="body_bytes"}`); n != 6 {
		t.Errorf("counted %v", n)
	}
}

// X11: a message beyond a body's largest size and a little more is not taken.
func TestOverlongMessages(t *testing.T) {
	s := serve(t, limited("body_bytes: 1MiB, body_memory: 4MiB"))
	e := s.envoy(buffered, none)
	e.headers(chatWith("x").without("content-length"))
	e.common(e.receive(), "request headers")
	e.send(e.inbound().body(&ext.HttpBody{Body: make([]byte, 2<<20+1), EndOfStream: true}))
	if _, err := e.w.Recv(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v", err)
	}
	s.settled()
}

// X11: more streams than places are refused one by one, and hold nothing.
func TestManyStreams(t *testing.T) {
	s := serve(t, limited("concurrency: 20, wait: 10ms"))
	opened := make([]*envoy, 200)
	for i := range opened {
		conn := s.conn
		if i%20 == 0 { // as many as one connection may have
			conn = s.dial(insecure.NewCredentials())
		}
		s.conn = conn
		opened[i] = s.envoy(fullDuplex, none)
		opened[i].headers(chatWith(prompt("small", "x")))
	}
	answers := 0
	for _, e := range opened {
		e.send(e.inbound().body(&ext.HttpBody{Body: []byte(prompt("small", "x")), EndOfStream: true}))
		if got := over(e.receive()); got == nil {
			answers++
		} else {
			refused(t, "one too many", got, 503, "overloaded")
		}
	}
	if answers != 20 {
		t.Errorf("%d of 200 had a place among 20", answers)
	}
	for _, e := range opened {
		_ = e.w.CloseSend()
	}
	s.settled()
}

// L2: a body that does not come is 408 in every mode, also where its headers have gone.
func TestSlowBodies(t *testing.T) {
	s := serve(t, strings.Replace(limited("body_timeout: 100ms"), "enabled: true", "enabled: true, on_unread_body: default", 1))
	modes := []mode{buffered, partial, fullDuplex, streamed}
	for _, in := range modes {
		e := s.envoy(in, none)
		e.headers(chatWith(sized("small", 1000)))
		if in != fullDuplex {
			e.common(e.receive(), "request headers")
		}
		if in == fullDuplex || in == streamed {
			e.send(e.inbound().body(&ext.HttpBody{Body: []byte("{")}))
		}
		if in == streamed {
			e.common(e.receive(), "request body")
		}
		refused(t, in.String(), over(e.receive()), 408, "request_timeout")
	}
	s.settled()
	if n := s.metric(`vsr_limit_rejections_total{limit="body_timeout"}`); n != float64(len(modes)) {
		t.Errorf("counted %v", n)
	}
}

// L2: the limit is the body's: an exchange whose body Envoy cut, and sent on, may take
// longer.
func TestCutBodiesHaveTime(t *testing.T) {
	s := serve(t, strings.Replace(limited("body_timeout: 50ms"), "enabled: true", "enabled: true, on_unread_body: default", 1))
	e := s.envoy(partial, streamed)
	e.limit = 10
	if _, answered := e.ask(chatWith(prompt("small", "x")).without("content-length")); answered != nil {
		t.Fatalf("answered %+v", answered)
	}
	time.Sleep(200 * time.Millisecond)
	if back := e.answer(reply(200, "application/json", okBody)); back.body != okBody {
		t.Errorf("%+v", back)
	}
	e.done()
	s.settled()
}

// A stream that says nothing is ended.
func TestSilentStreams(t *testing.T) {
	s := serve(t, limited("header_timeout: 100ms"))
	w, _ := s.open()
	if _, err := w.Recv(); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
}

// Places and memory are those of the HTTP door, and waited for no longer than
// Envoy waits for us.
func TestPlacesAndMemory(t *testing.T) {
	s := serve(t, limited("concurrency: 1, wait: 1h, body_bytes: 64KiB, body_memory: 128KiB"))
	if !s.gates.Enter(context.Background(), 0) {
		t.Fatal("no place")
	}
	_, answered := s.envoy(fullDuplex, none).ask(chatWith(prompt("small", "x")))
	refused(t, "no place", answered, 503, "overloaded")
	s.gates.Leave()
	if !s.gates.Hold(context.Background(), 128<<10, 0) {
		t.Fatal("no memory")
	}
	_, answered = s.envoy(fullDuplex, none).ask(chatWith(prompt("small", "x")))
	refused(t, "no memory", answered, 503, "overloaded")
	s.gates.Drop(128 << 10)
	for _, limit := range []string{"concurrency", "body_memory"} {
		if s.metric(`vsr_limit_rejections_total{limit="`+limit+`"}`) != 1 {
			t.Errorf("%s was not counted", limit)
		}
	}
	s.settled()
}

// B2: a body that comes in one message has room for all of it before Envoy may send
// it: as many are let in as there is memory for, each of them is decided, and the
// others are refused with nothing of theirs in memory.
func TestRoomForWholeMessages(t *testing.T) {
	const size = 2 << 20
	s := serve(t, limited("body_bytes: 4MiB, body_memory: 16MiB")) // which is four bodies, twice each
	body := sized("small", size)
	var in []*envoy
	for range 8 {
		e := s.envoy(buffered, none)
		e.headers(chatWith(body))
		if m := e.receive(); over(m) == nil {
			in = append(in, e)
		} else {
			refused(t, "one too many", over(m), 503, "overloaded")
		}
	}
	if len(in) != 4 {
		t.Errorf("%d of 8 were let in", len(in))
	}
	for _, e := range in {
		e.send(e.inbound().body(&ext.HttpBody{Body: []byte(body), EndOfStream: true}))
		e.common(e.receive(), "request body")
		_ = e.w.CloseSend()
	}
	s.settled()
}

// The memory of a body is given back when the body has gone on, however long its
// answer takes; its place is not.
func TestBodiesAreForgotten(t *testing.T) {
	s := serve(t, limited("concurrency: 1"))
	e := s.envoy(fullDuplex, streamed)
	e.ask(chatWith(sized("small", 500_000)))
	eventually(t, "memory given back", func() bool { return s.gates.Held() == 0 })
	if s.gates.Enter(context.Background(), 0) {
		t.Error("the place was given back")
	}
	e.answer(reply(200, "application/json", okBody))
	e.done()
	s.settled()
}

// X7: before there is a generation the stream fails, so that Envoy's
// failure_mode_allow says what becomes of the request.
func TestNotReady(t *testing.T) {
	s := serve(t, doors)
	s.current.Swap(nil)
	w, _ := s.open()
	head := &core.HeaderMap{Headers: []*core.HeaderValue{
		{Key: ":method", RawValue: []byte("POST")}, {Key: ":path", RawValue: []byte("/v1/chat/completions")},
	}}
	if err := w.Send(&ext.ProcessingRequest{Request: &ext.ProcessingRequest_RequestHeaders{RequestHeaders: &ext.HttpHeaders{Headers: head}}}); err != nil {
		t.Fatal(err)
	}
	if m, err := w.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("%v, %v", m, err)
	}
}
