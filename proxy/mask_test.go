package proxy_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

const maskRouting = `
models:
  - {name: small, endpoints: [{url: "http://BACKEND"}]}
routing:
  default_model: small
  signals:
    pii: [{name: personal}]
  decisions:
    - {name: private, action: mask, rules: {type: pii, name: personal}}
`

// serveMasked runs a door that masks e-mail addresses and the like, and "Alice".
func serveMasked(t *testing.T, b *backend, sections string) *stack {
	t.Helper()
	s := serve(t, b, "")
	s.model = classifytest.New(classifytest.Options{Heads: []classifytest.Head{
		{Head: classifytest.Domain("math", "other")},
		{Head: classify.Head{Name: "pii", Kind: classify.KindToken, Labels: []string{"O", "B-PERSON", "I-PERSON"}, Temperature: 1},
			Words: map[string]string{"alice": "B-PERSON"}},
	}})
	s.patterns = pii.Find
	s.metrics.Admit(telemetry.Names{Decisions: []string{"private"}, Signals: []string{"personal"}, PIITypes: []string{"PERSON", "EMAIL_ADDRESS"}})
	s.swap(sections + maskRouting)
	return s
}

// S13, S14: a value never reaches the backend and always the client, however the backend
// answers: whole, in pieces of a byte, escaped, in a call's arguments, in another
// case.
func TestMaskedValuesComeBack(t *testing.T) {
	b := newBackend(t, echo)
	s := serveMasked(t, b, "")
	const prose = `dear Alice , "quote" é 日本 a.roe@corp.example, 4111 1111 1111 1111 <`
	n := 0
	for _, path := range []string{"/v1/chat/completions", "/v1/completions", "/v1/responses"} {
		hows := map[string][]string{
			"/v1/chat/completions": {"whole", "escaped", "tool", "plain tool", "lower"},
			"/v1/completions":      {"completion"}, "/v1/responses": {"responses"},
		}[path]
		for _, how := range hows {
			for _, stream := range []bool{false, true} {
				if stream && how == "plain tool" {
					continue
				}
				body := object(m{"model": "auto", "how": how, "stream": stream, "messages": []any{m{"role": "user", "content": prose}}})
				switch path {
				case "/v1/completions":
					body = object(m{"model": "auto", "how": how, "stream": stream, "prompt": prose})
				case "/v1/responses":
					body = object(m{"model": "auto", "how": how, "stream": stream, "input": prose})
				}
				a := s.send("POST", path, body, nil)
				n++
				if a.status != 200 || a.err != nil {
					t.Fatalf("%s, stream %v: %d %s %v", how, stream, a.status, a.body, a.err)
				}
				text, arguments := said(t, a.body)
				want := prose
				if how == "lower" {
					want = strings.NewReplacer("alice", "Alice").Replace(strings.ToLower(prose))
				}
				if strings.HasSuffix(how, "tool") || how == "responses" && !stream {
					var v struct{ To string }
					if err := json.Unmarshal([]byte(arguments), &v); err != nil || v.To != want {
						t.Errorf("%s, stream %v: arguments %s, %v", how, stream, arguments, err)
					}
				}
				if !strings.HasSuffix(how, "tool") && text != want {
					t.Errorf("%s, stream %v:\n got %q\nwant %q", how, stream, text, want)
				}
				if strings.Contains(a.body, "PERSON") || strings.Contains(a.body, "person") {
					t.Errorf("%s, stream %v: a placeholder is left in %s", how, stream, a.body)
				}
				if got := a.header.Get("X-Vsr-Masked"); got != "3" || a.header.Get("X-Vsr-Not-Unmasked") != "" {
					t.Errorf("headers %v", a.header)
				}
				sent := b.last(t)
				for _, value := range []string{"Alice", "roe", "4111"} {
					if strings.Contains(sent.body, value) {
						t.Errorf("%s reached the backend in %s", value, sent.body)
					}
				}
				if v := sent.values("accept-encoding"); len(v) != 1 || v[0] != "identity" {
					t.Errorf("asked for %q", v)
				}
			}
		}
	}
	for _, kind := range []string{"PERSON", "EMAIL_ADDRESS"} {
		series := fmt.Sprintf("vsr_masked_values_total{pii_type=%q}", kind)
		eventually(t, series, func() bool { return s.metric(series) == float64(n) })
	}
	s.lastLine(n)
	if line := s.log.requests()[0]; !strings.Contains(line, `"masked":3`) {
		t.Errorf("logged %s", line)
	}
}

