//go:build e2e

package envoy_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// sizes are those around which Envoy and gRPC cut bodies into pieces.
var sizes = []int{0, 1, 200, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1 << 20, 8 << 20}

// partialLimit is what Envoy buffers in BUFFERED_PARTIAL here: bodies of 8 MiB are
// cut, the others whole.
const partialLimit = 2 << 20

// X1: in every mode a body of every size arrives whole but for the model, or is
// refused, or goes on to the default model, as the configuration says; nothing is
// guessed from half a body; and Envoy counts nothing that was wrong.
func TestEveryModeAndSize(t *testing.T) {
	for _, policy := range []string{"refuse", "default"} {
		p := processor(t, strings.Replace(doors+routes, "listen: EXTPROC", "listen: EXTPROC, on_unread_body: "+policy, 1))
		for _, mode := range []string{asShipped, "NONE", "BUFFERED", "BUFFERED_PARTIAL", "STREAMED", "FULL_DUPLEX_STREAMED"} {
			e := gateway(t, p.Addr, reading(mode), func(g *rig.Gateway) {
				switch mode {
				case "BUFFERED":
					g.BufferLimit = 16 << 20
				case "BUFFERED_PARTIAL":
					g.BufferLimit = partialLimit
				}
			})
			for _, size := range sizes {
				for _, chunked := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/%s/%d/chunked=%v", policy, mode, size, chunked), func(t *testing.T) {
						for range long(1, 20) {
							sendSized(t, e, mode, policy, size, chunked)
						}
					})
				}
			}
			quiet(t, e)
			e.Stop()
		}
	}
}

// sendSized sends one body and judges what became of it.
func sendSized(t *testing.T, e *rig.Envoy, mode, policy string, size int, chunked bool) {
	t.Helper()
	body, want := sized("auto", mathPrompt, size), sized("auto", mathPrompt, size)
	if body == nil {
		body = bytes.Repeat([]byte("{"), size)
	} else {
		want = bytes.Replace(body, []byte(`"auto"`), []byte(`"`+phi+`"`), 1)
	}
	r := call{body: body, chunked: chunked}.do(t, e.URL)
	a := arrived(r.id)
	if size == 0 && !chunked { // Envoy says with the headers that nothing follows
		wantRefusal(t, r, a, 400, "invalid_json")
		return
	}
	unread := mode == "NONE" || mode == "STREAMED" || mode == "BUFFERED_PARTIAL" && size > partialLimit
	switch {
	case unread && policy == "refuse":
		wantRefusal(t, r, a, 400, "body_not_sent")
	case unread && mode == "STREAMED": // read when its headers are gone, and so can be refused or named still
		if size <= 1 {
			wantRefusal(t, r, a, 400, "invalid_json")
			return
		}
		wantArrival(t, r, a, llama, bytes.Replace(body, []byte(`"auto"`), []byte(`"`+llama+`"`), 1))
	case unread:
		wantArrival(t, r, a, llama, body)
	case size <= 1:
		wantRefusal(t, r, a, 400, "invalid_json")
	default:
		wantArrival(t, r, a, phi, want)
	}
}

// wantRefusal takes no arrival for one whose body was broken off: in STREAMED the
// headers are gone when the body is refused.
func wantRefusal(t *testing.T, r reply, a []rig.Arrival, status int, code string) {
	t.Helper()
	a = slices.DeleteFunc(a, func(one rig.Arrival) bool { return one.Err != nil })
	if r.status != status || code != "" && r.code() != code || r.header.Get("Content-Type") != "application/json" || len(a) > 0 {
		t.Errorf("want %d %s and no arrival: %v, %d arrivals", status, code, r, len(a))
	}
}

func wantArrival(t *testing.T, r reply, a []rig.Arrival, pool string, body []byte) {
	t.Helper()
	if r.status != 200 || r.model() != pool || len(a) != 1 || a[0].Pool != pool || a[0].Err != nil || a[0].Header.Get("X-Selected-Model") != pool {
		t.Fatalf("want one arrival at %s: %v, %d arrivals", pool, r, len(a))
	}
	if !bytes.Equal(a[0].Body, body) {
		t.Errorf("the body is another: %d bytes, want %d", len(a[0].Body), len(body))
	}
	if n := a[0].Header.Get("Content-Length"); n != "" && n != fmt.Sprint(len(body)) {
		t.Errorf("content-length %s with %d bytes", n, len(body))
	}
}

// X3: bodies of 1.2 MB in full duplex, which Envoy ends twice (envoyproxy/envoy#46237),
// arrive once and whole, every time.
func TestBodiesEndedTwiceArriveOnce(t *testing.T) {
	p, _ := shared(t)
	e := gateway(t, p.Addr, reading("FULL_DUPLEX_STREAMED"))
	body := sized(phi, plainPrompt, 1_200_000)
	var wg sync.WaitGroup
	jobs := make(chan int)
	for range 4 {
		wg.Go(func() {
			for n := range jobs {
				r, err := call{body: body, chunked: n%2 == 1}.try(e.URL)
				if a := arrived(r.id); err != nil || r.status != 200 || len(a) != 1 || !bytes.Equal(a[0].Body, body) {
					t.Errorf("%d: %v %v, %d arrivals", n, err, r, len(a))
				}
			}
		})
	}
	for n := range long(80, 500) {
		jobs <- n
	}
	close(jobs)
	wg.Wait()
	quiet(t, e)
}

// An over-long body is refused with 413 and never passed on, whether its length is
// known or not, whatever Envoy buffers.
func TestOverlongBodiesAreRefused(t *testing.T) {
	p, e := shared(t)
	buffered := gateway(t, p.Addr, func(g *rig.Gateway) { g.Processor.RequestBody, g.BufferLimit = "BUFFERED", 16<<20 })
	small := gateway(t, p.Addr, func(g *rig.Gateway) { g.Processor.RequestBody = "BUFFERED" })
	body := sized("auto", mathPrompt, 10<<20+1)
	for name, where := range map[string]*rig.Envoy{"as shipped": e, "buffered": buffered, "beyond Envoy's buffer": small} {
		for _, chunked := range []bool{false, true} {
			r, err := call{body: body, chunked: chunked}.try(where.URL)
			if err != nil {
				t.Errorf("%s, chunked %v: %v", name, chunked, err)
				continue
			}
			if a := arrived(r.id); r.status != 413 || len(a) > 0 {
				t.Errorf("%s, chunked %v: %v, %d arrivals", name, chunked, r, len(a))
			}
			if where != small && r.code() != "request_too_large" {
				t.Errorf("%s, chunked %v: %v", name, chunked, r)
			}
		}
	}
}

// A body that takes longer to come than message_timeout is no reason for Envoy to
// give up on the processor, which does not answer before it is whole.
func TestSlowUploadIsServed(t *testing.T) {
	p, _ := shared(t)
	for _, mode := range []string{"FULL_DUPLEX_STREAMED", "BUFFERED"} {
		e := gateway(t, p.Addr, reading(mode), func(g *rig.Gateway) { g.Processor.MessageTimeout, g.Processor.FailClosed = "0.3s", true })
		body := string(sized("auto", mathPrompt, 20_000))
		c, id := dial(t, e.Addr), newID()
		c.head(t, id, len(body))
		for len(body) > 0 {
			n := min(len(body), 4000)
			c.write(t, body[:n])
			body = body[n:]
			pause()
		}
		r := c.reply(t, id)
		if a := arrived(id); r.status != 200 || len(a) != 1 || a[0].Pool != phi {
			t.Errorf("%s: %v, %d arrivals", mode, r, len(a))
		}
		quiet(t, e)
	}
}
