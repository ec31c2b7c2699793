package extproc

import (
	"bytes"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/exchange"
)

// phase is where the request stands.
type phase uint8

const (
	waiting   phase = iota // for its headers
	passing                // not ours, or sent on unread: what comes goes on as it is
	gathering              // its body, before it is decided
	holding                // its body, after the headers went on unread
	decided                // and sent on: nothing more is to come
)

// request is the request's side of a stream.
type request struct {
	phase  phase
	to     *exchange.Route
	form   string // content type of a form
	length int64  // content-length, -1 without one
	head   *ext.HttpHeaders
	room   *exchange.Room
	chunks [][]byte
	size   int64 // of the chunks
}

// free gives the memory of the body back.
func (r *request) free() {
	r.chunks = nil
	if r.room != nil {
		r.room.Free()
	}
}

// requestHeaders begins the exchange.
func (s *stream) requestHeaders(m *ext.HttpHeaders) error {
	r := &s.request
	if r.phase != waiting {
		s.ignored("headers_again")
		if r.phase == gathering && s.modes.request == fullDuplex {
			return nil // the one reply is still to come
		}
		return s.send(requestHeadersReply(nil))
	}
	h := headOf(m.GetHeaders())
	if !isOurs(h.path) || m.GetEndOfStream() && h.isPreflight() {
		r.phase = passing
		headers := newMutation()
		headers.strip(m.GetHeaders())
		return s.send(requestHeadersReply(withHeaders(headers)))
	}
	if s.gen = s.door.current.Acquire(); s.gen == nil {
		return notReady
	}
	r.head, r.length = m, lengthOf(h)
	if refusal := s.admit(h, m.GetEndOfStream()); refusal != nil {
		return s.refuse(refusal)
	}
	switch {
	case s.refused: // answered from the configuration
		return nil
	case m.GetEndOfStream(), r.length == 0: // whatever follows, Envoy shows no empty body that it buffers
		return s.decide(nil, true)
	case s.observe && s.modes.request != none:
		return s.gather()
	case s.modes.whole(), s.modes.request == partial:
		if err := s.gather(); err != nil || s.refused {
			return err
		}
		return s.send(requestHeadersReply(s.beforeBody()))
	case s.modes.request == fullDuplex:
		return s.gather() // the reply waits for the decision
	}
	return s.goOnUnread()
}

// gather begins to take the body.
func (s *stream) gather() error {
	s.request.phase = gathering
	return s.makeRoom()
}

func (s *stream) makeRoom() (err error) {
	take := s.x.Room
	if s.modes.whole() {
		take = s.x.WholeRoom
	}
	room, refusal := take(s.ctx, s.request.length)
	if s.request.room = room; refusal != nil {
		return s.refuse(refusal)
	}
	s.deadline.Reset(s.gen.Config.Server.Limits.BodyTimeout)
	return nil
}

// goOnUnread answers the headers of a request whose body comes too late to be
// decided on, or not at all.
func (s *stream) goOnUnread() error {
	s.x.Unread(s.request.to.Kind)
	if s.x.Decision.Error != nil {
		return s.refuse(s.x.Decision.Error)
	}
	if s.request.phase = passing; s.modes.request == streamed && !s.observe {
		s.request.phase = holding
		if err := s.makeRoom(); err != nil || s.refused {
			return err
		}
	}
	s.begin()
	headers := s.towards()
	if s.request.phase == holding && s.request.length >= 0 {
		headers.remove("content-length")
	}
	return s.send(requestHeadersReply(&ext.CommonResponse{HeaderMutation: headers.message(), ClearRouteCache: true}))
}

