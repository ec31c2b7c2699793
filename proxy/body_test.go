package proxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const small = "server: {limits: {body_bytes: 64KiB, body_memory: 128KiB}}\n"

// padded is a chat body of exactly n bytes.
func padded(n int) string {
	const frame = `{"model":"small","messages":[{"role":"user","content":""}]}`
	return strings.Replace(frame, `""`, `"`+strings.Repeat("x", n-len(frame))+`"`, 1)
}

// B1: a body of limit+1 bytes is refused; where its length is announced, before a
// byte of it is read.
func TestBodyOverTheLimitIsRefused(t *testing.T) {
	s := serve(t, newBackend(t, nil), small)
	const limit = 64 << 10
	announced := s.raw(request("", fmt.Sprint("Content-Length: ", limit+1))) // and never sent
	mustFail(t, "announced", announced, 413, "request_too_large")
	if !strings.Contains(announced.body, "65536") || announced.header.Get("X-Should-Retry") != "false" {
		t.Errorf("the answer names no limit: %s %v", announced.body, announced.header)
	}
	over := padded(limit + 1)
	mustFail(t, "chunked", s.raw(request(chunked(over)+streamEnd, "Transfer-Encoding: chunked")), 413, "request_too_large")
	var bytewise strings.Builder
	for i := range over {
		bytewise.WriteString(chunked(over[i : i+1]))
	}
	// The door closes before it has read all: what it said may be lost with the rest.
	if a := s.raw(request(bytewise.String()+streamEnd, "Transfer-Encoding: chunked")); a.err == nil {
		mustFail(t, "chunked by 1 byte", a, 413, "request_too_large")
	}
	if s.backend.hits() != 0 {
		t.Errorf("%d requests reached the backend", s.backend.hits())
	}
	eventually(t, "three refusals counted", func() bool { return s.metric(`vsr_limit_rejections_total{limit="body_bytes"}`) == 3 })
}

// The largest body passes, with and without a length, in the least memory that
// the configuration allows for it.
func TestBodyOfExactlyTheLimitPasses(t *testing.T) {
	s := serve(t, newBackend(t, nil), "server: {limits: {body_bytes: 100KiB, body_memory: 200KiB}}\n")
	for _, n := range []int{100 << 10, 100<<10 - 1, 64 << 10, 64<<10 + 1, 100} {
		body := padded(n)
		if a := s.raw(request(body, length(body))); a.status != 200 || s.backend.last(t).body != body {
			t.Errorf("%d bytes: %d %s", n, a.status, a.body)
		}
		if a := s.raw(request(chunked(body[:n/3])+chunked(body[n/3:])+streamEnd, "Transfer-Encoding: chunked")); a.status != 200 || s.backend.last(t).body != body {
			t.Errorf("%d bytes, chunked: %d %s", n, a.status, a.body)
		}
		eventually(t, "memory given back", func() bool { return s.gates.Held() == 0 })
	}
}

// B2: bodies together stay within server.limits.body_memory.
func TestBodyMemoryIsBounded(t *testing.T) {
	s := serve(t, newBackend(t, nil), "server: {limits: {body_bytes: 64KiB, body_memory: 128KiB, wait: 10ms}}\n")
	if !s.gates.Hold(t.Context(), 100<<10, 0) {
		t.Fatal("no memory")
	}
	body := padded(32 << 10)
	a := s.chat(body)
	mustFail(t, "full", a, 503, "overloaded")
	if !strings.Contains(a.body, "server.limits.body_memory") || a.header.Get("X-Should-Retry") != "" {
		t.Errorf("%s %v", a.body, a.header)
	}
	eventually(t, "counted", func() bool { return s.metric(`vsr_limit_rejections_total{limit="body_memory"}`) == 1 })
	if a := s.chat(padded(1 << 10)); a.status != 200 {
		t.Errorf("a small body beside: %d", a.status)
	}
	s.gates.Drop(100 << 10)
	if a := s.chat(body); a.status != 200 {
		t.Errorf("after: %d", a.status)
	}
}

// B2: memory that runs out in the middle of a body ends that request alone.
func TestMemoryThatRunsOutInABody(t *testing.T) {
	s := serve(t, newBackend(t, nil), "server: {limits: {body_bytes: 512KiB, body_memory: 1MiB, wait: 10ms}}\n")
	if !s.gates.Hold(t.Context(), 700<<10, 0) {
		t.Fatal("no memory")
	}
	body := padded(300 << 10)
	a := s.raw(request(chunked(body)+streamEnd, "Transfer-Encoding: chunked"))
	mustFail(t, "chunked", a, 503, "overloaded")
	eventually(t, "memory given back", func() bool { return s.gates.Held() == 700<<10 })
	if s.backend.hits() != 0 {
		t.Error("half a body reached the backend")
	}
}

