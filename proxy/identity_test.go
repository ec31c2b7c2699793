package proxy_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// H5: the client's key is for us. It goes on only where that is configured, and
// is replaced where the endpoint has a key of its own.
func TestAuthorizationTowardsTheBackend(t *testing.T) {
	t.Setenv("VSR_TEST_UPSTREAM", "sk-upstream")
	b := newBackend(t, nil)
	s := serve(t, b, "")
	s.swap(`
models:
  - {name: plain, endpoints: [{url: "http://BACKEND"}]}
  - {name: keyed, endpoints: [{url: "http://BACKEND", api_key_env: VSR_TEST_UPSTREAM}]}
  - {name: forwarding, endpoints: [{url: "http://BACKEND", forward_auth: true}]}
routing: {default_model: plain}
`)
	for model, want := range map[string][]string{"plain": nil, "keyed": {"Bearer sk-upstream"}, "forwarding": {"Bearer sk-client"}} {
		s.send("POST", "/v1/chat/completions", prompt(model, "x"), func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer sk-client")
			r.Header.Set("Cookie", "session=1")
		})
		got := b.last(t)
		if !slices.Equal(got.values("authorization"), want) {
			t.Errorf("%s: Authorization %q, want %q", model, got.values("authorization"), want)
		}
		if model != "forwarding" && len(got.values("cookie")) != 0 {
			t.Errorf("%s: received %q", model, got.values("cookie"))
		}
	}
}

// H8: an idempotency key is no leave for us to send twice. The backend reads and
// then drops each second request on a kept connection.
func TestIdempotencyKeyCausesNoReplay(t *testing.T) {
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		s := serve(t, newBackend(t, func(w *wire) {
			if w.read() != nil {
				w.write(ok)
				w.read()
			}
		}), "")
		key := func(r *http.Request) { r.Header.Set(name, "k1") }
		if a := s.send("POST", "/v1/chat/completions", prompt("small", "1"), key); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		mustFail(t, name, s.send("POST", "/v1/chat/completions", prompt("small", "2"), key), 502, "upstream_unavailable")
		if s.backend.hits() != 2 {
			t.Errorf("%s: %d hits for 2 requests", name, s.backend.hits())
		}
		if got := s.backend.last(t).values(name); !slices.Equal(got, []string{"k1"}) {
			t.Errorf("%s was sent on as %q", name, got)
		}
	}
}

// H9: neither Host nor an absolute target moves the request or its route.
func TestHostAndAbsoluteTargets(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	body := prompt("small", "x")
	for target, status := range map[string]int{
		"/v1/chat/completions":                              200,
		"http://evil.example/v1/chat/completions":           200,
		"http://evil.example:99/v1/chat/completions?a=b":    200,
		"/v1/../v1/chat/completions":                        404,
		"/v1/chat/../../admin":                              404,
		"//evil.example/v1/chat/completions":                404,
		"///v1/chat/completions":                            404,
		"http://evil.example//v1/chat/completions":          404,
		"http://evil.example/v1/chat/completions/../config": 404,
		"/v1/chat/completions/.":                            404,
		"/v1/chat/completions%2f":                           404,
		"/v1/chat/completions?x=/../admin":                  200,
		"*":                                                 404,
	} {
		a := s.raw(strings.Replace(request(body, length(body)), "/v1/chat/completions", target, 1))
		if a.status != status {
			t.Errorf("%s: %d %s, want %d", target, a.status, a.body, status)
		}
		if a.status == 200 {
			if got := s.backend.last(t); !slices.Equal(got.values("host"), []string{s.backend.addr()}) || !strings.HasPrefix(got.line, "POST /v1/chat/completions") {
				t.Errorf("%s: received %s, Host %q", target, got.line, got.values("host"))
			}
		}
	}
	for _, host := range []string{"evil.example", "evil.example:1", "127.0.0.1", "[::1]:5", "a.b.c"} {
		a := s.raw(strings.Replace(request(body, length(body)), "Host: door", "Host: "+host, 1))
		if got := s.backend.last(t); a.status != 200 || !slices.Equal(got.values("host"), []string{s.backend.addr()}) {
			t.Errorf("Host %s: %d, sent on as %q", host, a.status, got.values("host"))
		}
	}
	hits := s.backend.hits()
	for _, host := range []string{"a/#@b", "a b", "a\tb", "\x00", "é"} {
		if a := s.raw(strings.Replace(request(body, length(body)), "Host: door", "Host: "+host, 1)); a.status != 400 {
			t.Errorf("Host %q: %d", host, a.status)
		}
	}
	if s.backend.hits() != hits {
		t.Error("a bad Host reached the backend")
	}
}

// S11: a client's request id is used where it is one, and a new one where not.
func TestRequestID(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	for given, kept := range map[string]bool{
		"abc-123": true, "01997f3e-7b1c-7000-8000-000000000000": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "a b": false, "a\"b": false, "<script>": false, "é": false,
	} {
		a := s.send("POST", "/v1/chat/completions", prompt("small", "x"), func(r *http.Request) { r.Header["X-Request-Id"] = []string{given} })
		id := a.header.Get("X-Request-Id")
		if kept != (id == given) || len(a.header["X-Request-Id"]) != 1 || id == "" {
			t.Errorf("%q was answered with %q", given, a.header["X-Request-Id"])
		}
		got := s.backend.last(t)
		for _, name := range []string{"x-request-id", "x-vsr-request-id"} {
			if !slices.Equal(got.values(name), []string{id}) {
				t.Errorf("%q: the backend got %s %q, the client %q", given, name, got.values(name), id)
			}
		}
		eventually(t, "logged", func() bool { return strings.Contains(s.log.String(), `"id":"`+id+`"`) })
	}
	two := s.send("GET", "/nothing", "", func(r *http.Request) { r.Header["X-Request-Id"] = []string{"a", "b"} })
	if id := two.header.Get("X-Request-Id"); id == "" || id == "a" || id == "b" {
		t.Errorf("two ids were answered with %q", id)
	}
}

// S11: trace context travels where it is well formed.
func TestTraceContext(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for given, want := range map[string][]string{good: {good}, "nonsense": nil, strings.ToUpper(good): nil} {
		s.send("POST", "/v1/chat/completions", prompt("small", "x"), func(r *http.Request) { r.Header.Set("Traceparent", given) })
		if got := s.backend.last(t).values("traceparent"); !slices.Equal(got, want) {
			t.Errorf("%s was sent on as %q", given, got)
		}
	}
}
