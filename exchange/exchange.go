// Package exchange holds what both doors do with one request: the closed list of
// routes, what is refused before the body is read, the memory that a body may
// take, the call that decides, what the client learns of it, and the record at
// the end: metrics, spans, one log line.
//
// It promises that the doors cannot differ in any of that, because neither has it
// for itself. A door brings headers and bytes and carries away headers, bytes and
// refusals; this room opens no socket, and it must not know whether they travel
// over HTTP or through Envoy.
package exchange

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
	"github.com/vsr-proxy/vsr-proxy/upstream"
)

// HeaderRequestID is the one header name beside router's that both doors set.
const HeaderRequestID = "X-Request-Id"

// ClientGone is the refusal of a client that left; it is recorded and never sent.
var ClientGone = &chat.Error{
	Status: router.StatusClientGone, Type: "server_error", Code: "client_closed_request", Message: "The client closed the request.",
}

// NotReady is the answer while there is no generation.
var NotReady = &chat.Error{
	Status: http.StatusServiceUnavailable, Type: "server_error", Code: "not_ready", Message: "The proxy is not ready.",
}

// Core is what the exchanges of one door have in common.
type Core struct {
	metrics *telemetry.Metrics
	tracing *telemetry.Tracing
	log     *slog.Logger
}

// NewCore gives a core that records to where it is told.
func NewCore(m *telemetry.Metrics, t *telemetry.Tracing, log *slog.Logger) *Core {
	return &Core{metrics: m, tracing: t, log: log}
}

// Exchange is one request and all that is learnt about it. It belongs to one
// goroutine. Its door fills in what it alone can see: Status, Facts, Failure.
type Exchange struct {
	Gen   *live.Generation // of which the door holds one use
	Route string           // its pattern, NoRoute where there is none
	ID    string           // of the request, safe in a header
	Debug bool             // the client asked for the debug headers

	Decision *router.Decision
	Facts    upstream.Facts
	Failure  error // of the exchange with the backend
	Refusal  *chat.Error
	Status   int // sent, or 499 for a client that left

	// Wait is how long the request waits for a place, and for memory.
	Wait time.Duration

	core  *Core
	span  telemetry.Span
	start time.Time
	size  int // of a body that is forgotten
}

// Begin starts an exchange for a request with the headers h. The context that it
// gives holds the request's span; the door owes Close with it.
func (c *Core) Begin(ctx context.Context, gen *live.Generation, route, method string, h http.Header) (*Exchange, context.Context) {
	x := &Exchange{
		Gen: gen, Route: route, ID: telemetry.RequestID(h), Debug: h.Get(router.HeaderDebug) == "true", core: c, start: time.Now(),
		Wait: gen.Config.Server.Limits.Wait,
	}
	ctx, x.span = c.tracing.Request(ctx, h, method, route, x.ID)
	return x, ctx
}

// Decide makes the one call.
func (x *Exchange) Decide(ctx context.Context, req router.Request) {
	req.Trace = x.Debug
	ctx, span := x.core.tracing.Decide(ctx)
	x.Decision = x.Gen.Router.Decide(ctx, req)
	span.Decision(x.Decision.Name, x.Decision.Category())
	span.End()
}

// Unread decides about a request of which the door does not get the whole body
// before its headers must go on.
func (x *Exchange) Unread(kind chat.Kind) {
	x.Decision = x.Gen.Router.Unread(kind, x.Gen.Config.ExtProc.OnUnreadBody == config.UnreadBodyDefault)
}

// Forget lets go of the body when it has left, and of the texts in it, so that a
// long answer does not hold them: what is recorded at the end are names and sizes.
func (x *Exchange) Forget() {
	d, r := *x.Decision, x.Decision.Request
	x.size = len(r.Body)
	d.Body = nil
	d.Request = &chat.Request{
		Kind: r.Kind, Model: r.Model, Stream: r.Stream, Media: r.Media, UnreadTokenPrompts: r.UnreadTokenPrompts,
		StoredContext: r.StoredContext, JSONOutput: r.JSONOutput,
	}
	x.Decision = &d
}

// Send notes that the request goes on to its model. The door owes Ended, and an
// end of the span, which is that of the exchange with the backend.
func (x *Exchange) Send(ctx context.Context, kind chat.Kind) (context.Context, telemetry.Span) {
	x.core.metrics.RequestStarted(x.Decision.Model)
	return x.core.tracing.Upstream(ctx, operations[kind], x.Decision.Model, x.Decision.Pool)
}

// Ended notes that nothing more comes of what Send began. seen says that its
// answer was, so that the time means something.
func (x *Exchange) Ended(seen bool) {
	if !seen {
		x.core.metrics.RequestLost(x.Decision.Model)
		return
	}
	x.core.metrics.RequestEnded(x.Decision.Model, time.Since(x.start))
}

var operations = map[chat.Kind]string{
	chat.Chat:        telemetry.OperationChat,
	chat.Responses:   telemetry.OperationChat,
	chat.Completions: telemetry.OperationCompletion,
}

// Propagate gives the headers of the request to the backend its trace context.
func (x *Exchange) Propagate(ctx context.Context, h http.Header) { x.core.tracing.Propagate(ctx, h) }
