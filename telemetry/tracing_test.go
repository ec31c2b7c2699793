package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/vsr-proxy/vsr-proxy/secret"
)

// walk records what the proxy does for one request and returns the headers its upstream would get.
func walk(ctx context.Context, tracing *Tracing, client http.Header) http.Header {
	ctx, request := tracing.Request(ctx, client, "POST", "/v1/chat/completions", "req-1")
	defer request.End()
	request.Model("auto", "phi4-mini")

	_, classify := tracing.Classify(ctx)
	classify.Classified(9, 1)
	classify.End()
	_, decide := tracing.Decide(ctx)
	decide.Decision("numbers", "math")
	decide.End()

	out := client.Clone()
	ctx, upstream := tracing.Upstream(ctx, OperationChat, "phi4-mini", "pool-a")
	tracing.Propagate(ctx, out)
	upstream.Model("", "phi4-mini-2026")
	upstream.Usage(12, 30)
	upstream.Status(http.StatusBadGateway)
	upstream.Fail("upstream_reset")
	upstream.End()
	request.Status(http.StatusBadGateway)
	return out
}

func checkWalk(t *testing.T, r *receiver, out http.Header) {
	t.Helper()
	got, from := r.got(t)
	if want := "service.name=vsr-proxy service.version=v1"; from != want {
		t.Errorf("resource: got %q, want %q", from, want)
	}
	want := map[string]struct {
		kind  spans.Span_SpanKind
		attrs string
		error bool
	}{
		"POST /v1/chat/completions": {spans.Span_SPAN_KIND_SERVER, "http.request.method=POST http.route=/v1/chat/completions vsr.request_id=req-1 " +
			"gen_ai.request.model=auto gen_ai.response.model=phi4-mini http.response.status_code=502", true},
		"classify": {spans.Span_SPAN_KIND_INTERNAL, "vsr.classify.tokens=9 vsr.classify.windows=1", false},
		"decide":   {spans.Span_SPAN_KIND_INTERNAL, "vsr.decision=numbers vsr.category=math", false},
		"chat phi4-mini": {spans.Span_SPAN_KIND_CLIENT, "gen_ai.operation.name=chat gen_ai.provider.name=openai gen_ai.request.model=phi4-mini vsr.pool=pool-a " +
			"gen_ai.response.model=phi4-mini-2026 gen_ai.usage.input_tokens=12 gen_ai.usage.output_tokens=30 http.response.status_code=502 error.type=upstream_reset", true},
	}
	server := got["POST /v1/chat/completions"]
	for name, w := range want {
		s := got[name]
		if s == nil {
			t.Errorf("no span %q", name)
			continue
		}
		if s.Kind != w.kind || attributes(s.Attributes) != w.attrs || (s.Status.GetCode() == spans.Status_STATUS_CODE_ERROR) != w.error {
			t.Errorf("span %q: got %v, %q, %v", name, s.Kind, attributes(s.Attributes), s.Status)
		}
		if fmt.Sprintf("%x", s.TraceId) != "4bf92f3577b34da6a3ce929d0e0e4736" {
			t.Errorf("span %q is in trace %x, not the client's", name, s.TraceId)
		}
		if s != server && !bytes.Equal(s.ParentSpanId, server.SpanId) {
			t.Errorf("span %q is not below the request", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d spans, want %d", len(got), len(want))
	}
	if client := got["chat phi4-mini"]; client != nil {
		if want := fmt.Sprintf("00-%x-%x-01", client.TraceId, client.SpanId); out.Get("Traceparent") != want {
			t.Errorf("upstream got traceparent %q, want %q", out.Get("Traceparent"), want)
		}
	}
	if out.Get("Tracestate") != "vendor=1" {
		t.Errorf("upstream got tracestate %q", out.Get("Tracestate"))
	}
	if len(r.keys) == 0 || r.keys[0] != "s3cret" {
		t.Errorf("collector got keys %q", r.keys)
	}
}

func clientHeaders() http.Header {
	return http.Header{"Traceparent": {goodParent}, "Tracestate": {"vendor=1"}}
}

func TestTracesReachACollectorOverHTTP(t *testing.T) {
	defer goleak.VerifyNone(t)
	r := &receiver{}
	srv := httptest.NewServer(r)
	defer srv.Close()
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // must not be used
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")

	tracing := mustTrace(t, TracingOptions{Endpoint: srv.URL, SampleRatio: 0, Version: "v1",
		Headers: map[string]secret.Secret{"x-api-key": secret.New("s3cret")}})
	out := walk(t.Context(), tracing, clientHeaders())
	shutdown(t, tracing)
	checkWalk(t, r, out)
	if len(r.paths) == 0 || r.paths[0] != "/v1/traces" {
		t.Errorf("exported to %q", r.paths)
	}
}

func TestTracesReachACollectorOverGRPC(t *testing.T) {
	defer goleak.VerifyNone(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r, srv := &receiver{}, grpc.NewServer()
	collector.RegisterTraceServiceServer(srv, r)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	defer func() { srv.Stop(); <-served }()

	tracing := mustTrace(t, TracingOptions{Endpoint: listener.Addr().String(), Protocol: ProtocolGRPC, Insecure: true, Version: "v1",
		Headers: map[string]secret.Secret{"x-api-key": secret.New("s3cret")}})
	out := walk(t.Context(), tracing, clientHeaders())
	shutdown(t, tracing)
	checkWalk(t, r, out)
}

func TestTracingIsFreeWhenOff(t *testing.T) {
	tracing := mustTrace(t, TracingOptions{})
	h, ctx := clientHeaders(), t.Context()
	allocs := testing.AllocsPerRun(100, func() {
		ctx, request := tracing.Request(ctx, h, "POST", "/v1/chat/completions", "req-1")
		_, classify := tracing.Classify(ctx)
		classify.Classified(9, 1)
		classify.End()
		_, upstream := tracing.Upstream(ctx, OperationChat, "phi4-mini", "pool-a")
		tracing.Propagate(ctx, h)
		upstream.Usage(12, 30)
		upstream.End()
		request.Status(http.StatusOK)
		request.End()
	})
	if allocs != 0 {
		t.Errorf("%v allocations per request, want 0", allocs)
	}
	if tracing.Enabled() || TraceID(ctx) != "" || h.Get("Traceparent") != goodParent {
		t.Error("tracing that is off must leave the client's trace context alone and start none")
	}
	shutdown(t, tracing)
}

func TestUnsampledTracesExportNothingAndStillPropagate(t *testing.T) {
	r := &receiver{}
	srv := httptest.NewServer(r)
	defer srv.Close()
	tracing := mustTrace(t, TracingOptions{Endpoint: srv.URL, SampleRatio: 0})
	out := walk(t.Context(), tracing, http.Header{"Traceparent": {"not one"}, "Tracestate": {"vendor=1"}})
	shutdown(t, tracing)
	if got, _ := r.got(t); len(got) != 0 {
		t.Errorf("%d spans of an unsampled trace", len(got))
	}
	if p := out.Get("Traceparent"); !validTraceParent(p) || !strings.HasSuffix(p, "-00") || out.Get("Tracestate") != "" {
		t.Errorf("upstream got %v", out)
	}
}

// S2: a long or broken name in a request is cut, not exported whole, and breaks no export.
func TestS2AttributesAreCutAndValid(t *testing.T) {
	r := &receiver{}
	srv := httptest.NewServer(r)
	defer srv.Close()
	tracing := mustTrace(t, TracingOptions{Endpoint: srv.URL, SampleRatio: 1})
	_, s := tracing.Request(t.Context(), http.Header{}, "POST", "/v1/chat/completions", "req-1")
	s.Model(strings.Repeat("x", 10_000), "\xff")
	s.End()
	shutdown(t, tracing)
	got, _ := r.got(t)
	span := got["POST /v1/chat/completions"]
	if span == nil {
		t.Fatal("no span arrived")
	}
	if a := attributes(span.Attributes); !strings.Contains(a, "gen_ai.request.model="+strings.Repeat("x", MaxAttribute)+" ") ||
		!strings.Contains(a, "gen_ai.response.model=\uFFFD") {
		t.Errorf("attributes are %q", a)
	}
}

func TestACollectorThatIsAwayIsLoggedAndStopsNothing(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer srv.Close()
	var log bytes.Buffer
	tracing := mustTrace(t, TracingOptions{Endpoint: srv.URL, SampleRatio: 1, Log: slog.New(slog.NewJSONHandler(&log, nil)),
		Headers: map[string]secret.Secret{"x-api-key": secret.New("s3cret")}})
	walk(t.Context(), tracing, http.Header{})
	shutdown(t, tracing)
	if got := log.String(); !strings.Contains(got, "trace export failed") || strings.Contains(got, "s3cret") {
		t.Errorf("log says %q", got)
	}
}

func TestBadTracingOptionsAreRefused(t *testing.T) {
	nan := 0.0
	for name, o := range map[string]TracingOptions{
		"ratio":         {Endpoint: "h:1", SampleRatio: 1.5},
		"ratio nan":     {Endpoint: "h:1", SampleRatio: nan / nan},
		"protocol":      {Endpoint: "h:1", Protocol: "http/json"},
		"scheme":        {Endpoint: "ftp://h:1"},
		"user":          {Endpoint: "http://me:s3cret@h:1"},
		"bad URL":       {Endpoint: "http://me:s3cret@[h"},
		"no host":       {Endpoint: "http://"},
		"query":         {Endpoint: "http://h:1?key=s3cret"},
		"path for grpc": {Endpoint: "http://h:1/v1/traces", Protocol: ProtocolGRPC},
	} {
		if _, err := NewTracing(t.Context(), o); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func TestTraceIDNamesTheSpansTrace(t *testing.T) {
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	if got := TraceID(trace.ContextWithSpanContext(t.Context(), sc)); got != "01"+strings.Repeat("0", 30) {
		t.Errorf("got %q", got)
	}
}

func mustTrace(t *testing.T, o TracingOptions) *Tracing {
	t.Helper()
	tracing, err := NewTracing(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return tracing
}

func shutdown(t *testing.T, tracing *Tracing) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := tracing.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
