package extproc

import (
	"slices"
	"strconv"
	"time"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/vsr-proxy/vsr-proxy/exchange"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/upstream"
)

// unreadNotSent says that Envoy is not set up to send the answer's body, so that
// nothing is known of it and nothing in it can be changed.
const unreadNotSent = "body_not_sent"

// response is the answer's side of a stream.
type response struct {
	started time.Time         // when the request went on
	passage *upstream.Passage // nil until the answer's headers came
	ended   bool
	sized   bool // the answer has a content-length
}

// digests describe bytes that may be others when the body has passed.
var digests = []string{"etag", "content-md5", "digest", "content-digest", "repr-digest"}

// responseHeaders decorates the answer.
func (s *stream) responseHeaders(m *ext.HttpHeaders) error {
	if !s.sent || s.response.passage != nil { // not ours; Envoy's own answer to something else; again
		return s.send(responseHeadersReply(nil))
	}
	h := headOf(m.GetHeaders())
	s.x.Status, _ = strconv.Atoi(h.status)
	headers := newMutation()
	headers.strip(m.GetHeaders())
	s.response.passage = s.watch(h, headers)
	s.x.Greet(func(name, value string) {
		if name != exchange.HeaderRequestID || h.fields.Get(name) == "" { // the upstream's own is the one its logs know
			headers.set(name, value)
		}
	})
	s.x.Decorate(headers.set)
	if s.response.passage.Changes() && s.modes.response != buffered {
		headers.remove("content-length")
		headers.remove(present(h, digests)...)
	}
	if m.GetEndOfStream() {
		s.endAnswer(true)
	}
	return s.send(responseHeadersReply(&ext.CommonResponse{HeaderMutation: headers.message()}))
}

// watch prepares for the answer's body, and says in its headers why placeholders
// stay in it, as far as that is known by now.
func (s *stream) watch(h head, headers *mutation) *upstream.Passage {
	s.response.sized = h.fields.Get("Content-Length") != ""
	options := upstream.PassageOptions{HideUsage: s.x.Decision.AskedUsage}
	gone := false // the headers have
	defer func() { gone = true }()
	switch {
	case !s.x.Unmasks():
	case s.modes.seesAnswer() && !s.observe:
		options.Rewrite = s.x.Unmasking(func(reason string) {
			if !gone {
				headers.set(router.HeaderUnmasked, reason)
			}
		})
	default:
		headers.set(router.HeaderUnmasked, unreadNotSent)
	}
	return upstream.NewPassage(s.x.Status, h.fields, s.response.started, options)
}

func present(h head, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return h.fields.Get(name) == "" })
}

// responseBody watches the answer's body, and changes it where that was asked for.
func (s *stream) responseBody(m *ext.HttpBody) error {
	r := &s.response
	if r.passage == nil || r.ended {
		if r.ended && duplex(s.modes.response) {
			s.ignored("body_after_end")
			return nil
		}
		return s.pass(m, s.modes.response, toResponse)
	}
	piece, ends := m.GetBody(), m.GetEndOfStream()
	last := ends || s.modes.response == buffered || s.modes.response == partial // of which there is one message
	out := r.passage.Next(piece)
	if !same(piece, out) {
		out = slices.Clone(out) // gRPC writes it when Next may have its buffer back
	}
	if last {
		if rest := r.passage.Rest(ends || s.modes.response == buffered); len(rest) > 0 {
			out = slices.Concat(out, rest)
		}
	}
	err := s.sendPiece(piece, out, ends)
	r.passage.Seen(piece, time.Now())
	if last {
		s.endAnswer(true)
	}
	return err
}

// sendPiece answers for a piece of the body that became out.
func (s *stream) sendPiece(piece, out []byte, ends bool) error {
	if duplex(s.modes.response) {
		return s.sendChunks(out, ends, toResponse)
	}
	if same(piece, out) {
		return s.send(responseBodyReply(nil))
	}
	common := &ext.CommonResponse{BodyMutation: withoutBody()}
	if len(out) > 0 {
		common.BodyMutation = withBody(out)
	}
	if s.modes.response == buffered {
		headers := newMutation()
		if s.response.sized {
			headers.set("content-length", strconv.Itoa(len(out)))
		}
		headers.remove(digests...)
		common.HeaderMutation = headers.message()
	}
	return s.send(responseBodyReply(common))
}

// responseTrailers ends an answer that no end_of_stream ended.
func (s *stream) responseTrailers(m *ext.HttpTrailers) error {
	trailers := newMutation()
	if s.sent {
		trailers.strip(m.GetTrailers())
	}
	if r := &s.response; r.passage != nil && !r.ended {
		if rest := r.passage.Rest(true); duplex(s.modes.response) && len(rest) > 0 {
			if err := s.sendChunks(rest, false, toResponse); err != nil {
				return err
			}
		}
		s.endAnswer(true)
	}
	return s.send(responseTrailersReply(trailers))
}

// endAnswer closes the books on the answer. whole says that it came to its end.
func (s *stream) endAnswer(whole bool) {
	r := &s.response
	r.ended = true
	s.x.Facts = r.passage.Facts(whole, time.Now())
}

// closeAnswer is for the end of the stream.
func (s *stream) closeAnswer() {
	r := &s.response
	unseen := s.modes.known && s.modes.response == none
	switch {
	case s.refused:
	case r.passage == nil && unseen: // it may not be set up to show even its headers: nothing is known
	case r.passage == nil:
		s.x.Refuse(exchange.ClientGone, nil)
	case !r.ended && unseen:
		s.endAnswer(true)
	case !r.ended:
		s.endAnswer(false)
		s.x.Refuse(exchange.ClientGone, nil)
	}
	if r.passage != nil && unseen {
		s.x.Facts.UsageUnread = unreadNotSent
		if s.x.Unmasks() {
			s.x.Facts.NotRewritten = unreadNotSent
		}
	}
	s.span.Usage(s.x.Facts.PromptTokens, s.x.Facts.CompletionTokens)
	s.span.Status(s.x.Status)
	s.span.End()
	s.x.Ended(s.x.Status != 0)
}
