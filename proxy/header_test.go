package proxy_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/router"
)

// reserved are names that a client may not set, each as it may be spelt.
var reservedNames = []string{
	"x-selected-model", "x-vsr-request-id", "x-vsr-selected-model", "x-vsr-looper-request", "x-vsr-skip-guards", "x-vsr-debug",
	"x-gateway-destination-endpoint", "x-gateway-destination-endpoint-subset", "x-gateway-model-name", "x-envoy-original-path",
	"x-envoy-upstream-rq-timeout-ms", "x-gateway-inference-objective",
}

func title(name string) string { return http.CanonicalHeaderKey(name) }

func alternating(name string) string {
	out := []byte(name)
	for i := range out {
		if i%2 == 0 {
			out[i] = strings.ToUpper(string(out[i]))[0]
		}
	}
	return string(out)
}

// H1: whatever a client calls itself, the backend sees our header once and none
// of the client's.
func TestReservedHeadersDoNotPass(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	body := prompt("gpt-4", "x")
	var cases [][]string
	for _, name := range reservedNames {
		for _, spelt := range []string{name, strings.ToUpper(name), title(name), alternating(name)} {
			cases = append(cases,
				[]string{spelt + ": theirs"},
				[]string{spelt + ": theirs", spelt + ": again"},
				[]string{spelt + ": theirs, again"},
				[]string{spelt + ":theirs", strings.ToLower(spelt) + ":\ttheirs\t"},
				[]string{"Connection: " + spelt},
				[]string{"Connection: keep-alive, " + spelt, spelt + ": theirs"},
				[]string{"Connection: close", "Connection: " + spelt + " , Accept"},
				[]string{"Keep-Alive: " + spelt, "Proxy-Connection: " + spelt},
				[]string{"Trailer: " + spelt},
			)
		}
	}
	for _, fields := range cases {
		before := s.backend.hits()
		a := s.raw(request(body, append(fields, length(body))...))
		if a.status != 200 || s.backend.hits() != before+1 {
			t.Errorf("%q: %d %s", fields, a.status, a.body)
			continue
		}
		onlyOurs(t, fmt.Sprint(fields), s.backend.last(t), "large")
	}
}

// onlyOurs checks the reserved names in what a backend received.
func onlyOurs(t *testing.T, what string, got *received, model string) {
	t.Helper()
	for _, f := range got.fields {
		name, value, _ := strings.Cut(f, ": ")
		switch {
		case strings.Contains(f, "theirs"):
			t.Errorf("%s: received %q", what, f)
		case !router.Reserved(name):
		case strings.EqualFold(name, "x-selected-model") && value == model:
		case strings.EqualFold(name, "x-vsr-request-id") && value != "":
		default:
			t.Errorf("%s: received %q", what, f)
		}
		if strings.EqualFold(name, "trailer") || strings.EqualFold(name, "connection") {
			t.Errorf("%s: received %q", what, f)
		}
	}
	for _, name := range []string{"x-selected-model", "x-vsr-request-id", "x-request-id"} {
		if n := len(got.values(name)); n != 1 {
			t.Errorf("%s: received %d of %s", what, n, name)
		}
	}
}

// H1: a reserved name that arrives as a trailer of a chunked body goes no further.
func TestReservedTrailersDoNotPass(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	body := prompt("gpt-4", "x")
	for _, name := range reservedNames {
		for _, announced := range []bool{true, false} {
			fields := []string{"Transfer-Encoding: chunked"}
			if announced {
				fields = append(fields, "Trailer: "+name)
			}
			a := s.raw(request(chunked(body)+"0\r\n"+name+": theirs\r\n\r\n", fields...))
			if a.status != 200 {
				t.Errorf("%s: %d %s", name, a.status, a.body)
				continue
			}
			onlyOurs(t, name, s.backend.last(t), "large")
		}
	}
}

// H1: a name that folds to a reserved one at some backend is refused.
func TestDisguisedReservedHeadersAreRefused(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	body := prompt("gpt-4", "x")
	for _, name := range reservedNames {
		folded := strings.ReplaceAll(name, "-", "_")
		for _, spelt := range []string{folded, strings.ToUpper(folded), title(folded), strings.Replace(name, "-", "_", 1)} {
			mustFail(t, spelt, s.raw(request(body, spelt+": theirs", length(body))), 400, "reserved_header")
		}
	}
	if a := s.raw(request(body, "x_other: fine", length(body))); a.status != 200 {
		t.Errorf("another name with an underscore: %d", a.status)
	}
	if s.backend.hits() != 1 {
		t.Errorf("%d requests reached the backend", s.backend.hits())
	}
}

