package proxy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

// logged is a finished request's line.
type logged struct {
	Level, ID, Route, Model, Decision, Path, Classification, Category, Refused string
	Status, Bytes                                                              int
	UpstreamError                                                              string `json:"upstream_error"`
}

// lastLine waits for n lines and gives the last.
func (s *stack) lastLine(n int) logged {
	s.t.Helper()
	eventually(s.t, fmt.Sprint(n, " log lines"), func() bool { return len(s.log.requests()) == n })
	var line logged
	if err := json.Unmarshal([]byte(s.log.requests()[n-1]), &line); err != nil {
		s.t.Fatal(err)
	}
	return line
}

// One line per request says what was decided and why.
func TestLogLine(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	for i, c := range []struct {
		path, body string
		want       logged
	}{
		{"/v1/chat/completions", prompt("auto", "some math"), logged{Status: 200, Model: "large", Decision: "mathematics", Path: "upstream", Classification: "ok", Category: "math"}},
		{"/v1/chat/completions", prompt("auto", "solve"), logged{Status: 200, Model: "large", Decision: "mathematics", Path: "upstream"}},
		{"/v1/chat/completions", prompt("small", "x"), logged{Status: 200, Model: "small", Decision: "explicit", Path: "upstream"}},
		{"/v1/chat/completions", prompt("nothing", "x"), logged{Status: 404, Refused: "model_not_found"}},
		{"/v1/chat/completions", "{", logged{Status: 400, Refused: "invalid_json"}},
		{"/some/path", "{", logged{Status: 404, Refused: "unknown_url"}},
	} {
		s.send("POST", c.path, c.body, func(r *http.Request) { r.Header.Set("X-Request-Id", fmt.Sprint("id-", i)) })
		got := s.lastLine(i + 1)
		c.want.ID, c.want.Level, c.want.Route = fmt.Sprint("id-", i), "INFO", c.path
		if c.path == "/some/path" {
			c.want.Route = "none"
		}
		if got.Status == 200 {
			c.want.Bytes = len(okBody)
		}
		if got != c.want {
			t.Errorf("%s: logged %+v\nwant %+v", c.body, got, c.want)
		}
	}
	s.backend.listener.Close()
	s.client.CloseIdleConnections()
	s.swap(strings.ReplaceAll(routing, "BACKEND", "127.0.0.1:1"))
	s.chat(prompt("small", "x"))
	if got := s.lastLine(7); got.Level != "WARN" || got.Status != 502 || got.Refused != "upstream_unavailable" || !strings.HasPrefix(got.UpstreamError, "upstream refused") {
		t.Errorf("a failed upstream: %+v", got)
	}
}

// S2: nothing that a client says or proves itself with is logged, counted, or
// said back to it.
func TestNoPromptAndNoKeyIsRecorded(t *testing.T) {
	const canary = "CANARY7f3a"
	t.Setenv("VSR_TEST_UPSTREAM", canary+"-upstream")
	scripts := []string{ok, streamHead + chunked(event("x")), response(500, `{"error":{}}`), "HTTP/1.1 nonsense\r\n\r\n", ""}
	var script atomic.Int32
	b := newBackend(t, func(w *wire) {
		if w.read() != nil {
			w.write(scripts[script.Load()])
		}
	})
	s := serve(t, b, "classify: {deadline: 50ms}\n")
	s.swap("classify: {deadline: 50ms}\n" + strings.ReplaceAll(routing, `"http://BACKEND"`, `"http://BACKEND", api_key_env: VSR_TEST_UPSTREAM`))
	var said strings.Builder
	bodies := []string{
		prompt("auto", canary),
		prompt(canary, canary),
		`{"model":"auto","messages":[{"role":"system","content":"` + canary + `"},{"role":"tool","tool_call_id":"` + canary + `","content":"` + canary + `"},{"role":"user","name":"` + canary + `","content":[{"type":"text","text":"` + canary + `"}]}],"user":"` + canary + `"}`,
		prompt("auto", canary)[:40] + canary,
		`{"model":"auto","messages":[{"role":"user","content":"` + canary + `"}],"` + canary + ` x":1,"` + canary + ` x":2}`,
		`{"model":"auto","messages":[{"role":"` + canary + ` evil","content":""}]}`,
		`["` + canary + `"]`,
	}
	knobs := []classifytest.Knobs{{}, {Err: fmt.Errorf("no")}, {Panic: true}, {Delay: time.Second}, {NaN: true}, {TokenizePanic: true}}
	sent := 0
	for i := range scripts {
		script.Store(int32(i))
		for _, body := range bodies {
			s.model.Set(knobs[sent%len(knobs)])
			sent++
			a := s.send("POST", "/v1/chat/completions?key="+canary, body, func(r *http.Request) {
				r.Close = true
				r.Header.Set("Authorization", "Bearer "+canary)
				r.Header.Set("X-Secret", canary)
				r.Header.Set("X-Vsr-Debug", "true")
			})
			if !strings.HasPrefix(body, `{"model":"`+canary) { // an unknown model is named to whoever asked for it
				said.WriteString(a.body)
			}
			said.WriteString(fmt.Sprint(a.header))
		}
	}
	eventually(t, "all logged", func() bool { return len(s.log.requests()) == sent })
	for what, text := range map[string]string{"log": s.log.String(), "metrics": s.scrape(), "answers": said.String()} {
		if i := strings.Index(text, canary); i >= 0 {
			t.Errorf("the %s hold a canary: ...%s...", what, text[max(0, i-200):min(len(text), i+100)])
		}
	}
}

// S6: whatever stands in a request, the log has one line for it, and it is JSON.
func TestLogInjection(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	evil := []string{"\r\n{\"msg\":\"request\"}", "\n\nlevel=ERROR", "\x1b[2J\x1b[31m", "\x00\x07\x7f", "\u2028\u2029\u0085", "\xff\xfe", `"},{"`, strings.Repeat("a", 5000)}
	sent := 0
	for _, e := range evil {
		quoted, _ := json.Marshal(e)
		for _, path := range []string{"/v1/chat/completions", "/v1/models/" + url.PathEscape(e), "/" + url.PathEscape(e)} {
			s.send("POST", path+"?"+url.QueryEscape(e), `{"model":`+string(quoted)+`,"messages":[{"role":"user","content":"x"}]}`, func(r *http.Request) {
				plain := strings.Map(func(c rune) rune {
					if c < ' ' && c != '\t' || c == 0x7f {
						return '\t' // what a client library lets through
					}
					return c
				}, e)
				r.Header["X-Request-Id"] = []string{plain}
				r.Header["User-Agent"] = []string{plain}
				r.Header["Traceparent"] = []string{plain}
			})
			sent++
		}
		s.raw("POST /v1/chat/completions HTTP/1.1\r\nHost: door\r\nX-Request-Id: " + strings.NewReplacer("\r", "", "\n", "").Replace(e) + "\r\nContent-Length: 2\r\n\r\n{}")
	}
	eventually(t, "all logged", func() bool { return len(s.log.requests()) >= sent })
	for line := range strings.Lines(s.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil || fields["msg"] == nil {
			t.Errorf("no line of its own: %q", line)
		}
		if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\x1b\x00\r\x07") {
			t.Errorf("a control character: %q", line)
		}
	}
}
