package proxy

import (
	"context"
	"net/http"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
	"github.com/vsr-proxy/vsr-proxy/upstream"
)

const (
	headerRequestID  = "X-Request-Id"
	statusClientGone = router.StatusClientGone
)

var clientGone = &chat.Error{
	Status: statusClientGone, Type: "server_error", Code: "client_closed_request", Message: "The client closed the request.",
}

// exchange is one request and all that is learnt about it.
type exchange struct {
	door  *Door
	gen   *live.Generation
	route string
	w     http.ResponseWriter
	r     *http.Request
	ctx   context.Context // of r, with the request's span
	span  telemetry.Span
	id    string
	start time.Time

	decision *router.Decision
	facts    upstream.Facts
	failure  error // of the upstream exchange
	cut      bool  // the answer broke off after its head was sent
	refusal  *chat.Error
	status   int // sent, or 499 for a client that left
}

func newExchange(d *Door, gen *live.Generation, route string, w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{door: d, gen: gen, route: route, w: w, r: r, id: telemetry.RequestID(r.Header), start: time.Now()}
	x.ctx, x.span = d.tracing.Request(r.Context(), r.Header, r.Method, route, x.id)
	return x
}

// fail answers with an error. A client that left gets nothing.
func (x *exchange) fail(e *chat.Error) {
	x.refusal, x.status = e, e.Status
	if e.Status == statusClientGone {
		return
	}
	path := router.PathError
	if x.decision != nil {
		path = x.decision.Path
		if path == router.PathUpstream || path == router.PathDegraded {
			path = router.PathError // decided, but the backend failed
		}
	}
	x.w.Header().Set(router.HeaderResponsePath, string(path))
	// net/http reads what is left of a body before it answers. It shall not wait
	// for it longer than for a body that is wanted.
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(x.gen.Config.Server.Limits.BodyTimeout))
	chat.WriteError(x.w, e)
}
