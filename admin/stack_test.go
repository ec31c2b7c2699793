package admin_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/vsr-proxy/vsr-proxy/admin"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

const canary = "sk-canary-77aa"

const routing = `
admin: {batch_texts: 1000}
server:
  api_keys: [{name: app, env: VSR_TEST_KEY}]
  limits: {body_bytes: 16KiB}
models:
  - {name: small, endpoints: [{url: "http://127.0.0.1:9/v1", api_key_env: VSR_TEST_KEY}]}
  - {name: large, endpoints: [{url: "http://127.0.0.1:9/v1"}]}
routing:
  default_model: small
  signals:
    keywords: [{name: solve, operator: OR, keywords: [solve]}]
    domains: [{name: math, categories: [math], threshold: 0.5}]
  decisions:
    - name: mathematics
      rules: {operator: OR, conditions: [{type: keyword, name: solve}, {type: domain, name: math}]}
      model: large
`

// stack is the operators' door over a fake model.
type stack struct {
	t       *testing.T
	server  *httptest.Server
	model   *classifytest.Fake
	current *live.Current
	asked   *classify.Classifier
	status  atomic.Pointer[admin.Status]
	reload  func() error
}

func serve(t *testing.T) *stack { t.Helper(); return serveHeads(t, nil) }

// serveHeads is serve with a model of these heads.
func serveHeads(t *testing.T, heads []classifytest.Head) *stack {
	t.Helper()
	t.Setenv("VSR_TEST_KEY", canary)
	cfg, err := config.Parse("config.yaml", []byte(routing))
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{t: t, model: classifytest.New(classifytest.Options{Heads: heads}), current: &live.Current{}, reload: func() error { return nil }}
	o := classify.DefaultOptions()
	o.Patterns = pii.Find
	c, err := classify.New(s.model, o)
	if err != nil {
		t.Fatal(err)
	}
	s.asked = c
	r, err := router.New(cfg, c.Heads(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.current.Swap(&live.Generation{Config: cfg, Router: r, Classifier: c, Heads: c.Heads(), Slots: classify.DefaultOptions().Slots, Close: func() { _ = c.Close(context.Background()) }})
	s.status.Store(&admin.Status{Ready: true, Phase: "ready"})
	s.server = httptest.NewServer(admin.Handler(admin.Options{
		Current: s.current, Metrics: telemetry.NewMetrics(telemetry.MetricsOptions{}).Handler(),
		Status: func() admin.Status { return *s.status.Load() },
		Reload: func() error { return s.reload() }, AllowedHosts: []string{"admin.example"},
	}))
	t.Cleanup(func() {
		s.server.Close()
		s.current.Swap(nil)
	})
	return s
}

func (s *stack) slots() int {
	gen := s.current.Acquire()
	defer gen.Release()
	return gen.Slots
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (s *stack) send(method, path, body, host string) answer {
	s.t.Helper()
	req, err := http.NewRequest(method, s.server.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	resp, err := s.server.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (s *stack) post(path, body string) answer { s.t.Helper(); return s.send("POST", path, body, "") }
func (s *stack) get(path string) answer        { s.t.Helper(); return s.send("GET", path, "", "") }

// into reads the answer strictly.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v, json.RejectUnknownMembers(true)); err != nil || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s %v: %v", a.status, a.body, a.header, err)
	}
}

// mustFail checks an error's status, code and shape, and gives its param.
func mustFail(t *testing.T, what string, a answer, status int, code string) (param string) {
	t.Helper()
	var e struct {
		Error struct {
			Message string  `json:"message"`
			Type    string  `json:"type"`
			Param   *string `json:"param"`
			Code    string  `json:"code"`
		} `json:"error"`
	}
	a.into(t, &e)
	if a.status != status || e.Error.Code != code || e.Error.Message == "" || e.Error.Type == "" {
		t.Errorf("%s: %d %s, want %d %s", what, a.status, a.body, status, code)
	}
	if e.Error.Param == nil {
		return ""
	}
	return *e.Error.Param
}
