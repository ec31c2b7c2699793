package upstream

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

func mustPost(t testing.TB, c *http.Client, base string) (*http.Response, []byte, error) {
	t.Helper()
	resp, err := c.Post(base+"/v1/chat/completions", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// oddStream is an event stream with everything that a careless copy breaks on:
// UTF-8 of all lengths, all line ends, comments, a long line, no final end.
func oddStream(long int) string {
	return "\ufeff: hello\r\n\r\n" + delta("é😀𝔘") + strings.ReplaceAll(delta("cr"), "\n", "\r") +
		strings.ReplaceAll(delta("crlf"), "\n", "\r\n") + "event: x\nid: 1\nretry: 5\ndata\ndata:\n\n" +
		delta(strings.Repeat("長", long/3)) + "\n\n\n" +
		`data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}` + "\n\n" + "data: [DONE]\n\n: tail"
}

// U7: whatever the cuts, bytes out are bytes in: 1,000 random slicings, 50 of them
// with a line of 1 MiB.
func TestU7BytesOutAreBytesIn(t *testing.T) {
	for name, tc := range map[string]struct{ long, slice, runs, unread int }{
		"short lines": {2 << 10, 1 << 8, 950, 0},
		"1 MiB line":  {1 << 20, 1 << 16, 50, 1},
	} {
		t.Run(name, func(t *testing.T) {
			stream := oddStream(tc.long)
			want := sha256.Sum256([]byte(stream))
			s := newStub(t, func(x *exchange) {
				for x.readRequest() != nil {
					x.send(eventHead)
					rng := rand.New(rand.NewPCG(uint64(x.hits.Load()), 7))
					for rest := stream; rest != ""; {
						n := min(1+rng.IntN(tc.slice), len(rest))
						x.send(chunk(rest[:n]))
						rest = rest[n:]
					}
					x.send("0\r\n\r\n")
				}
			})
			set := newSet(t, Options{}, s.endpoint())
			door, outcomes := newDoor(t, set, nil, RelayOptions{})
			client := newClient(t)
			for run := range tc.runs {
				_, body, err := mustPost(t, client, door.URL)
				if err != nil || sha256.Sum256(body) != want {
					t.Fatalf("run %d: %d bytes, %v; want %d", run, len(body), err, len(stream))
				}
				f := receive(t, outcomes).facts
				if !f.UsageKnown || f.PromptTokens != 3 || f.CompletionTokens != 5 || f.Events != 4-tc.unread || f.LongLines != tc.unread {
					t.Fatalf("run %d: facts %+v", run, f)
				}
			}
		})
	}
}

// An event leaves when it has come, not when the next one pushes it out, and the
// head before any event.
func TestEachEventLeavesAtOnce(t *testing.T) {
	for _, hide := range []bool{false, true} {
		next := make(chan struct{})
		s := newStub(t, func(x *exchange) {
			x.readRequest()
			x.send(eventHead)
			for range next {
				x.send(chunk(delta("a")))
			}
		})
		t.Cleanup(func() { close(next) })
		set := newSet(t, Options{}, s.endpoint())
		door, _ := newDoor(t, set, func(c *Call) { c.HideUsage = hide }, RelayOptions{})
		resp, err := newClient(t).Post(door.URL+"/v1/chat/completions", "", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, len(delta("a")))
		for range 20 {
			next <- struct{}{}
			if _, err := io.ReadFull(resp.Body, buffer); err != nil || string(buffer) != delta("a") {
				t.Errorf("hide %v: got %q, %v", hide, buffer, err)
			}
		}
		resp.Body.Close()
	}
}

// U9: statuses pass with body, Retry-After and x-request-id, after one hit each.
func TestU9StatusesPass(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529} {
		body := fmt.Sprintf(`{"error":{"message":"no %d","type":"x","param":null,"code":null}}`, status)
		s := newStub(t, serve(fmt.Sprintf("HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\nRetry-After: 7\r\nX-Request-Id: req_1\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)))
		set := newSet(t, Options{}, s.endpoint(), s.endpoint())
		door, _ := newDoor(t, set, nil, RelayOptions{})
		resp, got, err := mustPost(t, newClient(t), door.URL)
		if err != nil || resp.StatusCode != status || string(got) != body ||
			resp.Header.Get("Retry-After") != "7" || resp.Header.Get("X-Request-Id") != "req_1" {
			t.Errorf("%d: got %d %v %q, %v", status, resp.StatusCode, resp.Header, got, err)
		}
		if n := s.hits.Load(); n != 1 {
			t.Errorf("%d: %d hits", status, n)
		}
	}
}

// Answers without a body end well: HEAD, 204, 304, and a length of zero.
func TestAnswersWithoutBody(t *testing.T) {
	for _, tc := range []struct{ method, answer string }{
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"},
		{"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		{"GET", "HTTP/1.1 304 Not Modified\r\n\r\n"},
		{"POST", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	} {
		s := newStub(t, serve(tc.answer))
		set := newSet(t, Options{}, s.endpoint())
		door, outcomes := newDoor(t, set, nil, RelayOptions{})
		r, _ := http.NewRequest(tc.method, door.URL+"/v1/models", nil)
		resp, err := newClient(t).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if o := receive(t, outcomes); o.err != nil || o.facts.Bytes != 0 || o.facts.UsageKnown {
			t.Errorf("%s %q: %+v", tc.method, tc.answer, o)
		}
	}
}
