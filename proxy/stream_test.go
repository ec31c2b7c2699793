package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
)

// stream starts a streaming request and gives its body.
func (s *stack) stream() *http.Response {
	s.t.Helper()
	body := strings.Replace(prompt("small", "x"), "{", `{"stream":true,`, 1)
	resp, err := s.client.Post("http://"+s.addr+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// Each event leaves at once: the backend sends the next only when the client has
// seen the one before.
func TestEachEventLeavesAtOnce(t *testing.T) {
	for name, client := range map[string]func(testing.TB) *http.Client{"HTTP/1.1": newClient, "HTTP/2": newH2Client} {
		t.Run(name, func(t *testing.T) {
			const events = 25
			seen := make(chan int)
			defer close(seen)
			s := serve(t, newBackend(t, func(w *wire) {
				w.read()
				w.write(streamHead)
				for i := range events {
					w.write(chunked(event(fmt.Sprint(i))))
					if got, open := <-seen; !open || got != i {
						return
					}
				}
				w.write(chunked("data: [DONE]\n\n"), streamEnd)
			}), "")
			s.client = client(t)
			resp := s.stream()
			if resp.Header.Get("Content-Type") != "text/event-stream" {
				t.Errorf("head %v", resp.Header)
			}
			for i := range events {
				want := event(fmt.Sprint(i))
				got := make([]byte, len(want))
				if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
					t.Fatalf("event %d: %q %v", i, got, err)
				}
				select {
				case seen <- i:
				case <-time.After(patience):
					t.Fatal("the backend went away")
				}
			}
			if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "data: [DONE]\n\n" {
				t.Errorf("end %q %v", rest, err)
			}
		})
	}
}

// U7: bytes out are bytes in, however they are cut: inside UTF-8, inside "data:",
// in a line beyond all limits, with any line ends and none at the end.
func TestStreamPassesByteForByte(t *testing.T) {
	texts := []string{
		event("héllo 😀") + ": comment\n\nevent: x\r\nid: 1\r\ndata: {}\r\n\r\ndata:no space\rdata: cr\r\r",
		"data: " + strings.Repeat("long", 100_000) + "\n\n" + event("after") + "data: [DONE]\n\n",
		"data: not json\n\ndata: \xff\xfe\n\n\n\n\ndata",
	}
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 60 {
		text := texts[i%len(texts)]
		var out strings.Builder
		out.WriteString(streamHead)
		for rest := text; rest != ""; {
			n := min(1+random.IntN(1+len(text)/(1+random.IntN(40))), len(rest))
			out.WriteString(chunked(rest[:n]))
			rest = rest[n:]
		}
		s := serve(t, newBackend(t, replies(out.String()+streamEnd)), "")
		if got, err := io.ReadAll(s.stream().Body); err != nil || string(got) != text {
			t.Fatalf("slicing %d: %d bytes became %d: %v", i, len(text), len(got), err)
		}
	}
}

// Where configured, usage is asked for on behalf of a client that did not ask, and
// what comes of it is counted and taken out again.
func TestAskedUsageIsCountedAndTakenOut(t *testing.T) {
	usage := `data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}` + "\n\n"
	whole := event("a") + event("b")
	b := newBackend(t, replies(streamHead+chunked(whole)+chunked(usage)+chunked("data: [DONE]\n\n")+streamEnd))
	s := serve(t, b, "upstream: {ask_usage: true}\n")
	got, err := io.ReadAll(s.stream().Body)
	if err != nil || string(got) != whole+"data: [DONE]\n\n" {
		t.Errorf("%q %v", got, err)
	}
	if !strings.Contains(b.last(t).body, `"stream_options":{"include_usage":true}`) {
		t.Errorf("sent %s", b.last(t).body)
	}
	eventually(t, "tokens counted", func() bool { return s.metric(`llm_model_tokens_total{model="small"}`) == 10 })
	a := s.chat(`{"stream":true,"stream_options":{"include_usage":true},` + prompt("small", "x")[1:])
	if a.body != whole+usage+"data: [DONE]\n\n" {
		t.Errorf("a client that asks gets %q", a.body)
	}
	body := `{"stream":true,"stream_options":{"include_usage":false},` + prompt("small", "x")[1:]
	if a := s.chat(body); b.last(t).body != body || a.body != whole+usage+"data: [DONE]\n\n" {
		t.Errorf("a client that declines: sent %s, got %q", b.last(t).body, a.body)
	}
}

// U5: a stream that the backend cuts ends for the client after the same events
// with an error, and never like a finished one.
func TestCutStreamIsNoCleanEnd(t *testing.T) {
	cuts := map[string]func(*wire){
		"RST":            (*wire).reset,
		"FIN":            func(w *wire) { w.Close() },
		"bad chunk":      func(w *wire) { w.write("zz\r\n") },
		"FIN in a chunk": func(w *wire) { w.write("ff\r\ndata"); w.Close() },
	}
	for name, cut := range cuts {
		for _, events := range []int{0, 1, 10} {
			t.Run(fmt.Sprint(name, " after ", events), func(t *testing.T) {
				for range 5 {
					seen := make(chan struct{})
					s := serve(t, newBackend(t, func(w *wire) {
						w.read()
						w.write(streamHead)
						for i := range events {
							w.write(chunked(event(fmt.Sprint(i))))
						}
						<-seen
						cut(w)
					}), "")
					resp := s.stream()
					var want string
					for i := range events {
						want += event(fmt.Sprint(i))
					}
					got := make([]byte, len(want))
					_, err := io.ReadFull(resp.Body, got)
					close(seen)
					if err != nil || string(got) != want {
						t.Fatalf("got %q %v", got, err)
					}
					rest, err := io.ReadAll(resp.Body)
					if err == nil || len(bytes.TrimPrefix(rest, []byte("data"))) != 0 {
						t.Fatalf("after the cut: %q %v", rest, err)
					}
					eventually(t, "logged", func() bool { return len(s.log.requests()) == 1 })
					if line := s.log.requests()[0]; !strings.Contains(line, `"upstream_error":"upstream `) || !strings.Contains(line, `"status":200`) {
						t.Errorf("logged %s", line)
					}
				}
			})
		}
	}
}

// U11: an encoded answer and trailers pass as they are.
func TestEncodingAndTrailersPass(t *testing.T) {
	s := serve(t, newBackend(t, replies("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nTrailer: X-Sum, X-Vsr-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"+
		chunked("\x1f\x8bnot really")+"0\r\nX-Sum: 1\r\nX-Vsr-Sum: 2\r\n\r\n")), "")
	resp := s.stream()
	text, err := io.ReadAll(resp.Body)
	if err != nil || string(text) != "\x1f\x8bnot really" || resp.Header.Get("Content-Encoding") != "gzip" || resp.Trailer.Get("X-Sum") != "1" || resp.Trailer.Get("X-Vsr-Sum") != "" {
		t.Errorf("%q %v %v %v", text, err, resp.Header, resp.Trailer)
	}
}
