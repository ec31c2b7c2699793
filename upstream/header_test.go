package upstream

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/secret"
)

// recorder answers 200 and hands out the requests it saw.
func recorder(t *testing.T, answer string) (*stub, <-chan *http.Request) {
	seen := make(chan *http.Request, 16)
	return newStub(t, func(x *exchange) {
		for r := x.readRequest(); r != nil; r = x.readRequest() {
			seen <- r
			x.send(answer)
		}
	}), seen
}

func call(t *testing.T, set *Set, c Call) {
	t.Helper()
	a, err := set.Do(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Relay(httptest.NewRecorder(), a, RelayOptions{}); err != nil {
		t.Fatal(err)
	}
}

// H2: hop-by-hop headers and whatever Connection names stay behind on the way up.
func TestH2HopByHopUp(t *testing.T) {
	s, seen := recorder(t, ok200)
	set := newSet(t, Options{}, s.endpoint())
	c := post("{}")
	c.Header = http.Header{
		"Connection":          {"keep-alive, X-Private", "x-also-private ,te"},
		"Keep-Alive":          {"timeout=5"},
		"Proxy-Connection":    {"keep-alive"},
		"Proxy-Authorization": {"Basic eDp5"},
		"Proxy-Authenticate":  {"Basic"},
		"Te":                  {"trailers"},
		"Trailer":             {"X-Selected-Model"},
		"Transfer-Encoding":   {"chunked"},
		"Upgrade":             {"h2c"},
		"Http2-Settings":      {"AAMAAABkAAQAAP__"},
		"X-Private":           {"1"},
		"X-Also-Private":      {"1"},
		"Content-Length":      {"99"},
		"content-length":      {"98"},
		"Host":                {"evil.example"},
		"X-Kept":              {"a", "b"},
		"Content-Type":        {"application/json"},
	}
	before := c.Header.Clone()
	call(t, set, c)
	r := receive(t, seen)
	want := http.Header{"X-Kept": {"a", "b"}, "Content-Type": {"application/json"}, "Content-Length": {"2"}}
	for name, values := range r.Header {
		if strings.Join(values, "|") != strings.Join(want[name], "|") {
			t.Errorf("upstream saw %s: %q", name, values)
		}
		delete(want, name)
	}
	if len(want) > 0 || len(r.Trailer) > 0 || r.Host != s.listener.Addr().String() {
		t.Errorf("missing %v, trailers %v, host %q", want, r.Trailer, r.Host)
	}
	for name, values := range before {
		if strings.Join(c.Header[name], "|") != strings.Join(values, "|") {
			t.Errorf("Do changed the caller's %s", name)
		}
	}
}

// H2, H6: hop-by-hop headers stay behind on the way down; what speaks for an
// origin is dropped unless allowed; reserved names and the door's own values win.
func TestH2H6HeadersDown(t *testing.T) {
	s, _ := recorder(t, "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Private\r\nKeep-Alive: timeout=5\r\nX-Private: 1\r\n"+
		"Upgrade: h2c\r\nProxy-Authenticate: Basic\r\nAlt-Svc: h3=\":443\"\r\nSet-Cookie: a=b\r\nStrict-Transport-Security: max-age=1\r\n"+
		"X-Selected-Model: theirs\r\nX-Ours: theirs\r\nX-Kept: a\r\nX-Kept: b\r\nContent-Length: 2\r\n\r\n{}")
	relayed := func(o Options) http.Header {
		set := newSet(t, o, s.endpoint())
		a, err := set.Do(t.Context(), post("{}"))
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		w.Header().Set("X-Ours", "ours")
		reserved := func(name string) bool { return name == "X-Selected-Model" }
		if _, err := Relay(w, a, RelayOptions{Reserved: reserved}); err != nil {
			t.Fatal(err)
		}
		return w.Header()
	}
	got := relayed(Options{})
	want := map[string]string{"X-Ours": "ours", "X-Kept": "a|b", "Content-Length": "2"}
	for name, values := range got {
		if strings.Join(values, "|") != want[name] {
			t.Errorf("client saw %s: %q, want %q", name, values, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("client misses %v", want)
	}
	if got := relayed(Options{PassHeaders: []string{"set-cookie"}}); got.Get("Set-Cookie") != "a=b" || got.Get("Alt-Svc") != "" {
		t.Errorf("with set-cookie allowed: %v", got)
	}
}

// H5: the client's credentials never travel, unless the endpoint says so; the
// endpoint's own key takes their place.
func TestH5Credentials(t *testing.T) {
	client := http.Header{
		"Authorization": {"Bearer client"}, "Api-Key": {"client"}, "X-Api-Key": {"client"},
		"X-Goog-Api-Key": {"client"}, "Cookie": {"client=1"},
	}
	for _, tc := range []struct {
		name    string
		key     string
		forward bool
		auth    string
		others  bool
	}{
		{"key", "ours", false, "Bearer ours", false},
		{"nothing", "", false, "", false},
		{"forward", "", true, "Bearer client", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, seen := recorder(t, ok200)
			e := s.endpoint()
			e.Key, e.ForwardAuth = secret.New(tc.key), tc.forward
			set := newSet(t, Options{}, e)
			c := post("{}")
			c.Header = client
			call(t, set, c)
			h := receive(t, seen).Header
			if got := strings.Join(h["Authorization"], "|"); got != tc.auth {
				t.Errorf("Authorization %q, want %q", got, tc.auth)
			}
			for name := range client {
				if name != "Authorization" && (h.Get(name) != "") != tc.others {
					t.Errorf("%s: %q", name, h[name])
				}
			}
		})
	}
}

// H9: Host is the endpoint's, the path is the base's with the call's, and the
// query stays as it is.
func TestH9TargetIsTheEndpoints(t *testing.T) {
	for _, tc := range []struct{ base, path, want string }{
		{"", "/v1/chat/completions", "/v1/chat/completions"},
		{"/", "/v1/chat/completions", "/v1/chat/completions"},
		{"/v1", "/v1/chat/completions", "/v1/chat/completions"},
		{"/v1/", "/v1/models", "/v1/models"},
		{"/openai/v1", "/v1/chat/completions", "/openai/v1/chat/completions"},
		{"/api/v1", "/v1/embeddings", "/api/v1/embeddings"},
		{"/v1beta/openai", "/v1/chat/completions", "/v1beta/openai/chat/completions"},
		{"/v1", "/rerank", "/v1/rerank"},
		{"", "/rerank", "/rerank"},
	} {
		s, seen := recorder(t, ok200)
		e := s.endpoint()
		e.URL.Path = tc.base
		set := newSet(t, Options{}, e)
		c := post("{}")
		c.Path, c.RawQuery = tc.path, "a=1&b=%2F..%2f;c&&"
		c.Header.Set("X-Forwarded-Host", "evil.example")
		call(t, set, c)
		r := receive(t, seen)
		if got, want := r.RequestURI, tc.want+"?"+c.RawQuery; got != want {
			t.Errorf("base %q, call %q: upstream saw %q, want %q", tc.base, tc.path, got, want)
		}
		if r.Host != s.listener.Addr().String() {
			t.Errorf("host %q", r.Host)
		}
	}
}

// H4, H9: what would read differently on the other side is not sent at all.
func TestH9BadCallsAreNotSent(t *testing.T) {
	s, _ := recorder(t, ok200)
	set := newSet(t, Options{}, s.endpoint())
	bad := map[string]func(*Call){
		"no path":       func(c *Call) { c.Path = "" },
		"relative":      func(c *Call) { c.Path = "v1" },
		"dots":          func(c *Call) { c.Path = "/v1/../admin" },
		"double slash":  func(c *Call) { c.Path = "//evil.example/v1" },
		"escape":        func(c *Call) { c.Path = "/v1%2fx" },
		"query in path": func(c *Call) { c.Path = "/v1?x" },
		"space":         func(c *Call) { c.Path = "/v1 HTTP/1.1" },
		"line break":    func(c *Call) { c.RawQuery = "a\r\nX: y" },
		"query space":   func(c *Call) { c.RawQuery = "a HTTP/1.1" },
		"fragment":      func(c *Call) { c.RawQuery = "a#b" },
		"header value":  func(c *Call) { c.Header.Set("X-A", "a\r\nX-B: b") },
		"header name":   func(c *Call) { c.Header["X A"] = []string{"b"} },
		"CONNECT":       func(c *Call) { c.Method = "CONNECT" },
		"TRACE":         func(c *Call) { c.Method = "TRACE" },
		"method":        func(c *Call) { c.Method = "GET /x" },
	}
	for name, change := range bad {
		c := post("{}")
		change(&c)
		if f := mustFail(t, set, c); f.Status != 400 || f.Reason != BadCall {
			t.Errorf("%s: got %d %s (%v)", name, f.Status, f.Reason, f.Err)
		}
	}
	if n := s.conns.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
	if cooling := set.pools["p"][0].cooling.Load(); cooling != 0 {
		t.Error("a bad call put the endpoint into cool-down")
	}
}

// S1: only plain http and https bases are taken, and none that lead to a cloud's
// metadata; the error repeats no URL.
func TestS1BaseURLs(t *testing.T) {
	for _, base := range []string{
		"", "h", "/v1", "ftp://h", "file:///etc/passwd", "http:///v1", "http:h",
		"http://user:canary@h", "http://h?canary=1", "http://h?", "http://h#canary",
		"http://h/a//b", "http://h/../x", "http://h/%2e%2e", "http://h/a b",
		"http://169.254.169.254", "http://169.254.0.1:80/v1", "http://[::ffff:169.254.169.254]",
		"http://[fe80::1]", "http://[fd00:ec2::254]", "http://100.100.100.200",
		"http://metadata.google.internal", "http://METADATA.google.internal./x",
	} {
		u, err := url.Parse(base)
		if err != nil {
			continue
		}
		_, err = New([]Pool{{Name: "p", Endpoints: []Endpoint{{URL: u}}}}, Options{})
		if err == nil {
			t.Errorf("%q was taken", base)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: the error repeats it: %v", base, err)
		}
	}
	for _, base := range []string{"http://h", "https://h:8443/v1", "http://[::1]:8000/openai/v1/", "http://127.0.0.1"} {
		u, _ := url.Parse(base)
		if _, err := New([]Pool{{Name: "p", Endpoints: []Endpoint{{URL: u}}}}, Options{}); err != nil {
			t.Errorf("%q: %v", base, err)
		}
	}
	u, _ := url.Parse("http://169.254.169.254")
	if _, err := New([]Pool{{Name: "p", Endpoints: []Endpoint{{URL: u}}}}, Options{AllowLinkLocal: true}); err != nil {
		t.Errorf("allowed, and still: %v", err)
	}
}

// S1: a forbidden address is refused also when a name resolves to it.
func TestS1ForbiddenAfterResolving(t *testing.T) {
	for address, bad := range map[string]bool{
		"169.254.169.254:80": true, "[fe80::1%eth0]:80": true, "[::ffff:169.254.0.9]:80": true,
		"[fd00:ec2::254]:80": true, "127.0.0.1:80": false, "10.0.0.1:443": false, "[2001:db8::1]:80": false,
	} {
		if err := refuseForbidden("tcp", address, nil); (err != nil) != bad {
			t.Errorf("%s: %v", address, err)
		}
	}
	s := newSet(t, Options{}, Endpoint{URL: &url.URL{Scheme: "http", Host: "stand-in"}})
	s.pools["p"][0].URL.Host = "169.254.169.254" // as if resolved
	if f := mustFail(t, s, post("{}")); f.Reason != Forbidden || f.Status != 502 {
		t.Errorf("got %v", f)
	}
}
