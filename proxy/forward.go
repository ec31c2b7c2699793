package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
	"github.com/vsr-proxy/vsr-proxy/upstream"
)

// forward is the walk of a request with a body.
func (x *exchange) forward(to route) {
	form, refusal := checkType(x.r.Header, to.form)
	if refusal != nil {
		x.fail(refusal)
		return
	}
	body, free, refusal := x.gather()
	defer free()
	if refusal != nil {
		x.fail(refusal)
		return
	}
	debug := x.r.Header.Get(router.HeaderDebug) == "true"
	ctx, span := x.door.tracing.Decide(x.ctx)
	x.decision = x.gen.Router.Decide(ctx, router.Request{Kind: to.kind, Form: form, Body: body, Trace: debug})
	span.Decision(x.decision.Name, x.decision.Category())
	span.End()
	if x.decision.Error != nil {
		x.explainRefusal(x.w.Header(), debug)
		x.fail(x.decision.Error)
		return
	}
	x.send(to, debug)
}

// send goes upstream and copies the answer back.
func (x *exchange) send(to route, debug bool) {
	d := x.decision
	x.door.metrics.RequestStarted(d.Model)
	defer func() { x.door.metrics.RequestEnded(d.Model, time.Since(x.start)) }()
	ctx, span := x.door.tracing.Upstream(x.ctx, operations[to.kind], d.Model, d.Pool)
	defer span.End()
	answer, err := x.gen.Upstream.Do(ctx, x.call(ctx))
	if err != nil {
		x.upstreamFailed(span, err)
		x.fail(upstreamError(err))
		return
	}
	if answer.Retried {
		x.door.metrics.UpstreamRetry(d.Pool)
	}
	x.decorate(x.w.Header(), debug)
	if answer.Header.Get(headerRequestID) != "" {
		x.w.Header().Del(headerRequestID) // the upstream's own is the one its logs know
	}
	x.status = answer.Status
	x.facts, err = upstream.Relay(x.w, answer, upstream.RelayOptions{Reserved: router.Reserved, Rewrite: x.unmasking()})
	span.Usage(x.facts.PromptTokens, x.facts.CompletionTokens)
	if err != nil {
		x.upstreamFailed(span, err)
		x.cut = true
		if upstreamError(err) == clientGone {
			x.status = statusClientGone
		}
	}
	span.Status(x.status)
}

var operations = map[chat.Kind]string{
	chat.Chat:        telemetry.OperationChat,
	chat.Responses:   telemetry.OperationChat,
	chat.Completions: telemetry.OperationCompletion,
}

func (x *exchange) upstreamFailed(span telemetry.Span, err error) {
	x.failure = err
	reason := failureReason(err)
	span.Fail(reason)
	x.door.metrics.UpstreamFailure(x.decision.Pool, reason)
	var f *upstream.Failure
	if errors.As(err, &f) && f.Retried {
		x.door.metrics.UpstreamRetry(x.decision.Pool)
	}
}

func failureReason(err error) string {
	var f *upstream.Failure
	if errors.As(err, &f) {
		return f.Reason
	}
	return "other"
}

// call is the outgoing request. The client's headers travel on but for the
// reserved ones and those that belong to this connection alone.
func (x *exchange) call(ctx context.Context) upstream.Call {
	h := x.r.Header.Clone()
	dropConnection(h)
	router.StripReserved(h)
	h.Set(router.HeaderSelectedModel, x.decision.Model)
	h.Set(router.HeaderRequestID, x.id)
	h.Set(headerRequestID, x.id)
	x.door.tracing.Propagate(ctx, h)
	return upstream.Call{
		Pool: x.decision.Pool, Method: x.r.Method, Path: x.route, RawQuery: x.r.URL.RawQuery,
		Header: h, Body: x.decision.Body, HideUsage: x.decision.AskedUsage, Readable: x.unmasks(),
	}
}

// dropConnection takes out what a Connection header names, and the header itself,
// before ours are set: else a client could name ours away.
func dropConnection(h http.Header) {
	for _, value := range h["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	h.Del("Connection")
}

// upstreamError words a failure for the client, without addresses.
func upstreamError(err error) *chat.Error {
	var f *upstream.Failure
	if errors.As(err, &f) {
		switch f.Status {
		case http.StatusGatewayTimeout:
			return chat.UpstreamTimeout()
		case http.StatusBadRequest:
			return badTarget
		case statusClientGone:
			return clientGone
		}
	}
	return chat.UpstreamUnavailable()
}

var badTarget = &chat.Error{
	Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "invalid_url",
	Message: "The query of the URL holds characters that can't be sent on.",
}

// decorate sets what the client learns about the decision.
func (x *exchange) decorate(h http.Header, debug bool) {
	d := x.decision
	h.Set(router.HeaderResponsePath, string(d.Path))
	h.Set(router.HeaderModel, d.Model)
	h.Set(router.HeaderDecision, headerSafe(d.Name))
	if d.Category() != "" {
		h.Set(router.HeaderCategory, headerSafe(d.Category()))
		h.Set(router.HeaderConfidence, strconv.FormatFloat(d.Confidence(), 'f', 3, 64))
	}
	if d.Degraded != "" {
		h.Set(router.HeaderDegraded, d.Degraded)
	}
	if d.Mask != nil {
		h.Set(router.HeaderMasked, strconv.Itoa(d.Mask.Values()))
	}
	if n := d.Unread(); n > 0 {
		h.Set(router.HeaderUnread, strconv.Itoa(n))
	}
	if debug {
		debugging(h, d)
	}
}

// explainRefusal sets what the client learns about a decision that refuses: which
// one it is, and no category and no score.
func (x *exchange) explainRefusal(h http.Header, debug bool) {
	d := x.decision
	if d.Name == "" {
		return
	}
	h.Set(router.HeaderDecision, headerSafe(d.Name))
	if debug {
		debugging(h, d)
	}
}

func debugging(h http.Header, d *router.Decision) {
	h.Set(router.HeaderSignals, matchedSignals(d))
	h.Set(router.HeaderTimings, timings(d))
}

func matchedSignals(d *router.Decision) string {
	var names []string
	for _, s := range d.Signals {
		if s.Matched {
			names = append(names, s.Type+":"+strings.ReplaceAll(headerSafe(s.Name), ",", "_"))
		}
	}
	return strings.Join(names, ",")
}

// headerSafe keeps an operator's name from breaking a header.
func headerSafe(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f {
			return '_'
		}
		return r
	}, name)
}

// timings are in milliseconds; a Duration's own text is not plain ASCII.
func timings(d *router.Decision) string {
	ms := func(t time.Duration) float64 { return t.Seconds() * 1e3 }
	t := d.Elapsed
	return fmt.Sprintf("parse=%.3f,classify=%.3f,rules=%.3f,splice=%.3f,total=%.3f", ms(t.Parse), ms(t.Classify), ms(t.Rules), ms(t.Splice), ms(t.Total))
}
