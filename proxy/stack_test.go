package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/proxy"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
	"github.com/vsr-proxy/vsr-proxy/upstream"
)

// L4, U8: every test leaves the goroutine count where it found it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds each wait of a test for something that happens at once on an
// idle machine.
const patience = 10 * time.Second

// routing is what every stack has beside its own sections. BACKEND stands for the
// backend's address.
const routing = `
models:
  - name: small
    endpoints: [{url: "http://BACKEND"}]
  - name: large
    aliases: [gpt-4]
    upstream_name: org/large
    endpoints: [{url: "http://BACKEND"}]
    pricing: {currency: EUR, prompt_per_1m: 500000, completion_per_1m: 1000000}
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

// stack is the door as the program runs it: on real sockets, over a real upstream
// set, with a fake model below the real classifier.
type stack struct {
	t       testing.TB
	addr    string
	backend *backend
	model   *classifytest.Fake
	metrics *telemetry.Metrics
	log     *lines
	current *live.Current
	gates   *live.Gates
	client  *http.Client
	// patterns finds personal data without the model; nil finds none.
	patterns func(context.Context, string) ([]classify.Span, error)
}

// serve runs a door in front of a backend; sections is YAML beside routing.
func serve(t testing.TB, b *backend, sections string) *stack {
	t.Helper()
	s := &stack{
		t: t, backend: b, log: &lines{}, current: &live.Current{},
		model: classifytest.New(classifytest.Options{}), metrics: telemetry.NewMetrics(telemetry.MetricsOptions{}),
	}
	s.swap(sections + routing)
	log := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	door := proxy.New(s.current, s.metrics, &telemetry.Tracing{}, log)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	limits := s.limits()
	server := &http.Server{
		Handler: door.Handler(), Protocols: protocols, ReadHeaderTimeout: limits.HeaderTimeout,
		MaxHeaderBytes: int(limits.HeaderBytes), ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	s.client = newClient(t)
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
		s.current.Swap(nil)
	})
	return s
}

// swap makes a generation of the YAML current.
func (s *stack) swap(text string) {
	s.t.Helper()
	cfg, err := config.Parse("config.yaml", []byte(strings.ReplaceAll(text, "BACKEND", s.backend.addr())))
	if err != nil {
		s.t.Fatal(err)
	}
	o := classify.DefaultOptions()
	o.Patterns = s.patterns
	o.Deadline, o.MaxWindows = cfg.Classify.Deadline, cfg.Classify.MaxWindows
	c, err := classify.New(s.model, o)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := router.New(cfg, c.Heads(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	set, err := upstream.New(pools(cfg), upstream.Options{
		HeaderTimeout: cfg.Upstream.Timeouts.ResponseHeader, IdleTimeout: cfg.Upstream.Timeouts.Silence, WriteTimeout: cfg.Upstream.Timeouts.Write,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.admit(cfg)
	s.gates = live.NewGates(cfg.Server.Limits)
	s.current.Swap(&live.Generation{
		Config: cfg, Router: r, Upstream: set, Gates: s.gates, Classifier: c,
		Close: func() {
			set.Close()
			_ = c.Close(context.Background())
		},
	})
}

func pools(cfg *config.Config) []upstream.Pool {
	endpoint := func(e config.Endpoint) upstream.Endpoint {
		target, _ := url.Parse(e.URL)
		return upstream.Endpoint{URL: target, Key: e.Key(), ForwardAuth: e.ForwardAuth, Weight: 1}
	}
	if cfg.Upstream.Mode == "gateway" {
		return []upstream.Pool{{Name: router.GatewayPool, Endpoints: []upstream.Endpoint{endpoint(cfg.Upstream.Gateway)}}}
	}
	var out []upstream.Pool
	for _, m := range cfg.Models {
		out = append(out, upstream.Pool{Name: m.Name, Endpoints: []upstream.Endpoint{endpoint(m.Endpoints[0])}})
	}
	return out
}

func (s *stack) admit(cfg *config.Config) {
	names := telemetry.Names{Models: cfg.Routing.AutoModels, Signals: []string{"solve", "math"}, Decisions: []string{"mathematics", router.DecisionDefault, router.DecisionExplicit}}
	for _, m := range cfg.Models {
		names.Models = append(append(names.Models, m.Name), m.Aliases...)
		names.Pools = append(names.Pools, m.Name)
	}
	s.metrics.Admit(names)
}

func (s *stack) limits() config.Limits {
	gen := s.current.Acquire()
	defer gen.Release()
	return gen.Config.Server.Limits
}

func newClient(t testing.TB) *http.Client {
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 2 * patience}
}

// answer is a response that was read to its end, or as far as it came.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

// send asks the door; change may be nil.
func (s *stack) send(method, path, body string, change func(*http.Request)) answer {
	s.t.Helper()
	req, err := http.NewRequest(method, "http://"+s.addr+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(req)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text), err}
}

func (s *stack) chat(body string) answer {
	s.t.Helper()
	return s.send("POST", "/v1/chat/completions", body, nil)
}

// prompt is a chat body.
func prompt(model, text string) string {
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%q}]}`, model, text)
}

// metric is the value of a series, such as name{label="value"}; 0 if there is none.
func (s *stack) metric(series string) float64 {
	for line := range strings.SplitSeq(s.scrape(), "\n") {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			var v float64
			fmt.Sscan(rest, &v)
			return v
		}
	}
	return 0
}

func (s *stack) scrape() string {
	w := httptest.NewRecorder()
	s.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// eventually waits for what follows an answer, as the record of it does.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// receive waits for one value.
func receive[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
		panic("unreachable")
	}
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// requests are the lines of finished requests.
func (l *lines) requests() []string {
	var out []string
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, `"msg":"request"`) {
			out = append(out, line)
		}
	}
	return out
}
