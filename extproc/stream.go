package extproc

import (
	"context"
	"time"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/exchange"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

// stream is the state of one exchange. It belongs to the handler's goroutine.
type stream struct {
	door     *Door
	wire     wire
	ctx      context.Context // of the stream, and from Begin on with the request's span
	deadline *time.Timer     // for the next message; stopped where any may be long in coming

	begun   bool // the first message was seen
	observe bool // Envoy waits for no answer, and ignores all
	modes   modes

	gen     *live.Generation   // nil until a request is ours
	x       *exchange.Exchange // the same
	leave   func()             // gives the place back
	span    telemetry.Span     // of the exchange with the backend
	sent    bool               // the request went on: Send was called
	refused bool               // nothing more is to be said
	ended   [2]bool            // the end of a body was sent, by direction

	request  request
	response response
}

// step answers one message. It is done when no other is to be answered.
func (s *stream) step(m *ext.ProcessingRequest) (done bool, err error) {
	if !s.begun {
		s.begun, s.observe = true, m.GetObservabilityMode()
		s.modes = modesOf(m.GetProtocolConfig())
		s.deadline.Stop()
	}
	switch part := m.GetRequest().(type) {
	case *ext.ProcessingRequest_RequestHeaders:
		err = s.requestHeaders(part.RequestHeaders)
	case *ext.ProcessingRequest_RequestBody:
		err = s.requestBody(part.RequestBody)
	case *ext.ProcessingRequest_RequestTrailers:
		err = s.requestTrailers(part.RequestTrailers)
	case *ext.ProcessingRequest_ResponseHeaders:
		err = s.responseHeaders(part.ResponseHeaders)
	case *ext.ProcessingRequest_ResponseBody:
		err = s.responseBody(part.ResponseBody)
	case *ext.ProcessingRequest_ResponseTrailers:
		err = s.responseTrailers(part.ResponseTrailers)
	default: // there is no oneof to answer it in
		s.ignored("unknown")
	}
	return s.refused, err
}

// send answers Envoy, unless it only lets us look on.
func (s *stream) send(m *ext.ProcessingResponse) error {
	if s.observe {
		return nil
	}
	return s.wire.Send(m)
}

// ignored counts a message that had no place in its exchange.
func (s *stream) ignored(what string) { s.door.metrics.EnvoyIgnored(what) }

// refuse answers the request with an error, and ends the exchange.
func (s *stream) refuse(e *chat.Error) error {
	s.refused = true
	if s.x == nil {
		return s.send(errorAnswer(e, nil))
	}
	headers := newMutation()
	s.x.Greet(headers.set)
	if !s.x.Refuse(e, headers.set) {
		return nil // a client that left
	}
	return s.send(errorAnswer(e, headers))
}

// close records the exchange and gives back what it held. A stream that ended
// where more was to come is one whose client left: Envoy does not say why it ends
// a stream.
func (s *stream) close() {
	s.request.free()
	if s.x == nil {
		return
	}
	if s.sent {
		s.closeAnswer()
	} else if !s.refused && s.x.Status == 0 {
		s.x.Refuse(exchange.ClientGone, nil)
	}
	s.x.Close(s.ctx)
	if s.leave != nil {
		s.leave()
	}
	s.gen.Release()
}
