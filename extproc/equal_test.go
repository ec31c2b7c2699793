package extproc_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/proxy"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
	"github.com/vsr-proxy/vsr-proxy/upstream"
)

// outcome is what a client and a backend see of a request.
type outcome struct {
	status    int
	header    http.Header
	body      string
	forwarded string // x-selected-model and body, empty where it went nowhere
}

// byHTTP is the other door over the same generation, before a backend that answers
// with back.
func byHTTP(t *testing.T, s *stack, back *message) func(*message) outcome {
	var forwarded string
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		forwarded = r.Header.Get("X-Selected-Model") + " " + string(body)
		status := 200
		for _, f := range back.fields {
			if f[0] == ":status" {
				status, _ = strconv.Atoi(f[1])
				continue
			}
			w.Header().Add(f[0], f[1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, back.body)
	}))
	t.Cleanup(backend.Close)
	target, _ := url.Parse(backend.URL)
	var pools []upstream.Pool
	for _, name := range []string{"small", "large"} {
		pools = append(pools, upstream.Pool{Name: name, Endpoints: []upstream.Endpoint{{URL: target}}})
	}
	set, err := upstream.New(pools, upstream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	gen := s.current.Acquire()
	t.Cleanup(gen.Release)
	current := &live.Current{}
	current.Swap(&live.Generation{Config: gen.Config, Router: gen.Router, Gates: gen.Gates, Classifier: gen.Classifier, Upstream: set, Close: func() {}})
	door := httptest.NewServer(proxy.New(current, telemetry.NewMetrics(telemetry.MetricsOptions{}), &telemetry.Tracing{}, slog.New(slog.DiscardHandler)).Handler())
	t.Cleanup(door.Close)
	return func(m *message) outcome {
		forwarded = ""
		conn, err := net.Dial("tcp", door.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		status, header, body := rawHTTP(t, conn, m)
		return outcome{status, header, body, forwarded}
	}
}

// byEnvoy is this door in a mode.
func byEnvoy(s *stack, in, out mode, back *message) func(*message) outcome {
	return func(m *message) outcome {
		e := s.envoy(in, out)
		went, answered := e.ask(m)
		if answered != nil {
			return outcome{status: answered.status, header: answered.header, body: answered.body}
		}
		got := e.answer(&message{fields: slices.Clone(back.fields), body: back.body})
		e.done()
		o := outcome{header: http.Header{}, body: got.body, forwarded: went.get("x-selected-model") + " " + went.body}
		for _, f := range got.fields {
			if f[0] == ":status" {
				o.status, _ = strconv.Atoi(f[1])
			} else {
				o.header.Add(f[0], f[1])
			}
		}
		return o
	}
}

// X10: the doors answer, and send on, the same.
func TestDoorsAreEqual(t *testing.T) {
	s := serve(t, doors)
	back := reply(200, "application/json", okBody, "x-vsr-theirs: 1", "x-selected-model: theirs", "x_vsr_theirs: 1", "openai-processing-ms: 7", "retry-after: 3")
	over := byHTTP(t, s, back)
	for _, modes := range [][2]mode{{fullDuplex, streamed}, {buffered, buffered}, {partial, none}, {fullDuplex, fullDuplex}} {
		through := byEnvoy(s, modes[0], modes[1], back)
		for name, m := range corpus() {
			want, got := over(m()), through(m())
			for _, h := range []string{"Date", "Content-Length", "X-Request-Id", "Connection", "X-Vsr-Timings"} { // what differs by nature
				want.header.Del(h)
				got.header.Del(h)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%v, %s:\n got %+v\nwant %+v", modes, name, got, want)
			}
		}
	}
	s.settled()
}

// corpus is one request of each kind.
func corpus() map[string]func() *message {
	out := map[string]func() *message{}
	add := func(name string, m func() *message) { out[name] = m }
	for i, body := range []string{
		prompt("auto", "some math"), prompt("auto", "solve"), prompt("auto", "hello"), prompt("small", "x"), prompt("gpt-4", "x"), prompt("large", "é\U0001F600"),
		prompt("unknown", "x"), "", "{", "[]", `{"model":"small"}`, `{"model":"small","messages":[]}`, `{"model":1,"messages":[]}`, `{"messages":[]}`,
		`{"model":"small","model":"large","messages":[{"role":"user","content":"x"}]}`, "{\"model\":\"small\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}",
		`{ "messages" : [ {"role":"user","content":"solve"} ], "n": 1e400, "model" : "auto" }`,
	} {
		add(fmt.Sprint("body ", i), func() *message { return chatWith(body) })
	}
	for _, path := range []string{"/v1/nothing", "/v1/", "/v1/chat/completions/", "/v1//chat/completions", "/v1/chat%2Fcompletions", "/v1/completions?x=1", "/v1/responses", "/v1/embeddings", "/v1/score"} {
		add(path, func() *message { return post(path, `{"model":"gpt-4","prompt":"x","input":"x"}`) })
	}
	for _, get := range []string{"GET /v1/models", "GET /v1/models/gpt-4", "GET /v1/models/vllm-sr%2Fauto", "GET /v1/models/nothing", "GET /v1/chat/completions", "PUT /v1/responses", "DELETE /v1/models/small", "HEAD /v1/nothing"} {
		method, path, _ := strings.Cut(get, " ")
		if method == "HEAD" {
			continue // whose answer has no body to compare
		}
		add(get, func() *message {
			return &message{fields: [][2]string{{":method", method}, {":path", path}, {":authority", "a.test"}}}
		})
	}
	for _, field := range []string{"x_selected_model: theirs", "X-Vsr-Debug: true", "x-selected-model: theirs", "content-encoding: gzip", "content-encoding: identity", "x-envoy-attempt: 1"} {
		add(field, func() *message { return chatWith(prompt("auto", "solve"), strings.ToLower(field)) })
	}
	add("text", func() *message {
		return chatWith(prompt("small", "x")).without("content-type").with("content-type: text/plain")
	})
	add("two types", func() *message { return chatWith(prompt("small", "x"), "content-type: application/json") })
	add("no type", func() *message { return chatWith(prompt("small", "x")).without("content-type") })
	add("many fields", func() *message {
		m := chatWith(prompt("small", "x"))
		for i := range 120 {
			m.with(fmt.Sprintf("x-many-%d: 1", i))
		}
		return m
	})
	const form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-4\r\n--b--\r\n"
	add("form", func() *message {
		return post("/v1/images/edits", form).without("content-type").with("content-type: multipart/form-data; boundary=b")
	})
	add("json for a form", func() *message { return post("/v1/images/edits", form) })
	return out
}
