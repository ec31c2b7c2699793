package extproc

import (
	"net/url"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/exchange"
)

// notReady fails the stream instead of answering the client: failure_mode_allow
// says what Envoy does without a processor, and one that still loads is none.
var notReady = status.Error(codes.Unavailable, exchange.NotReady.Message)

// admit does what needs no body: the route, the checks of headers, a place. It
// answers what the configuration can answer.
func (s *stream) admit(h head, empty bool) *chat.Error {
	u, err := url.ParseRequestURI(h.path)
	if err != nil {
		u = &url.URL{Path: h.path}
	}
	to, wrong := exchange.Find(h.method, u)
	name := exchange.NoRoute
	if wrong == nil {
		name = to.Pattern
	}
	s.x, s.ctx = s.door.core.Begin(s.ctx, s.gen, name, h.method, h.fields)
	// Waiting for a place and for memory must leave time enough of Envoy's for
	// classifying, which may take three quarters of it (X8).
	s.x.Wait = min(s.x.Wait, s.gen.Config.ExtProc.MessageTimeout/16)
	refusal := s.x.CheckFields(h.fields)
	if refusal == nil {
		s.leave, refusal = s.x.Enter(s.ctx)
	}
	switch {
	case refusal != nil:
		return refusal
	case wrong != nil:
		return wrong
	case !to.TakesBody():
		return s.models(u)
	}
	s.request.to = to
	if empty {
		s.request.length = 0
	}
	s.request.form, refusal = s.x.CheckBody(h.fields, to, s.request.length)
	return refusal
}

// models answers a route that goes to no backend.
func (s *stream) models(u *url.URL) *chat.Error {
	body, refusal := s.x.Models(u)
	if refusal != nil {
		return refusal
	}
	s.x.Status, s.refused = 200, true
	headers := newMutation()
	s.x.Greet(headers.set)
	headers.set("content-type", "application/json")
	_ = s.send(answer(200, body, headers, "vsr_models")) // it fails only when Envoy left
	return nil
}

func lengthOf(h head) int64 {
	if values := h.fields["Content-Length"]; len(values) == 1 {
		if n, err := strconv.ParseInt(values[0], 10, 64); err == nil && n >= 0 {
			return n
		}
	}
	return -1
}
