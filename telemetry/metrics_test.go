package telemetry

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// exercise calls every method once with names that are known and words of the source.
func exercise(m *Metrics) {
	m.Admit(Names{
		Models:    []string{"auto", "llama3-8b", "phi4-mini"},
		Signals:   []string{"math"},
		Decisions: []string{"numbers"},
		Pools:     []string{"phi4-mini"},
		PIITypes:  []string{"EMAIL_ADDRESS"},
	})
	m.RequestStarted("phi4-mini")
	m.RequestEnded("phi4-mini", 1200*time.Millisecond)
	m.RequestError("phi4-mini", "upstream_5xx")
	m.RoutingModified("auto", "phi4-mini")
	m.RoutingLatency(7 * time.Millisecond)
	m.TTFT("phi4-mini", 80*time.Millisecond)
	m.TPOT("phi4-mini", 15*time.Millisecond, true)
	m.Tokens("phi4-mini", 12, 30)
	m.Cost("phi4-mini", "USD", 0.25)
	m.UsageUnread("cancelled")
	m.SignalExtracted("domain", "math", 6*time.Millisecond, true)
	m.DecisionMatched("numbers")
	m.DecisionEvaluated(3 * time.Microsecond)
	m.Classified("ok", 6*time.Millisecond)
	m.Windows(1)
	m.Degraded("deadline")
	m.Blocked("numbers")
	m.GuardFailed("deadline", true)
	m.GuardFailed("unread", false)
	m.PIIFound("EMAIL_ADDRESS")
	m.PIIFound("A_TYPE_OF_ANOTHER_MODEL")
	m.Masked("EMAIL_ADDRESS", 2)
	m.NotUnmasked("encoded", 1)
	m.UnreadTokens(512)
	m.UnreadMedia("image", 2)
	m.LimitRejected("limits.body_bytes")
	m.Accelerator("cpu", "1.24.4", false)
	m.ConfigLoaded(false, time.Unix(1, 0))
	m.ConfigLoaded(true, time.Unix(1700000000, 5e8))
	m.UpstreamFailure("phi4-mini", "upstream_reset")
	m.UpstreamRetry("phi4-mini")
	m.HTTPRequest("/v1/chat/completions", http.StatusOK)
}

func options() MetricsOptions {
	return MetricsOptions{Version: "v0.0.0-test", Revision: "abc", Gauges: Gauges{
		QueueDepth: func() float64 { return 3 },
		SlotsInUse: func() float64 { return 1 },
		Slots:      func() float64 { return 2 },
		BodyBytes:  func() float64 { return 4096 },
	}}
}

// gather returns the families of ours; those of the Go runtime and the process are Prometheus' own.
func gather(t *testing.T, m *Metrics) []*dto.MetricFamily {
	t.Helper()
	all, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	ours := all[:0]
	for _, f := range all {
		if strings.HasPrefix(f.GetName(), "llm_") || strings.HasPrefix(f.GetName(), "vsr_") {
			ours = append(ours, f)
		}
	}
	return ours
}

func TestMetricsAreTheClosedList(t *testing.T) {
	m := NewMetrics(options())
	exercise(m)
	var got bytes.Buffer
	for _, f := range gather(t, m) {
		var labels []string
		for _, pair := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, pair.GetName())
		}
		sort.Strings(labels)
		fmt.Fprintf(&got, "%s{%s} %s\n  %s\n", f.GetName(), strings.Join(labels, ","), strings.ToLower(f.GetType().String()), f.GetHelp())
	}
	golden := filepath.Join("testdata", "metrics.golden")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the list of metrics changed; look at it and run with -update\ngot:\n%s\nwant:\n%s", got.Bytes(), want)
	}
}

