package extproc_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/extproc"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

// X4: every test leaves the goroutine count where it found it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds each wait of a test for something that happens at once on an
// idle machine.
const patience = 10 * time.Second

// routing is what every stack has beside its own sections.
const routing = `
models:
  - name: small
  - name: large
    aliases: [gpt-4]
    upstream_name: org/large
    pricing: {completion_per_1m: 1000000}
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

// doors opens this door alone; sections of a test may add to extproc.
const doors = "server: {enabled: false}\nextproc: {enabled: true}\n"

// stack is the door as the program runs it: gRPC on a real socket, a fake model
// below the real classifier.
type stack struct {
	t       testing.TB
	addr    string
	server  *extproc.Server
	model   *classifytest.Fake
	metrics *telemetry.Metrics
	log     *lines
	current *live.Current
	gates   *live.Gates
	conn    *grpc.ClientConn
}

// heads are a domain, attacks ("jailbreak") and names ("Alice").
func heads() classifytest.Options {
	return classifytest.Options{Heads: []classifytest.Head{
		{Head: classifytest.Domain("math", "history", "other")},
		{Head: classify.Head{
			Name: "jailbreak", Kind: classify.KindSequence, Labels: []string{"benign", "jailbreak"}, Temperature: 1,
			Merge: classify.MergeMax, Positive: "jailbreak", Threshold: .9,
		}, Words: map[string]string{"jailbreak": "jailbreak"}},
		{Head: classify.Head{Name: "pii", Kind: classify.KindToken, Labels: []string{"O", "B-PERSON", "I-PERSON"}, Temperature: 1},
			Words: map[string]string{"alice": "B-PERSON"}},
	}}
}

// serve runs a door that routes by subject; sections is the rest of the
// configuration.
func serve(t testing.TB, sections string) *stack { return serveRules(t, sections, routing) }

func serveRules(t testing.TB, sections, rules string) *stack {
	t.Helper()
	s := &stack{
		t: t, log: &lines{}, current: &live.Current{},
		model: classifytest.New(heads()), metrics: telemetry.NewMetrics(telemetry.MetricsOptions{}),
	}
	s.swap(sections + rules)
	gen := s.current.Acquire()
	defer gen.Release()
	var err error
	s.server, err = extproc.NewServer(extproc.Options{
		Config: gen.Config, Current: s.current, Metrics: s.metrics, Tracing: &telemetry.Tracing{},
		Log: slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.server.SetServing(true)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.server.Serve(l) })
	s.conn = s.dial(insecure.NewCredentials())
	t.Cleanup(func() {
		s.server.Close()
		serving.Wait()
		s.current.Swap(nil)
	})
	return s
}

func (s *stack) dial(with credentials.TransportCredentials) *grpc.ClientConn {
	s.t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+s.addr, grpc.WithTransportCredentials(with), grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20), grpc.MaxCallSendMsgSize(64<<20)))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// swap makes a generation of the YAML current.
func (s *stack) swap(text string) {
	s.t.Helper()
	cfg, err := config.Parse("config.yaml", []byte(text))
	if err != nil {
		s.t.Fatal(err)
	}
	o := classify.DefaultOptions()
	o.Patterns = pii.Find
	o.Deadline, o.MaxWindows = cfg.Classify.Deadline, cfg.Classify.MaxWindows
	c, err := classify.New(s.model, o)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := router.New(cfg, c.Heads(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.metrics.Admit(telemetry.Names{
		Models: []string{"auto", "small", "large", "gpt-4"}, Signals: []string{"solve", "math"},
		Decisions: []string{"mathematics", "stop", "private", router.DecisionDefault, router.DecisionExplicit},
		PIITypes:  []string{"PERSON", "EMAIL_ADDRESS"},
	})
	s.gates = live.NewGates(cfg.Server.Limits)
	s.current.Swap(&live.Generation{
		Config: cfg, Router: r, Gates: s.gates, Classifier: c,
		Close: func() { _ = c.Close(context.Background()) },
	})
}

// open starts a stream that ends with the test.
func (s *stack) open() (ext.ExternalProcessor_ProcessClient, context.CancelFunc) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*patience)
	s.t.Cleanup(cancel)
	w, err := ext.NewExternalProcessorClient(s.conn).Process(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return w, cancel
}

// settled waits until nothing is left of the requests that came.
func (s *stack) settled() {
	s.t.Helper()
	eventually(s.t, "memory given back", func() bool { return s.gates.Held() == 0 })
	gen := s.current.Acquire()
	defer gen.Release()
	places := gen.Config.Server.Limits.Concurrency
	for i := range places {
		if !s.gates.Enter(context.Background(), patience) {
			s.t.Fatalf("%d of %d places were given back", i, places)
		}
	}
	for range places {
		s.gates.Leave()
	}
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