// What needs no masking is neither asked for uncompressed nor changed.
func TestAnswersToUnmaskedRequestsPass(t *testing.T) {
	b := newBackend(t, replies(response(200, `{"choices":[{"message":{"content":"<PERSON_1> \u003c"}}]}`, "Etag: x")))
	s := serveMasked(t, b, "")
	a := s.chat(prompt("auto", "hello"))
	if a.body != `{"choices":[{"message":{"content":"<PERSON_1> \u003c"}}]}` || a.header.Get("Etag") != "x" || a.header.Get("X-Vsr-Masked") != "" {
		t.Errorf("%s, %v", a.body, a.header)
	}
	if v := b.last(t).values("accept-encoding"); len(v) == 1 && v[0] == "identity" {
		t.Error("asked for an answer that is not compressed")
	}
}

// S14: an answer that can't be read goes on as it is, and says so.
func TestAnswersThatCannotBeUnmasked(t *testing.T) {
	for reason, answer := range map[string]string{
		"encoded":  response(200, "<PERSON_1>", "Content-Encoding: gzip"),
		"not_json": "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n<PERSON_1>",
	} {
		s := serveMasked(t, newBackend(t, replies(answer)), "")
		a := s.chat(prompt("auto", "I am Alice"))
		if a.status != 200 || a.body != "<PERSON_1>" || a.header.Get("X-Vsr-Not-Unmasked") != reason || a.header.Get("X-Vsr-Masked") != "1" {
			t.Errorf("%s: %d %q %v", reason, a.status, a.body, a.header)
		}
		series := fmt.Sprintf("vsr_not_unmasked_total{reason=%q}", reason)
		eventually(t, series, func() bool { return s.metric(series) == 1 })
	}
}

// H1: a client or a backend can't say that something was masked.
func TestMaskHeadersAreOurs(t *testing.T) {
	b := newBackend(t, replies(response(200, okBody, "X-Vsr-Masked: 9", "X-Vsr-Not-Unmasked: x")))
	s := serveMasked(t, b, "")
	a := s.send("POST", "/v1/chat/completions", prompt("auto", "hello"), func(r *http.Request) { r.Header.Set("X-Vsr-Masked", "7") })
	if a.header.Get("X-Vsr-Masked") != "" || a.header.Get("X-Vsr-Not-Unmasked") != "" || len(b.last(t).values("x-vsr-masked")) != 0 {
		t.Errorf("%v", a.header)
	}
}

// S14, U6: a stream is not held up: each event leaves when it came.
func TestUnmaskedEventsLeaveAtOnce(t *testing.T) {
	next := make(chan string)
	b := newBackend(t, func(w *wire) {
		if w.read() == nil {
			return
		}
		w.write(streamHead)
		for e := range next {
			w.write(chunked(e))
		}
		w.write(streamEnd)
		w.gone()
	})
	s := serveMasked(t, b, "")
	resp, err := s.client.Post("http://"+s.addr+"/v1/chat/completions", "application/json", strings.NewReader(prompt("auto", "I am Alice")))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	for _, step := range []struct{ sent, want string }{
		{event("hello "), event("hello ")}, {event("<PERSON"), event("")}, {event("_1>"), event("Alice")}, {": ping\n\n", ": ping\n\n"},
	} {
		next <- step.sent
		got := make([]byte, len(step.want))
		if _, err := io.ReadFull(in, got); err != nil || string(got) != step.want {
			t.Fatalf("got %q, %v, want %q", got, err, step.want)
		}
	}
	close(next)
	_, _ = io.Copy(io.Discard, in)
}

