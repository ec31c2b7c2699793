package extproc

import (
	"strconv"
	"time"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/vsr-proxy/vsr-proxy/router"
)

// decide makes the decision on a whole body, and sends it on. ends says that no
// trailers follow.
func (s *stream) decide(body []byte, ends bool) error {
	s.deadline.Stop()
	s.x.Decide(s.ctx, s.question(body))
	if s.x.Decision.Error != nil {
		return s.refuse(s.x.Decision.Error)
	}
	s.request.phase = decided
	s.begin()
	err := s.sendDecision(body, ends)
	s.x.Forget()
	s.request.free()
	return err
}

func (s *stream) question(body []byte) router.Request {
	return router.Request{Kind: s.request.to.Kind, Form: s.request.form, Body: body, AnswerUnseen: !s.modes.seesAnswer()}
}

// sendDecision answers with the headers and the body to send on.
func (s *stream) sendDecision(body []byte, ends bool) error {
	changed := s.x.Decision.Body
	headers := s.towards()
	if s.modes.request == fullDuplex {
		if s.request.length >= 0 {
			headers.remove("content-length")
		}
		common := &ext.CommonResponse{HeaderMutation: headers.message(), ClearRouteCache: true}
		if err := s.send(requestHeadersReply(common)); err != nil {
			return err
		}
		return s.sendChunks(changed, ends, toRequest)
	}
	common := &ext.CommonResponse{ClearRouteCache: true}
	if !same(changed, body) {
		common.BodyMutation = withBody(changed)
		switch {
		case s.request.length < 0:
		case s.modes.request == buffered: // where Envoy holds it against the body
			headers.set("content-length", strconv.Itoa(len(changed)))
		default:
			headers.remove("content-length")
		}
	}
	common.HeaderMutation = headers.message()
	return s.send(requestBodyReply(common))
}

// decideLate reads a body whose headers went on to the default model. What
// protects can still refuse it.
func (s *stream) decideLate() error {
	s.deadline.Stop()
	question := s.question(s.gathered())
	question.Late = true
	s.x.Decide(s.ctx, question)
	if s.x.Decision.Error != nil {
		return s.refuse(s.x.Decision.Error)
	}
	s.request.phase = decided
	err := s.send(requestBodyReply(&ext.CommonResponse{BodyMutation: withBody(s.x.Decision.Body)}))
	s.x.Forget()
	s.request.free()
	return err
}

// begin notes that the request goes on to its model.
func (s *stream) begin() {
	_, s.span = s.x.Send(s.ctx, s.request.to.Kind)
	s.sent, s.response.started = true, time.Now()
}

// towards are the headers for the backend, or the gateway's next filter.
func (s *stream) towards() *mutation {
	headers := newMutation()
	headers.strip(s.request.head.GetHeaders())
	s.x.Towards(headers.set)
	if s.x.Decision.AskedUsage || s.x.Unmasks() {
		headers.set("accept-encoding", "identity") // what is to be changed must be readable
	}
	return headers
}

// withHeaders changes headers, and has the route looked up anew if there is anything to
// change: it may have been chosen by what the client said in our name.
func withHeaders(headers *mutation) *ext.CommonResponse {
	if headers.message() == nil {
		return nil
	}
	return &ext.CommonResponse{HeaderMutation: headers.message(), ClearRouteCache: true}
}

// same tells whether two slices are one.
func same(a, b []byte) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// beforeBody answers the headers where the decision comes with the body, which Envoy
// sends after that. What the client says in our name goes already: if trailers follow
// at once there is no body, and Envoy may not be set up to show trailers.
//
// In BUFFERED_PARTIAL Envoy 1.40 sends the headers on before it reads
// clear_route_cache of the answer to the body (X9), so the route must be forgotten
// here too; which it is only together with a change of headers.
func (s *stream) beforeBody() *ext.CommonResponse {
	headers := newMutation()
	headers.strip(s.request.head.GetHeaders())
	if !s.modes.known || s.modes.request == partial {
		headers.set(router.HeaderRequestID, s.x.ID)
	}
	return withHeaders(headers)
}