// requestBody takes a part of the body, or all of it.
func (s *stream) requestBody(m *ext.HttpBody) error {
	r := &s.request
	switch r.phase {
	case gathering, holding:
		if err := s.take(m.GetBody()); err != nil || s.refused {
			return err
		}
	case decided:
		return s.afterTheEnd(m)
	case waiting:
		s.ignored("body_without_headers")
		return s.pass(m, s.modes.request, toRequest)
	default:
		return s.pass(m, s.modes.request, toRequest)
	}
	whole := m.GetEndOfStream() || r.length >= 0 && r.size == r.length
	switch {
	case r.phase == holding && !whole:
		return s.send(requestBodyReply(&ext.CommonResponse{BodyMutation: withoutBody()}))
	case r.phase == holding:
		return s.decideLate()
	case s.modes.request == fullDuplex, s.observe:
		if !m.GetEndOfStream() {
			return nil // trailers may follow, and end it
		}
		return s.decide(s.gathered(), true)
	case s.modes.request == buffered, whole:
		return s.decide(s.gathered(), true)
	}
	return s.cut()
}

// take keeps a piece of the body, within the limits.
func (s *stream) take(piece []byte) error {
	r := &s.request
	r.size += int64(len(piece))
	if r.size > int64(s.gen.Config.Server.Limits.BodyBytes) {
		return s.refuse(s.x.TooLarge())
	}
	if refusal := r.room.Cover(s.ctx, r.size); refusal != nil {
		return s.refuse(refusal)
	}
	if len(piece) > 0 {
		r.chunks = append(r.chunks, piece)
	}
	return nil
}

// gathered is the body in one piece: what came in one is not copied.
func (s *stream) gathered() []byte {
	if len(s.request.chunks) == 1 {
		return s.request.chunks[0]
	}
	body := bytes.Join(s.request.chunks, nil)
	s.request.chunks = nil
	return body
}

// cut is for a body of which Envoy sent as much as it buffers (BUFFERED_PARTIAL),
// and sends no more.
func (s *stream) cut() error {
	s.deadline.Stop()
	s.x.Unread(s.request.to.Kind)
	if s.x.Decision.Error != nil {
		return s.refuse(s.x.Decision.Error)
	}
	s.request.phase = passing
	s.request.free()
	s.begin()
	return s.send(requestBodyReply(&ext.CommonResponse{HeaderMutation: s.towards().message(), ClearRouteCache: true}))
}

// afterTheEnd answers what comes of a body that had ended. Envoy ends some bodies
// twice in FULL_DUPLEX_STREAMED (envoyproxy/envoy#46237), where a second end of
// ours would be an error.
func (s *stream) afterTheEnd(m *ext.HttpBody) error {
	s.ignored("body_after_end")
	switch {
	case s.modes.request == fullDuplex:
		return nil
	case s.modes.request == streamed && len(m.GetBody()) > 0:
		return s.send(requestBodyReply(&ext.CommonResponse{BodyMutation: withoutBody()}))
	}
	return s.send(requestBodyReply(nil))
}

// pass lets a piece of a body go on as it is.
func (s *stream) pass(m *ext.HttpBody, in mode, to direction) error {
	if duplex(in) {
		return s.sendChunks(m.GetBody(), m.GetEndOfStream(), to)
	}
	return s.send(to.reply(nil))
}

// requestTrailers ends a body that no end_of_stream ended.
func (s *stream) requestTrailers(m *ext.HttpTrailers) error {
	trailers := newMutation()
	trailers.strip(m.GetTrailers())
	switch s.request.phase {
	case gathering:
		// Where Envoy buffers, it sends what there is of a body before the trailers.
		if s.modes.request == fullDuplex || s.observe || s.request.size == 0 {
			if err := s.decide(s.gathered(), false); err != nil || s.refused {
				return err
			}
		}
	case holding: // the body's last piece is gone, and can't be filled any more
		return s.refuse(bodyWithTrailers)
	case waiting:
		s.ignored("trailers_without_headers")
	}
	return s.send(requestTrailersReply(trailers))
}

var bodyWithTrailers = &chat.Error{
	Status: 400, Type: "invalid_request_error", Code: "body_not_sent", NoRetry: true,
	Message: "A request with trailers can't be routed in the mode in which the gateway sends it.",
}