// L4, S14: a client that leaves in the middle of a masked stream ends its backend's
// request, and leaves nothing behind.
func TestClientLeavesAMaskedStream(t *testing.T) {
	gone := make(chan bool, 1)
	b := newBackend(t, func(w *wire) {
		if w.read() == nil {
			return
		}
		w.write(streamHead, chunked(event("<PERSON")))
		gone <- w.gone()
	})
	s := serveMasked(t, b, onePlace)
	body := prompt("auto", "I am Alice")
	c := s.dial()
	fmt.Fprint(c, request(body, length(body)))
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("%q, %v", line, err)
	}
	c.Close()
	if !receive(t, "the backend's connection closed", gone) {
		t.Error("the backend's request went on")
	}
	s.settled()
	if strings.Contains(s.log.String(), "Alice") {
		t.Error("the log holds a value")
	}
}

// U5, S14: a masked stream that breaks off never looks whole.
func TestMaskedStreamThatBreaksOff(t *testing.T) {
	b := newBackend(t, func(w *wire) {
		if w.read() != nil {
			w.write(streamHead, chunked(event("<PERSON_1>")+event("<PER")))
		}
	})
	a := serveMasked(t, b, "").chat(prompt("auto", "I am Alice"))
	if a.err == nil || a.body != event("Alice")+event("") {
		t.Fatalf("%q, %v", a.body, a.err)
	}
}

// S2, S13, S14: a hundred requests at once, each with values of its own: none reaches the
// backend, a log line, a metric, an error or another request's answer.
func TestMaskedRequestsShareNothing(t *testing.T) {
	b := newBackend(t, echo)
	s := serveMasked(t, b, "classify: {deadline: 30s}\n")
	hows := []string{"whole", "escaped", "tool", "lower"}
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			own := fmt.Sprintf("canary%d.x@corp.example", i)
			how, stream := hows[i%len(hows)], i%8 < 4
			body := object(m{"model": "auto", "how": how, "stream": stream, "messages": []any{m{"role": "user", "content": "write to " + own + " now"}}})
			resp, err := s.client.Post("http://"+s.addr+"/v1/chat/completions", "application/json", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			text, arguments := said(t, string(got))
			if all := text + arguments; err != nil || resp.StatusCode != 200 || !strings.Contains(all, "write to "+own+" now") || strings.Count(all, "canary") != 1 {
				t.Errorf("request %d: %d %s %v", i, resp.StatusCode, got, err)
			}
			for name, values := range resp.Header {
				if strings.Contains(fmt.Sprint(values), "canary") {
					t.Errorf("header %s: %v", name, values)
				}
			}
		})
	}
	group.Wait()
	// and requests that fail
	s.chat(`{"model":"auto","messages":[{"role":"user","content":"canary.a@corp.example"}],"tools":[{"type":"function","function":{"name":"canary.b@corp.example"}}]}`)
	s.model.Set(classifytest.Knobs{Panic: true})
	refused := s.chat(prompt("auto", "canary.c@corp.example"))
	eventually(t, "all are logged", func() bool { return len(s.log.requests()) == 102 })
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.received) != 100 {
		t.Errorf("%d requests reached the backend", len(b.received))
	}
	for _, r := range b.received {
		if strings.Contains(r.body+r.line+strings.Join(r.fields, ""), "canary") {
			t.Fatalf("a value reached the backend: %s", r.body)
		}
	}
	for what, text := range map[string]string{"log": s.log.String(), "metrics": s.scrape(), "error": refused.body} {
		if strings.Contains(text, "canary") {
			t.Errorf("the %s holds a value", what)
		}
	}
}

// S13: a request that can't be masked is refused in OpenAI's shape.
func TestUnmaskableRequest(t *testing.T) {
	s := serveMasked(t, newBackend(t, nil), "")
	a := s.chat(`{"model":"small","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"Alice"}}]}`)
	if a.status != 400 || code(t, a) != "cannot_mask" || a.header.Get("X-Vsr-Selected-Decision") != "private" || a.header.Get("X-Should-Retry") != "false" || s.backend.hits() != 0 {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
}
