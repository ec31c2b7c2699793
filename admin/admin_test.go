package admin_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"go.uber.org/goleak"

	"github.com/vsr-proxy/vsr-proxy/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// S9: the routes are these and no others.
func TestRoutesAreAClosedSet(t *testing.T) {
	mux := admin.Handler(admin.Options{Metrics: http.NotFoundHandler()}).(chi.Routes)
	var got []string
	err := chi.Walk(mux, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		got = append(got, method+" "+route)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{
		"GET /config", "GET /livez", "GET /metrics", "GET /readyz", "GET /startup-status",
		"POST /-/reload", "POST /api/v1/classify/batch", "POST /api/v1/classify/combined", "POST /api/v1/classify/intent",
		"POST /api/v1/classify/pii", "POST /api/v1/classify/security", "POST /api/v1/route",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// P6: no profiles, no door for apps, and state changes on POST alone.
func TestOtherPathsAndMethods(t *testing.T) {
	s := serve(t)
	s.reload = func() error { t.Error("reloaded"); return nil }
	for _, path := range []string{"/", "/debug/pprof/", "/debug/vars", "/v1/models", "/v1/chat/completions", "/metrics/", "//metrics", "/./config", "/%2d/reload", "/-/reload/", "/config/../-/reload"} {
		mustFail(t, path, s.get(path), 404, "unknown_url")
		mustFail(t, path, s.post(path, "{}"), 404, "unknown_url")
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		a := s.send(method, "/-/reload", "", "")
		if a.status != 405 || a.header.Get("Allow") != "POST" {
			t.Errorf("%s /-/reload: %d, Allow %q", method, a.status, a.header.Get("Allow"))
		}
	}
	for _, method := range []string{"POST", "HEAD", "PUT", "DELETE", "OPTIONS"} {
		if a := s.send(method, "/config", "", ""); a.status != 405 || a.header.Get("Allow") != "GET" {
			t.Errorf("%s /config: %d, Allow %q", method, a.status, a.header.Get("Allow"))
		}
	}
}

// P6: a page elsewhere can point a name of its own at this address, but not an
// address or localhost.
func TestHostCheckStopsRebinding(t *testing.T) {
	s := serve(t)
	for host, allowed := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:8802": true, "[::1]": true, "[::1]:8802": true, "10.1.2.3:80": true,
		"localhost": true, "localhost:8802": true, "admin.example": true, "admin.example:1": true,
		"evil.example": false, "evil.example:8802": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false,
		"admin.example.evil": false, "xadmin.example": false, "127.1": false, "0x7f000001": false, "2130706433": false, "[]": false, "localhost.": false,
	} {
		for _, path := range []string{"/config", "/metrics", "/livez", "/nothing"} {
			a := s.send("GET", path, "", host)
			switch {
			case !allowed:
				mustFail(t, host+path, a, 403, "host_not_allowed")
			case a.status == 403:
				t.Errorf("%s%s: refused", host, path)
			}
		}
	}
}

func TestReload(t *testing.T) {
	s := serve(t)
	if a := s.post("/-/reload", ""); a.status != 200 || !strings.Contains(a.body, "reloaded") {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.reload = func() error { return errors.New("line 3: server.drain: wrong") }
	a := s.post("/-/reload", "")
	mustFail(t, "a bad file", a, 422, "config_refused")
	if !strings.Contains(a.body, "line 3: server.drain: wrong") {
		t.Errorf("the answer does not say what is wrong: %s", a.body)
	}
}

// S2, P6: the configuration is shown with all its values and no key.
func TestConfigHoldsNoSecret(t *testing.T) {
	s := serve(t)
	a := s.get("/config")
	var got map[string]any
	a.into(t, &got)
	if strings.Contains(a.body, canary) || !strings.Contains(a.body, "VSR_TEST_KEY") || !strings.Contains(a.body, `"drain": "30s"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, section := range []string{"server", "admin", "classify", "upstream", "models", "routing", "telemetry", "log"} {
		if got[section] == nil {
			t.Errorf("%s is missing", section)
		}
	}
}

func TestHealth(t *testing.T) {
	s := serve(t)
	for _, c := range []struct {
		status admin.Status
		code   int
		body   string
	}{
		{admin.Status{Phase: "starting"}, 503, `{"ready":false,"phase":"starting"}`},
		{admin.Status{Phase: "loading_model"}, 503, `{"ready":false,"phase":"loading_model"}`},
		{admin.Status{Phase: "draining"}, 503, `{"ready":false,"phase":"draining"}`},
		{
			admin.Status{
				Ready: true, Phase: "ready", Model: &admin.Model{Name: "m", Version: "1", Heads: []admin.Head{{Name: "domain", Kind: "sequence", Labels: []string{"math"}, Model: "m-1"}}},
				Accelerator: &admin.Accelerator{Provider: "cpu", Requested: "auto", Fallback: "cuda: no device", RuntimeVersion: "1.24.4"},
			}, 200,
			`{"ready":true,"phase":"ready","model":{"name":"m","version":"1","heads":[{"name":"domain","kind":"sequence","labels":["math"],"model":"m-1"}]},"accelerator":{"provider":"cpu","requested":"auto","fallback":"cuda:nodevice","runtime_version":"1.24.4"}}`,
		},
	} {
		s.status.Store(&c.status)
		ready, startup, live := s.get("/readyz"), s.get("/startup-status"), s.get("/livez")
		if ready.status != c.code || startup.status != 200 || live.status != 200 {
			t.Errorf("%s: readyz %d, startup-status %d, livez %d", c.status.Phase, ready.status, startup.status, live.status)
		}
		for _, a := range []answer{ready, startup} {
			if got := strings.Join(strings.Fields(a.body), ""); got != c.body {
				t.Errorf("%s: %s", c.status.Phase, got)
			}
		}
	}
}

// What needs a loaded model says that there is none yet.
func TestNotReadyWithoutAGeneration(t *testing.T) {
	s := serve(t)
	s.current.Swap(nil)
	mustFail(t, "config", s.get("/config"), 503, "not_ready")
	mustFail(t, "route", s.post("/api/v1/route", "{}"), 503, "not_ready")
	mustFail(t, "intent", s.post("/api/v1/classify/intent", "{}"), 503, "not_ready")
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		if a := s.get(path); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func TestMetricsAreServed(t *testing.T) {
	s := serve(t)
	if a := s.get("/metrics"); a.status != 200 || !strings.Contains(a.body, "vsr_build_info{") {
		t.Errorf("%d %.200s", a.status, a.body)
	}
}