// B5: what is not one UTF-8 JSON object never leaves.
func TestBodyThatIsNoJSONObjectIsRefused(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	good := prompt("small", "x")
	utf16 := "\xff\xfe"
	for _, c := range good {
		utf16 += string([]byte{byte(c), 0})
	}
	for name, c := range map[string]struct{ body, code string }{
		"byte order mark": {"\xef\xbb\xbf" + good, "invalid_json"},
		"UTF-16":          {utf16, "invalid_json"},
		"UTF-32":          {"\x00\x00\x00{\x00\x00\x00}", "invalid_json"},
		"bad UTF-8":       {strings.Replace(good, `"x"`, "\"\xc3\x28\"", 1), "invalid_json"},
		"lone surrogate":  {strings.Replace(good, `"x"`, `"\ud800"`, 1), "invalid_json"},
		"escaped NUL":     {strings.Replace(good, `"x"`, `"a\u0000b"`, 1), "invalid_value"},
		"trailing data":   {good + "{}", "invalid_json"},
		"NaN":             {strings.Replace(good, `"x"`, `NaN`, 1), "invalid_json"},
		"comment":         {"/* hi */" + good, "invalid_json"},
		"empty":           {"", "invalid_json"},
		"null":            {"null", "invalid_type"},
		"array":           {"[]", "invalid_type"},
		"number":          {"1", "invalid_type"},
		"duplicate model": {`{"model":"small","mod\u0065l":"large","messages":[{"role":"user","content":"x"}]}`, "duplicate_field"},
		"cut off":         {good[:len(good)-1], "invalid_json"},
	} {
		mustFail(t, name, s.send("POST", "/v1/chat/completions", c.body, nil), 400, c.code)
	}
	if s.backend.hits() != 0 {
		t.Errorf("%d requests reached the backend", s.backend.hits())
	}
}

// B6: what is classified must be what the backend reads, so nothing compressed.
func TestCompressedBodyIsRefused(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	for _, coding := range []string{"gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip", "x"} {
		a := s.send("POST", "/v1/chat/completions", "\x1f\x8b not really", func(r *http.Request) { r.Header.Set("Content-Encoding", coding) })
		mustFail(t, coding, a, 415, "unsupported_content_type")
	}
	a := s.send("POST", "/v1/chat/completions", prompt("small", "x"), func(r *http.Request) { r.Header.Set("Content-Encoding", "Identity") })
	if a.status != 200 || s.backend.hits() != 1 {
		t.Errorf("identity: %d, %d at the backend", a.status, s.backend.hits())
	}
}

// B8: JSON or no type at all; forms on the routes that take them.
func TestContentTypes(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	for _, c := range []struct {
		path   string
		types  []string
		status int
	}{
		{"/v1/chat/completions", nil, 200},
		{"/v1/chat/completions", []string{"application/json"}, 200},
		{"/v1/chat/completions", []string{"Application/JSON; charset=utf-8"}, 200},
		{"/v1/chat/completions", []string{"text/plain"}, 415},
		{"/v1/chat/completions", []string{"multipart/form-data; boundary=b"}, 415},
		{"/v1/chat/completions", []string{"application/x-www-form-urlencoded"}, 415},
		{"/v1/chat/completions", []string{"application/jsonp"}, 415},
		{"/v1/chat/completions", []string{""}, 415},
		{"/v1/chat/completions", []string{"application/json", "text/plain"}, 415},
		{"/v1/audio/transcriptions", []string{"application/json"}, 415},
		{"/v1/audio/transcriptions", nil, 415},
		{"/v1/audio/transcriptions", []string{"multipart/form-data"}, 400}, // without a boundary
	} {
		a := s.send("POST", c.path, prompt("small", "x"), func(r *http.Request) {
			r.Header.Del("Content-Type")
			if c.types != nil {
				r.Header["Content-Type"] = c.types
			}
		})
		if a.status != c.status {
			t.Errorf("%s with %q: %d %s, want %d", c.path, c.types, a.status, a.body, c.status)
		}
		if a.status == 415 {
			mustFail(t, c.path, a, 415, "unsupported_content_type")
		}
	}
}

// B9: what every backend needs is asked for here, by name.
func TestMissingAndMistypedFieldsAreNamed(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	for body, want := range map[string]string{
		`{"messages":[{"role":"user","content":"x"}]}`:                               "model missing_required_parameter",
		`{"model":"small"}`:                                                          "messages missing_required_parameter",
		`{"model":"small","messages":[]}`:                                            "messages empty_array",
		`{"model":7,"messages":[{"role":"user","content":"x"}]}`:                     "model invalid_type",
		`{"model":"","messages":[{"role":"user","content":"x"}]}`:                    "model invalid_value",
		`{"model":"small","messages":"x"}`:                                           "messages invalid_type",
		`{"model":"small","messages":["x"]}`:                                         "messages[0] invalid_type",
		`{"model":"small","messages":[{"content":"x"}]}`:                             "messages[0].role missing_required_parameter",
		`{"model":"small","messages":[{"role":"user","content":7}]}`:                 "messages[0].content invalid_type",
		`{"model":"small","stream":"yes","messages":[{"role":"user","content":""}]}`: "stream invalid_type",
		`{"MODEL":"small","messages":[{"role":"user","content":"x"}]}`:               "model missing_required_parameter",
	} {
		param, code, _ := strings.Cut(want, " ")
		if got := mustFail(t, body, s.chat(body), 400, code); got != param {
			t.Errorf("%s: param %q, want %q", body, got, param)
		}
	}
	if s.backend.hits() != 0 {
		t.Errorf("%d requests reached the backend", s.backend.hits())
	}
}
