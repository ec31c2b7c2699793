package upstream

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// U10: informational answers are dropped and the final one is delivered; a 101 is
// a failure.
func TestU10Informational(t *testing.T) {
	early := "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nX-Early: 1\r\n\r\n"
	for _, tc := range []struct {
		name, answer string
		status       int
	}{
		{"100", "HTTP/1.1 100 Continue\r\n\r\n" + ok200, 200},
		{"103", early + early + ok200, 200},
		{"101", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 502},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStub(t, func(x *exchange) { x.readRequest(); x.send(tc.answer); x.wait() })
			set := newSet(t, Options{}, s.endpoint())
			door, _ := newDoor(t, set, nil, RelayOptions{})
			resp, body, err := mustPost(t, newClient(t), door.URL)
			if err != nil || resp.StatusCode != tc.status || resp.Header.Get("X-Early") != "" {
				t.Fatalf("got %d %v, %v", resp.StatusCode, resp.Header, err)
			}
			if tc.status == 200 && string(body) != "{}" {
				t.Errorf("got %q", body)
			}
			if n := s.hits.Load(); n != 1 {
				t.Errorf("%d hits", n)
			}
		})
	}
}

// U10: an answer that comes before our body is read is delivered at once, also
// when the upstream closes right behind it, in 50 of 50 runs.
func TestU10EarlyAnswer(t *testing.T) {
	const answer = "HTTP/1.1 413 Too Large\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
	for _, tc := range []struct {
		name, answer string
		stay         bool
	}{
		{"closed after 413", answer + "Connection: close\r\n\r\n{}", false},
		{"closed without a word", answer + "\r\n{}", false},
		{"stays open", answer + "\r\n{}", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStub(t, func(x *exchange) {
				x.in.Peek(1)
				x.send(tc.answer)
				if tc.stay {
					time.Sleep(200 * time.Millisecond)
				}
			})
			set := newSet(t, Options{}, s.endpoint())
			c := post(strings.Repeat("x", 16<<20))
			for run := range 50 {
				start := time.Now()
				a, err := set.Do(t.Context(), c)
				if err != nil {
					t.Fatalf("run %d: %v", run, err)
				}
				body, err := io.ReadAll(a)
				a.Close()
				if err != nil || a.Status != 413 || string(body) != "{}" {
					t.Fatalf("run %d: %d %q, %v", run, a.Status, body, err)
				}
				if d := time.Since(start); d > 150*time.Millisecond {
					t.Errorf("run %d: took %v", run, d)
				}
				if tc.stay && run == 4 {
					break
				}
			}
		})
	}
}

// U10: a client's Expect is ours to answer; the upstream never sees it.
func TestU10ExpectIsNotForwarded(t *testing.T) {
	seen := make(chan http.Header, 1)
	s := newStub(t, func(x *exchange) { seen <- x.readRequest().Header; x.send(ok200) })
	set := newSet(t, Options{}, s.endpoint())
	c := post("{}")
	c.Header.Set("Expect", "100-continue")
	a, err := set.Do(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	if h := receive(t, seen); h.Get("Expect") != "" {
		t.Errorf("upstream saw %v", h)
	}
}

// U11: heads that are no HTTP, or too big, give 502 without eating memory.
func TestU11BadHeads(t *testing.T) {
	const start = "HTTP/1.1 200 OK\r\n"
	big := "X-Big: " + strings.Repeat("x", 64<<10) + "\r\n"
	for name, head := range map[string]string{
		"no HTTP":        "SSH-2.0-OpenSSH\r\n\r\n",
		"bad status":     "HTTP/1.1 2x0 OK\r\n\r\n",
		"bad header":     start + "no colon here\r\n\r\n",
		"two lengths":    start + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"10 MiB header":  start + strings.Repeat(big, 160) + "\r\n",
		"10 MiB in one":  start + "X-Big: " + strings.Repeat("x", 10<<20) + "\r\n\r\n",
		"endless hints":  strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 200_000),
		"endless header": start + strings.Repeat("X: y\r\n", 500_000),
	} {
		t.Run(name, func(t *testing.T) {
			raw := []byte(head)
			s := newStub(t, func(x *exchange) { x.readRequest(); x.Conn.Write(raw) })
			set := newSet(t, Options{}, s.endpoint())
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f := mustFail(t, set, post("{}"))
			runtime.ReadMemStats(&after)
			if f.Status != 502 || f.Reason != Malformed {
				t.Errorf("got %d %s (%v), want 502 malformed", f.Status, f.Reason, f.Err)
			}
			// All that was allocated, freed or not, so more than was ever in use.
			grown := after.TotalAlloc - before.TotalAlloc
			t.Logf("allocated %d KiB", grown>>10)
			if grown > 2<<20 {
				t.Errorf("allocated %d KiB", grown>>10)
			}
			if n := s.hits.Load(); n != 1 {
				t.Errorf("%d hits", n)
			}
		})
	}
}

