package upstream

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
)

// S1: whatever a client sends, only the table's hosts are dialled; the
// environment's proxy is ignored.
func TestS1OnlyTheTableIsDialled(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	s, seen := recorder(t, ok200)
	var mu sync.Mutex
	var dialled []string
	var d net.Dialer
	o := Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		mu.Lock()
		dialled = append(dialled, address)
		mu.Unlock()
		return d.DialContext(ctx, network, s.listener.Addr().String())
	}}
	set := newSet(t, o, Endpoint{URL: &url.URL{Scheme: "http", Host: "models.example"}})
	if set.transport.Proxy != nil { // net/http reads the environment once per process
		t.Error("the transport has a proxy function")
	}
	evil := "http://169.254.169.254/latest"
	calls := []Call{
		{Path: "/v1/chat/completions", Body: []byte(`{"api_base":"` + evil + `","base_url":"` + evil + `"}`)},
		{Path: "/v1/x", RawQuery: "api_base=" + url.QueryEscape(evil)},
		{Path: "/@evil.example/v1"},
		{Path: "/evil.example:80/v1"},
		{Path: "/v1/x", Header: http.Header{"Host": {"evil.example"}, "X-Forwarded-Host": {"evil.example"}, "Forwarded": {"host=evil.example"}, "X-Base-Url": {evil}}},
	}
	for _, c := range calls {
		c.Pool, c.Method = "p", "POST"
		if c.Header == nil {
			c.Header = http.Header{}
		}
		call(t, set, c)
		if r := receive(t, seen); r.Host != "models.example" {
			t.Errorf("host %q", r.Host)
		}
	}
	if f := mustFail(t, set, Call{Pool: evil, Method: "POST", Path: "/v1/x"}); f.Reason != UnknownPool || f.Status != 502 {
		t.Errorf("unknown pool: %v", f)
	}
	if slices.ContainsFunc(dialled, func(a string) bool { return a != "models.example:80" }) || len(dialled) == 0 {
		t.Errorf("dialled %q", dialled)
	}
}

// U12, S1: a redirect is returned as it is; its target is not asked.
func TestU12RedirectIsReturned(t *testing.T) {
	target := newStub(t, serve(ok200))
	for _, status := range []string{"301", "302", "303", "307", "308"} {
		location := "http://" + target.listener.Addr().String() + "/x"
		s := newStub(t, serve("HTTP/1.1 "+status+" Away\r\nLocation: "+location+"\r\nContent-Length: 0\r\n\r\n"))
		set := newSet(t, Options{}, s.endpoint())
		door, _ := newDoor(t, set, nil, RelayOptions{})
		client := newClient(t)
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		resp, _, _ := mustPost(t, client, door.URL)
		if resp.Status[:3] != status || resp.Header.Get("Location") != location {
			t.Errorf("%s: got %s %v", status, resp.Status, resp.Header)
		}
	}
	if n := target.conns.Load(); n != 0 {
		t.Errorf("%d connections to the target", n)
	}
}

// New lists everything that is wrong.
func TestNewListsAllErrors(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "h"}
	_, err := New([]Pool{
		{Name: "a", Endpoints: []Endpoint{{URL: u}}},
		{Name: "a", Endpoints: []Endpoint{{URL: u, Weight: -1}}},
		{Name: "", Endpoints: nil},
	}, Options{DialTimeout: -1, MaxIdlePerHost: -1})
	if err == nil {
		t.Fatal("no error")
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 4 {
		t.Errorf("got %v", err)
	}
}
