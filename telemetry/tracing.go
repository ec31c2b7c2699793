package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"google.golang.org/grpc"

	"github.com/vsr-proxy/vsr-proxy/secret"
)

// Protocols of [TracingOptions].
const (
	ProtocolHTTP = "http/protobuf"
	ProtocolGRPC = "grpc"
)

// MaxAttribute is the length in bytes at which a span attribute is cut.
const MaxAttribute = 256

const (
	exportTimeout = 10 * time.Second // of one export; OpenTelemetry's default
	maxQueued     = 2048             // ended spans kept until they are exported; more are dropped
	scope         = "github.com/vsr-proxy/vsr-proxy/telemetry"
)

// TracingOptions is what [NewTracing] is told. Only the options count: OTEL_* and proxy variables of the environment
// change neither target nor headers.
type TracingOptions struct {
	Endpoint    string                   // collector's URL, or host:port; empty turns tracing off
	Protocol    string                   // ProtocolHTTP (also when empty) or ProtocolGRPC
	Insecure    bool                     // no TLS towards a host:port; a URL's scheme says it itself
	Headers     map[string]secret.Secret // sent with every export, for instance an API key
	SampleRatio float64                  // 0..1, of traces that start here; a caller's sampled trace is always kept
	ServiceName string                   // service.name; "vsr-proxy" when empty
	Version     string                   // service.version
	Log         *slog.Logger             // told of exports that fail; nil is silent
}

// Tracing starts spans and carries W3C trace context. The nil *Tracing is one that is off.
type Tracing struct {
	provider   *sdktrace.TracerProvider // nil when off
	tracer     trace.Tracer
	propagator propagation.TraceContext
}

// NewTracing returns tracing towards a collector, or one that is off, costs nothing and allocates nothing when
// o.Endpoint is empty. It does not connect: a collector that is away loses spans and is logged, it stops no request.
func NewTracing(ctx context.Context, o TracingOptions) (*Tracing, error) {
	if o.Endpoint == "" {
		return &Tracing{}, nil
	}
	if !(o.SampleRatio >= 0 && o.SampleRatio <= 1) { // written so that NaN is refused too
		return nil, fmt.Errorf("trace sample ratio %v is not within 0..1", o.SampleRatio)
	}
	exporter, err := newExporter(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("set up trace export: %w", err)
	}
	service := o.ServiceName
	if service == "" {
		service = "vsr-proxy"
	}
	limits := sdktrace.NewSpanLimits()
	limits.AttributeValueLengthLimit = MaxAttribute
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&loggedExporter{exporter, o.Log},
			sdktrace.WithMaxQueueSize(maxQueued), sdktrace.WithExportTimeout(exportTimeout)),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.SampleRatio))),
		sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", service), attribute.String("service.version", o.Version))),
	)
	return &Tracing{provider: provider, tracer: provider.Tracer(scope, trace.WithInstrumentationVersion(o.Version))}, nil
}

// Enabled reports whether spans are recorded.
func (t *Tracing) Enabled() bool { return t != nil && t.provider != nil }

// Shutdown exports what is queued and stops, at the latest when ctx ends.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if !t.Enabled() {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("shut down tracing: %w", err)
	}
	return nil
}

// Propagate makes h, the headers of a request towards an upstream, carry trace context: that of the span in ctx when
// tracing is on, the client's own when it is off and well formed, else none.
func (t *Tracing) Propagate(ctx context.Context, h http.Header) {
	dropBadTraceContext(h)
	if t.Enabled() && trace.SpanContextFromContext(ctx).IsValid() {
		h.Del(headerTraceState)
		t.propagator.Inject(ctx, propagation.HeaderCarrier(h))
	}
}

// TraceID returns the trace that ctx belongs to in hex, for a log line, or "" if there is none.
func TraceID(ctx context.Context) string {
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
		return id.String()
	}
	return ""
}

// target is a collector's address taken apart.
type target struct {
	host, path string
	insecure   bool
}

func parseEndpoint(endpoint string, insecure bool) (target, error) {
	if !strings.Contains(endpoint, "://") {
		scheme := "https://"
		if insecure {
			scheme = "http://"
		}
		endpoint = scheme + endpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return target{}, errors.New("endpoint is no URL") // url.Parse's text quotes the URL, which may hold a password
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return target{}, errors.New("endpoint must be http://host:port, https://host:port or host:port, with no user and no query")
	}
	return target{host: u.Host, path: strings.TrimSuffix(u.Path, "/"), insecure: u.Scheme == "http"}, nil
}

func newExporter(ctx context.Context, o TracingOptions) (sdktrace.SpanExporter, error) {
	to, err := parseEndpoint(o.Endpoint, o.Insecure)
	if err != nil {
		return nil, err
	}
	headers := make(map[string]string, len(o.Headers))
	for name, value := range o.Headers {
		headers[name] = value.Reveal()
	}
	switch o.Protocol {
	case ProtocolHTTP, "":
		return newHTTPExporter(ctx, to, headers)
	case ProtocolGRPC:
		return newGRPCExporter(ctx, to, headers)
	default:
		return nil, fmt.Errorf("protocol %q is neither %q nor %q", o.Protocol, ProtocolHTTP, ProtocolGRPC)
	}
}

func newHTTPExporter(ctx context.Context, to target, headers map[string]string) (sdktrace.SpanExporter, error) {
	if to.path == "" {
		to.path = "/v1/traces" // OTLP/HTTP's default path
	}
	opts := []otlptracehttp.Option{
		otlptracehttp.WithEndpoint(to.host),
		otlptracehttp.WithURLPath(to.path),
		otlptracehttp.WithHeaders(headers),
		otlptracehttp.WithTimeout(exportTimeout),
		otlptracehttp.WithProxy(func(*http.Request) (*url.URL, error) { return nil, nil }),
	}
	if to.insecure {
		opts = append(opts, otlptracehttp.WithInsecure())
	}
	return otlptracehttp.New(ctx, opts...)
}

func newGRPCExporter(ctx context.Context, to target, headers map[string]string) (sdktrace.SpanExporter, error) {
	if to.path != "" {
		return nil, fmt.Errorf("a %s endpoint has no path", ProtocolGRPC)
	}
	opts := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(to.host),
		otlptracegrpc.WithHeaders(headers),
		otlptracegrpc.WithTimeout(exportTimeout),
		otlptracegrpc.WithDialOption(grpc.WithNoProxy()),
	}
	if to.insecure {
		opts = append(opts, otlptracegrpc.WithInsecure())
	}
	return otlptracegrpc.New(ctx, opts...)
}

// loggedExporter tells a logger of failed exports. OpenTelemetry would tell a process-wide handler.
type loggedExporter struct {
	sdktrace.SpanExporter
	log *slog.Logger
}

func (e *loggedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil && e.log != nil {
		e.log.WarnContext(ctx, "trace export failed", "spans", len(spans), "error", err)
	}
	return nil
}
