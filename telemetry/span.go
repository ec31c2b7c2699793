package telemetry

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Operations of OpenTelemetry's gen_ai.operation.name.
const (
	OperationChat       = "chat"
	OperationCompletion = "text_completion"
	OperationEmbeddings = "embeddings"
)

// providerOpenAI is gen_ai.provider.name for everything we speak to: OpenAI's protocol.
const providerOpenAI = "openai"

// Span is one step of a request. The zero Span records nothing; every span must be ended once.
type Span struct{ s trace.Span }

// Request starts the span of a whole request as its server, below the client's trace context if it sent some.
// Route is the pattern that matched, never the path.
func (t *Tracing) Request(ctx context.Context, h http.Header, method, route, requestID string) (context.Context, Span) {
	if !t.Enabled() {
		return ctx, Span{}
	}
	if parents := h[headerTraceParent]; len(parents) == 1 && validTraceParent(parents[0]) {
		ctx = t.propagator.Extract(ctx, propagation.HeaderCarrier(h))
	}
	return t.start(ctx, method+" "+route, trace.SpanKindServer,
		attribute.String(attrMethod, method), attribute.String(attrRoute, route), attribute.String(attrRequestID, requestID))
}

// Classify starts the span of a classification.
func (t *Tracing) Classify(ctx context.Context) (context.Context, Span) {
	if !t.Enabled() {
		return ctx, Span{}
	}
	return t.start(ctx, spanClassify, trace.SpanKindInternal)
}

// Decide starts the span of evaluating the rules.
func (t *Tracing) Decide(ctx context.Context) (context.Context, Span) {
	if !t.Enabled() {
		return ctx, Span{}
	}
	return t.start(ctx, spanDecide, trace.SpanKindInternal)
}

// Upstream starts the span of one exchange with a backend, as its client. Operation is one of the Operation constants,
// or "" for an endpoint that the conventions have no word for.
func (t *Tracing) Upstream(ctx context.Context, operation, model, pool string) (context.Context, Span) {
	if !t.Enabled() {
		return ctx, Span{}
	}
	if operation == "" {
		operation = "request"
	}
	return t.start(ctx, operation+" "+model, trace.SpanKindClient,
		attribute.String(attrOperation, operation), attribute.String(attrProvider, providerOpenAI),
		attribute.String(attrRequestModel, model), attribute.String(attrPool, pool))
}

func (t *Tracing) start(ctx context.Context, name string, kind trace.SpanKind, attrs ...attribute.KeyValue) (context.Context, Span) {
	ctx, s := t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attrs...))
	return ctx, Span{s}
}

// Model names what was asked for (on a request span) and what answers; "" leaves one out.
func (s Span) Model(requested, answering string) {
	s.text(attrRequestModel, requested)
	s.text(attrResponseModel, answering)
}

// Usage records the tokens a backend reported.
func (s Span) Usage(input, output int) {
	if s.s != nil {
		s.s.SetAttributes(attribute.Int(attrInputTokens, input), attribute.Int(attrOutputTokens, output))
	}
}

// Decision records which decision was taken and the category that led to it; "" leaves one out.
func (s Span) Decision(name, category string) {
	s.text(attrDecision, name)
	s.text(attrCategory, category)
}

// Classified records how much text was classified.
func (s Span) Classified(tokens, windows int) {
	if s.s != nil {
		s.s.SetAttributes(attribute.Int(attrTokens, tokens), attribute.Int(attrWindows, windows))
	}
}

// Status records the HTTP status. By the conventions a 4xx is an error to the client of an exchange, and to a server
// only a 5xx is; call [Span.Fail] for the former.
func (s Span) Status(code int) {
	if s.s == nil {
		return
	}
	s.s.SetAttributes(attribute.Int(attrStatus, code))
	if code >= http.StatusInternalServerError {
		s.s.SetStatus(codes.Error, "")
	}
}

// Fail marks the span as failed for a reason in one word of this program's source, never an error's text, which might
// quote a request.
func (s Span) Fail(reason string) {
	if s.s != nil {
		s.s.SetAttributes(attribute.String(attrErrorType, reason))
		s.s.SetStatus(codes.Error, reason)
	}
}

// End ends the span.
func (s Span) End() {
	if s.s != nil {
		s.s.End()
	}
}

func (s Span) text(key, value string) {
	if s.s != nil && value != "" {
		s.s.SetAttributes(attribute.String(key, strings.ToValidUTF8(value, "\uFFFD"))) // protobuf refuses anything else
	}
}
