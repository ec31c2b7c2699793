package proxy_test

import (
	"net/http"
	"strings"
	"testing"
)

const guarded = `
server:
  api_keys: [{name: one, env: VSR_TEST_ONE}, {name: two, env: VSR_TEST_TWO}]
`

func serveGuarded(t *testing.T) *stack {
	t.Setenv("VSR_TEST_ONE", "sk-first-key")
	t.Setenv("VSR_TEST_TWO", "sk-second-key")
	return serve(t, newBackend(t, nil), guarded)
}

// S3: a request needs one of the keys, whole, in one Authorization header, on
// every route.
func TestOnlyAWholeKeyIsLetIn(t *testing.T) {
	s := serveGuarded(t)
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{[]string{"Bearer sk-first-key"}, 200},
		{[]string{"Bearer sk-second-key"}, 200},
		{[]string{"bearer sk-second-key"}, 200}, // schemes have no case (RFC 9110, 11.1)
		{nil, 401},
		{[]string{""}, 401},
		{[]string{"Bearer"}, 401},
		{[]string{"Bearer "}, 401},
		{[]string{"Bearer sk-first-ke"}, 401},
		{[]string{"Bearer sk-first-key2"}, 401},
		{[]string{"Bearer SK-FIRST-KEY"}, 401},
		{[]string{"Bearer  sk-first-key"}, 401},
		{[]string{"Bearer sk-first-key sk-second-key"}, 401},
		{[]string{"Bearer sk-first-key,sk-second-key"}, 401},
		{[]string{"Bearer " + strings.Repeat("x", 30_000)}, 401},
		{[]string{"Basic sk-first-key"}, 401},
		{[]string{"sk-first-key"}, 401},
		{[]string{"Token sk-first-key"}, 401},
		{[]string{"Bearer sk-first-key", "Bearer sk-first-key"}, 401},
		{[]string{"Bearer sk-first-key", "Bearer wrong"}, 401},
		{[]string{"Bearer wrong", "Bearer sk-first-key"}, 401},
	} {
		set := func(r *http.Request) { r.Header["Authorization"] = c.headers }
		for _, path := range []string{"/v1/chat/completions", "/v1/models", "/nothing"} {
			method, body := "GET", ""
			if path == "/v1/chat/completions" {
				method, body = "POST", prompt("small", "x")
			}
			a := s.send(method, path, body, set)
			want := c.status
			if want == 200 && path == "/nothing" {
				want = 404
			}
			if a.status != want {
				t.Errorf("%.60q on %s: %d %s", c.headers, path, a.status, a.body)
			}
			if want != 401 {
				continue
			}
			mustFail(t, path, a, 401, "invalid_api_key")
			if a.header.Get("WWW-Authenticate") != "Bearer" || strings.Contains(a.body, "sk-") {
				t.Errorf("%.60q: %v %s", c.headers, a.header, a.body)
			}
		}
	}
	if s.backend.hits() != 3 {
		t.Errorf("%d requests at the backend, want 3", s.backend.hits())
	}
}

// Other places for a key are no key.
func TestKeyElsewhereIsNoKey(t *testing.T) {
	s := serveGuarded(t)
	for name, value := range map[string]string{
		"X-Api-Key": "sk-first-key", "Api-Key": "sk-first-key", "Cookie": "Authorization=Bearer sk-first-key",
		"Proxy-Authorization": "Bearer sk-first-key", "Authorization-": "Bearer sk-first-key", "X-Authorization": "Bearer sk-first-key",
	} {
		a := s.send("POST", "/v1/chat/completions?api_key=sk-first-key", prompt("small", "x"), func(r *http.Request) { r.Header.Set(name, value) })
		mustFail(t, name, a, 401, "invalid_api_key")
	}
}
