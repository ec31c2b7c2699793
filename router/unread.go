package router

import (
	"context"
	"net/http"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/config"
)

// DegradedBodyUnread is why a request went to the default model that its door
// could not read before it had to go on.
const DegradedBodyUnread = "body_unread"

// Unread decides about a request whose body the door does not get, or not whole,
// before it must answer. The default model serves it where the configuration says
// so, and no decision that protects would have had to be made.
func (r *Router) Unread(kind chat.Kind, serves bool) *Decision {
	d := &Decision{Path: PathDegraded, Name: DecisionDefault, Degraded: DegradedBodyUnread, Request: &chat.Request{Kind: kind}}
	if !serves {
		d.refuse(bodyUnread)
		return d
	}
	for i := range r.decisions {
		one := &r.decisions[i]
		if kind == chat.ByModel || !one.guards {
			continue
		}
		refused := !r.guard.unreadAllows || one.action == config.ActionMask
		d.GuardFailures = append(d.GuardFailures, GuardFailure{Decision: one.name, Reason: DegradedBodyUnread, Refused: refused})
		if refused {
			d.refuse(notProtected(DegradedBodyUnread))
			d.Name = one.name
			return d
		}
	}
	d.Model, d.Pool = r.fallback.model, r.fallback.pool
	return d
}

// late is choose for a request whose headers went on before its body was read.
// What protects is tried all the same: the body can still be refused.
func (r *Router) late(ctx context.Context, d *Decision, trace bool) (target, bool) {
	d.Name = DecisionDefault
	_, ok := r.unless(ctx, d, trace, r.fallback)
	if ok {
		d.Path, d.Degraded = PathDegraded, DegradedBodyUnread
	}
	return r.fallback, ok
}

var bodyUnread = &chat.Error{
	Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "body_not_sent", NoRetry: true,
	Message: "The gateway does not send the whole body of this request, so no model can be chosen for it.",
}