func TestMetricsPassPromlint(t *testing.T) {
	m := NewMetrics(options())
	exercise(m)
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetricsCountWhatTheyAreTold(t *testing.T) {
	m := NewMetrics(options())
	exercise(m)
	m.RequestStarted("llama3-8b") // still in flight
	want := `
# HELP llm_model_inflight_requests Requests a model is answering now.
# TYPE llm_model_inflight_requests gauge
llm_model_inflight_requests{model="llama3-8b"} 1
llm_model_inflight_requests{model="phi4-mini"} 0
# HELP llm_model_tokens_total Prompt and completion tokens reported by a model.
# TYPE llm_model_tokens_total counter
llm_model_tokens_total{model="phi4-mini"} 42
# HELP vsr_accelerator_info The execution provider the classifier runs on; the value is always 1.
# TYPE vsr_accelerator_info gauge
vsr_accelerator_info{fallback="false",provider="cpu",runtime_version="1.24.4"} 1
# HELP vsr_classifier_queue_depth Requests waiting for a classifier slot now.
# TYPE vsr_classifier_queue_depth gauge
vsr_classifier_queue_depth 3
# HELP vsr_config_last_reload_success_timestamp_seconds When the configuration in use was loaded, as Unix time.
# TYPE vsr_config_last_reload_success_timestamp_seconds gauge
vsr_config_last_reload_success_timestamp_seconds 1.7000000005e+09
# HELP vsr_config_last_reload_successful 1 if the last load of the configuration succeeded, else 0.
# TYPE vsr_config_last_reload_successful gauge
vsr_config_last_reload_successful 1
`
	err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), specInflight.name, specTokens.name,
		specAccelerator.name, specQueueDepth.name, specReloadTime.name, specReloadOK.name)
	if err != nil {
		t.Error(err)
	}
}

func TestAcceleratorInfoNamesOnlyTheOneThatRuns(t *testing.T) {
	m := NewMetrics(MetricsOptions{})
	m.Accelerator("cuda", "1.24.4", false)
	m.Accelerator("cpu", "1.24.4", true)
	if n := testutil.CollectAndCount(m.accelerator); n != 1 {
		t.Errorf("%d providers are said to run", n)
	}
}

// S5: what a client makes up must not make the registry grow.
func TestS5AHundredThousandNamesAddNoSeries(t *testing.T) {
	const names = 100_000
	m := NewMetrics(options())
	exercise(m)
	for i := range names {
		name := fmt.Sprintf("model-%d", i)
		m.RequestStarted(name)
		m.RequestEnded(name, time.Second)
		m.RequestError(name, name)
		m.RoutingModified(name, name)
		m.TTFT(name, time.Second)
		m.TPOT(name, time.Second, false)
		m.Tokens(name, 1, 1)
		m.Cost(name, "USD", 1)
		m.UpstreamFailure(name, "upstream_reset")
		m.Blocked(name)
		m.PIIFound(name)
		m.HTTPRequest("/v1/chat/completions", i)
	}
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	body := scrape(t, srv.URL)
	series := 0
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "#") {
			series++
		}
	}
	t.Logf("%d series", series)
	if series > 500 {
		t.Errorf("%d series, want at most 500", series)
	}
	if want := fmt.Sprintf("llm_model_requests_total{model=%q} %d\n", Other, names); !strings.Contains(body, want) {
		t.Errorf("the unknown models were not counted: no %q", want)
	}
}

func TestLabelsKeepNamesAcrossReloadsUpToTheirBound(t *testing.T) {
	s := newLabelSet(3, false)
	if !s.admit("a", "b") || !s.admit("b", "c") {
		t.Fatal("names within the bound were refused")
	}
	if s.admit("d") || s.label("d") != Other || s.label("a") != "a" {
		t.Error("the bound does not hold")
	}
	if s := newLabelSet(3, true); s.label("x") != "x" || s.label("") != Other || s.label("\xff") != Other {
		t.Error("a learning set must learn words, and neither nothing nor broken UTF-8")
	}
}

func TestMetricsStandManyGoroutines(t *testing.T) {
	m := NewMetrics(options())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				exercise(m)
			}
		})
	}
	wg.Wait()
	if got := testutil.ToFloat64(m.requests.WithLabelValues("phi4-mini")); got != 400 {
		t.Errorf("counted %v requests, want 400", got)
	}
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("scrape: status %d, %v", resp.StatusCode, err)
	}
	return b.String()
}
