package proxy

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/exchange"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/upstream"
)

// forward is the walk of a request with a body.
func (x *call) forward(to *exchange.Route) {
	form, refusal := x.CheckBody(x.r.Header, to, x.r.ContentLength)
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
	x.Decide(x.ctx, router.Request{Kind: to.Kind, Form: form, Body: body})
	if x.Decision.Error != nil {
		x.fail(x.Decision.Error)
		return
	}
	x.send(to)
}

// send goes upstream and copies the answer back.
func (x *call) send(to *exchange.Route) {
	ctx, span := x.Send(x.ctx, to.Kind)
	defer x.Ended(true)
	defer span.End()
	answer, err := x.Gen.Upstream.Do(ctx, x.outgoing(ctx))
	if err != nil {
		x.UpstreamFailed(span, err)
		x.fail(upstreamError(err))
		return
	}
	if answer.Retried {
		x.Retried()
	}
	h := x.w.Header()
	x.Decorate(h.Set)
	if answer.Header.Get(exchange.HeaderRequestID) != "" {
		h.Del(exchange.HeaderRequestID) // the upstream's own is the one its logs know
	}
	x.Status = answer.Status
	passed := func(reason string) { h.Set(router.HeaderUnmasked, reason) }
	x.Facts, err = upstream.Relay(x.w, answer, upstream.RelayOptions{Reserved: router.Reserved, Rewrite: x.Unmasking(passed)})
	span.Usage(x.Facts.PromptTokens, x.Facts.CompletionTokens)
	if err != nil {
		x.UpstreamFailed(span, err)
		x.cut = true
		if upstreamError(err) == exchange.ClientGone {
			x.Status = statusClientGone
		}
	}
	span.Status(x.Status)
}

// outgoing is the request to the backend. The client's headers travel on but for
// the reserved ones and those that belong to this connection alone.
func (x *call) outgoing(ctx context.Context) upstream.Call {
	h := x.r.Header.Clone()
	dropConnection(h)
	router.StripReserved(h)
	x.Towards(h.Set)
	x.Propagate(ctx, h)
	return upstream.Call{
		Pool: x.Decision.Pool, Method: x.r.Method, Path: x.Route, RawQuery: x.r.URL.RawQuery,
		Header: h, Body: x.Decision.Body, HideUsage: x.Decision.AskedUsage, Readable: x.Unmasks(),
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
			return exchange.ClientGone
		}
	}
	return chat.UpstreamUnavailable()
}

var badTarget = &chat.Error{
	Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "invalid_url",
	Message: "The query of the URL holds characters that can't be sent on.",
}