// H1, metamorphic: no reserved header changes how a prompt is routed.
func TestReservedHeadersDoNotChangeTheDecision(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	words := []string{"math", "history", "other", "solve", "prompt", "ignore", "all"}
	outcome := func(a answer) string {
		return fmt.Sprint(a.status, a.header["X-Vsr-Selected-Model"], a.header["X-Vsr-Selected-Decision"], a.header["X-Vsr-Selected-Category"], a.header["X-Vsr-Confidence"], a.header["X-Vsr-Response-Path"])
	}
	for i := range 100 {
		body := prompt("auto", strings.Join([]string{words[i%7], words[i/7%7], words[i/49], fmt.Sprint(i)}, " "))
		plain := outcome(s.chat(body))
		with := outcome(s.send("POST", "/v1/chat/completions", body, func(r *http.Request) {
			for j, name := range reservedNames {
				if name != "x-vsr-debug" && (i+j)%3 != 0 {
					r.Header.Set(name, []string{"true", "small", "skip"}[j%3])
				}
			}
		}))
		if plain != with {
			t.Errorf("%s: %s, with reserved headers %s", body, plain, with)
		}
	}
}

// H2: what belongs to one connection stays on it; all else travels.
func TestHopByHopHeaders(t *testing.T) {
	s := serve(t, newBackend(t, func(w *wire) {
		for w.read() != nil {
			w.write(response(200, okBody, "Connection: X-Theirs", "X-Theirs: 1", "Keep-Alive: timeout=5", "Proxy-Authenticate: Basic", "X-Kept: yes"))
		}
	}), "")
	body := prompt("small", "x")
	a := s.raw(request(body, "Connection: X-Mine, keep-alive", "X-Mine: 1", "Keep-Alive: 5", "TE: trailers", "Upgrade: websocket",
		"Proxy-Authorization: Basic x", "Proxy-Connection: close", "X-Other: kept", "OpenAI-Beta: a", "openai-beta: b", "Accept: text/event-stream", length(body)))
	got := s.backend.last(t)
	for _, name := range []string{"connection", "x-mine", "keep-alive", "te", "upgrade", "proxy-authorization", "proxy-connection", "transfer-encoding"} {
		if v := got.values(name); len(v) > 0 {
			t.Errorf("%s was passed on: %q", name, v)
		}
	}
	if !slices.Equal(got.values("x-other"), []string{"kept"}) || !slices.Equal(got.values("openai-beta"), []string{"a", "b"}) || len(got.values("accept")) != 1 {
		t.Errorf("received %q", got.fields)
	}
	for _, name := range []string{"X-Theirs", "Keep-Alive", "Proxy-Authenticate"} {
		if a.header.Get(name) != "" {
			t.Errorf("%s came back: %v", name, a.header)
		}
	}
	if a.header.Get("X-Kept") != "yes" {
		t.Errorf("answered %v", a.header)
	}
}

// H6: an upstream can't speak in our name or for our origin.
func TestUpstreamCanNotSetOurHeaders(t *testing.T) {
	s := serve(t, newBackend(t, func(w *wire) {
		for w.read() != nil {
			w.write(response(200, okBody, "x-selected-model: theirs", "x-vsr-selected-model: theirs", "X-Vsr-Anything: theirs", "x_vsr_anything: theirs",
				"x-envoy-upstream-service-time: 5", "Alt-Svc: h3=\":443\"", "Set-Cookie: a=theirs", "Strict-Transport-Security: max-age=1", "X-Request-Id: of-upstream", "openai-processing-ms: 7"))
		}
	}), "")
	a := s.chat(prompt("gpt-4", "x"))
	for name, values := range a.header {
		if slices.Contains(values, "theirs") || slices.Contains([]string{"Alt-Svc", "Set-Cookie", "Strict-Transport-Security", "X-Envoy-Upstream-Service-Time"}, name) {
			t.Errorf("%s: %q", name, values)
		}
	}
	for name, want := range map[string]string{"X-Vsr-Selected-Model": "large", "X-Request-Id": "of-upstream", "Openai-Processing-Ms": "7"} {
		if got := a.header[name]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
