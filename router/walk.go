package router

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/config"
)

// walk tries the decisions in order; otherwise is the target if none matches. Of
// a request that names its model (d.Guarded) it tries only those that protect.
func (r *Router) walk(ctx context.Context, d *Decision, trace bool, otherwise target) (target, bool) {
	start := time.Now()
	e := &evaluation{router: r, ctx: ctx, decision: d, trace: trace}
	defer func() { d.Elapsed.Rules = time.Since(start) - d.Elapsed.Classify }()
	var lost missing // signals of a decision that chooses a model
	for i := range r.decisions {
		one := &r.decisions[i]
		// What could not be routed must still not pass a decision that protects.
		if d.Guarded && !one.everywhere || lost.any() && !one.guards {
			continue
		}
		e.guarding, e.missing = one.guards, missing{}
		holds := one.when.holds(e)
		if holds == unknown && errors.Is(ctx.Err(), context.Canceled) {
			return d.refuse(clientGone)
		}
		if trace {
			e.step("decision "+one.name, holds.String(), 0)
		}
		switch {
		case holds == yes:
			return r.apply(e, one, otherwise)
		case holds == unknown && one.guards:
			if !r.passes(d, one, e.missing) {
				return target{}, false
			}
		case holds == unknown:
			lost = e.missing
		}
	}
	if lost.any() {
		return r.withoutLabels(d, lost)
	}
	return otherwise, true
}

// apply does what a decision that matched says; otherwise is the target if it
// names none.
func (r *Router) apply(e *evaluation, one *decision, otherwise target) (target, bool) {
	d := e.decision
	d.Name = one.name
	switch one.action {
	case config.ActionBlock:
		d.Error, d.Path = blocked(one.name), PathBlocked
		return target{}, false
	case config.ActionMask:
		if err := e.mask(one); err != nil {
			d.refuse(err)
			d.Name = one.name
			return target{}, false
		}
		if one.to.model == "" {
			return otherwise, true
		}
	}
	return one.to, true
}

// guardPolicy is what becomes of a request that a protecting decision could not
// be made about.
type guardPolicy struct{ failureAllows, unreadAllows bool }

// GuardFailure is a protecting decision that could not be made.
type GuardFailure struct {
	Decision string
	Reason   string // an outcome of classify, or "unread"
	Refused  bool   // else the request went on as if the decision did not match
}

// reasonUnread says that the classifier did not read all of the text.
const reasonUnread = "unread"

// passes applies the policy for a protecting decision that could not be made, or
// sets d.Error and gives false. Where there is no text at all there is nothing to
// protect from.
func (r *Router) passes(d *Decision, one *decision, m missing) bool {
	failure := GuardFailure{Decision: one.name}
	switch {
	case m.failed != nil:
		failure.Reason = classify.Outcome(m.failed, classify.Result{})
		failure.Refused = !r.guard.failureAllows || m.unread && !r.guard.unreadAllows
	case m.unread:
		failure.Reason, failure.Refused = reasonUnread, !r.guard.unreadAllows
	default:
		return true
	}
	d.GuardFailures = append(d.GuardFailures, failure)
	if failure.Refused {
		d.refuse(notProtected(failure.Reason))
		d.Name = one.name
	}
	return !failure.Refused
}

// withoutLabels applies the policy for a prompt that was not, or not wholly,
// classified for routing.
func (r *Router) withoutLabels(d *Decision, m missing) (target, bool) {
	policy, reason := "default", classify.OutcomeNoText // an image alone has nothing to judge
	switch {
	case m.failed != nil:
		policy, reason = r.onFailure, classify.Outcome(m.failed, classify.Result{})
	case m.unread:
		policy, reason = r.onUnread, reasonUnread
	}
	if policy == "refuse" {
		return d.refuse(notClassified(reason))
	}
	d.Path, d.Degraded = PathDegraded, reason
	return r.fallback, true
}

// StatusClientGone is the status logged for a client that left before the
// answer; it is never sent.
const StatusClientGone = 499

var clientGone = &chat.Error{Status: StatusClientGone, Type: "server_error", Code: "client_closed_request", Message: "The client closed the request."}

func notClassified(reason string) *chat.Error {
	return &chat.Error{
		Status: http.StatusServiceUnavailable, Type: "server_error", Code: "classification_failed", NoRetry: true,
		Message: fmt.Sprintf("The prompt could not be classified (%s) and the configuration refuses such requests.", reason),
	}
}

func notProtected(reason string) *chat.Error {
	return &chat.Error{
		Status: http.StatusServiceUnavailable, Type: "server_error", Code: "classification_failed", NoRetry: true,
		Message: fmt.Sprintf("The prompt could not be checked (%s) and a protecting rule refuses what it can't check.", reason),
	}
}

// blocked says which decision refuses the request, and nothing of why: scores
// would tell how to get around it.
func blocked(decision string) *chat.Error {
	return &chat.Error{
		Status: http.StatusForbidden, Type: "invalid_request_error", Code: "content_blocked", NoRetry: true,
		Message: fmt.Sprintf("The request was blocked by the decision %q.", decision),
	}
}