// U11: a body shorter than announced, or broken in its framing, is aborted.
func TestU11ShortBodyIsAborted(t *testing.T) {
	for name, answer := range map[string]string{
		"length": "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}",
		"chunk":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("{}"),
		"framing": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("{}") +
			"zz\r\nboo\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(t, func(x *exchange) { x.readRequest(); x.send(answer) })
			set := newSet(t, Options{}, s.endpoint())
			door, outcomes := newDoor(t, set, nil, RelayOptions{})
			// A failure before anything was flushed may cost the head as well.
			resp, err := newClient(t).Post(door.URL+"/v1/chat/completions", "", strings.NewReader("{}"))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if err == nil {
				t.Error("the answer ended cleanly")
			}
			o := receive(t, outcomes)
			var f *Failure
			if !errors.As(o.err, &f) || f.Status != 502 || o.facts.UsageUnread == "" {
				t.Errorf("got %v, facts %+v", o.err, o.facts)
			}
		})
	}
}

// U11: a compressed body passes untouched, and no compression is asked for in the
// client's name.
func TestU11CompressedBodyIsUntouched(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, `{"usage":{"prompt_tokens":1}}`)
	z.Close()
	asked := make(chan []string, 2)
	s := newStub(t, func(x *exchange) {
		for r := x.readRequest(); r != nil; r = x.readRequest() {
			asked <- r.Header["Accept-Encoding"]
			x.send(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", packed.Len()), packed.String())
		}
	})
	set := newSet(t, Options{}, s.endpoint())
	door, outcomes := newDoor(t, set, nil, RelayOptions{})
	for _, want := range []string{"", "br;q=1.0, gzip;q=0.8"} {
		r, _ := http.NewRequest("POST", door.URL+"/v1/chat/completions", strings.NewReader("{}"))
		if want != "" {
			r.Header.Set("Accept-Encoding", want)
		}
		resp, err := newClient(t).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !bytes.Equal(body, packed.Bytes()) || resp.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("got %q, %v", body, resp.Header)
		}
		if got := strings.Join(receive(t, asked), "|"); got != want {
			t.Errorf("upstream was asked for %q, want %q", got, want)
		}
		if f := receive(t, outcomes).facts; f.UsageUnread != UnreadEncoded {
			t.Errorf("facts %+v", f)
		}
	}
}

// U11: trailers are kept, announced or not.
func TestU11TrailersAreKept(t *testing.T) {
	for name, announce := range map[string]string{"announced": "Trailer: X-Checksum\r\n", "not announced": ""} {
		t.Run(name, func(t *testing.T) {
			s := newStub(t, serve("HTTP/1.1 200 OK\r\n"+announce+"Transfer-Encoding: chunked\r\n\r\n"+chunk("{}")+"0\r\nX-Checksum: abc\r\nX-Ours: no\r\n\r\n"))
			set := newSet(t, Options{}, s.endpoint())
			door, _ := newDoor(t, set, nil, RelayOptions{Reserved: func(name string) bool { return name == "X-Ours" }})
			resp, body, err := mustPost(t, newClient(t), door.URL)
			if err != nil || string(body) != "{}" {
				t.Fatalf("got %q, %v", body, err)
			}
			if resp.Trailer.Get("X-Checksum") != "abc" || resp.Trailer.Get("X-Ours") != "" {
				t.Errorf("trailers %v", resp.Trailer)
			}
		})
	}
}
