package extproc

import (
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	kind "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

// maxChunk is the largest piece of a body in one answer: 64 KiB are recommended as
// the most in FULL_DUPLEX_STREAMED, and something stands around it.
const maxChunk = 62_000

// mutation is a change of headers.
type mutation struct{ out ext.HeaderMutation }

func newMutation() *mutation { return new(mutation) }

// set replaces a header; names are lower case in Envoy.
func (m *mutation) set(name, value string) {
	m.out.SetHeaders = append(m.out.SetHeaders, &core.HeaderValueOption{
		Header:       &core.HeaderValue{Key: strings.ToLower(name), RawValue: []byte(value)},
		AppendAction: core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	})
}

func (m *mutation) remove(names ...string) {
	m.out.RemoveHeaders = append(m.out.RemoveHeaders, names...)
}

// message is nil where nothing changes.
func (m *mutation) message() *ext.HeaderMutation {
	if m == nil || len(m.out.SetHeaders) == 0 && len(m.out.RemoveHeaders) == 0 {
		return nil
	}
	return &m.out
}

func requestHeadersReply(c *ext.CommonResponse) *ext.ProcessingResponse {
	return &ext.ProcessingResponse{Response: &ext.ProcessingResponse_RequestHeaders{RequestHeaders: &ext.HeadersResponse{Response: c}}}
}

func responseHeadersReply(c *ext.CommonResponse) *ext.ProcessingResponse {
	return &ext.ProcessingResponse{Response: &ext.ProcessingResponse_ResponseHeaders{ResponseHeaders: &ext.HeadersResponse{Response: c}}}
}

func requestBodyReply(c *ext.CommonResponse) *ext.ProcessingResponse {
	return &ext.ProcessingResponse{Response: &ext.ProcessingResponse_RequestBody{RequestBody: &ext.BodyResponse{Response: c}}}
}

func responseBodyReply(c *ext.CommonResponse) *ext.ProcessingResponse {
	return &ext.ProcessingResponse{Response: &ext.ProcessingResponse_ResponseBody{ResponseBody: &ext.BodyResponse{Response: c}}}
}

func requestTrailersReply(m *mutation) *ext.ProcessingResponse {
	return &ext.ProcessingResponse{Response: &ext.ProcessingResponse_RequestTrailers{RequestTrailers: &ext.TrailersResponse{HeaderMutation: m.message()}}}
}

func responseTrailersReply(m *mutation) *ext.ProcessingResponse {
	return &ext.ProcessingResponse{Response: &ext.ProcessingResponse_ResponseTrailers{ResponseTrailers: &ext.TrailersResponse{HeaderMutation: m.message()}}}
}

func withBody(body []byte) *ext.BodyMutation {
	return &ext.BodyMutation{Mutation: &ext.BodyMutation_Body{Body: body}}
}

func withoutBody() *ext.BodyMutation {
	return &ext.BodyMutation{Mutation: &ext.BodyMutation_ClearBody{ClearBody: true}}
}

// chunk is one piece of a body in FULL_DUPLEX_STREAMED.
func chunk(piece []byte, last bool) *ext.CommonResponse {
	return &ext.CommonResponse{BodyMutation: &ext.BodyMutation{Mutation: &ext.BodyMutation_StreamedResponse{
		StreamedResponse: &ext.StreamedBodyResponse{Body: piece, EndOfStream: last},
	}}}
}

// direction is the way of a body.
type direction uint8

const (
	toRequest direction = iota
	toResponse
)

func (d direction) reply(c *ext.CommonResponse) *ext.ProcessingResponse {
	if d == toRequest {
		return requestBodyReply(c)
	}
	return responseBodyReply(c)
}

// sendChunks sends a body in pieces; the last one ends it if ends is set. Without
// any bytes there is nothing to be said but that, and behind the end nothing at
// all.
func (s *stream) sendChunks(body []byte, ends bool, to direction) error {
	if s.ended[to] {
		s.ignored("body_after_end")
		return nil
	}
	s.ended[to] = ends
	for len(body) > maxChunk {
		if err := s.send(to.reply(chunk(body[:maxChunk], false))); err != nil {
			return err
		}
		body = body[maxChunk:]
	}
	if len(body) == 0 && !ends {
		return nil
	}
	return s.send(to.reply(chunk(body, ends)))
}

// errorAnswer answers the client with an error in Envoy's stead.
func errorAnswer(e *chat.Error, headers *mutation) *ext.ProcessingResponse {
	if headers == nil {
		headers = newMutation()
	}
	e.Header(headers.set)
	return answer(e.Status, e.JSON(), headers, "vsr_"+e.Code)
}

func answer(status int, body []byte, headers *mutation, details string) *ext.ProcessingResponse {
	return &ext.ProcessingResponse{Response: &ext.ProcessingResponse_ImmediateResponse{ImmediateResponse: &ext.ImmediateResponse{
		Status:  &kind.HttpStatus{Code: kind.StatusCode(status)},
		Headers: headers.message(),
		Body:    body,
		Details: details,
	}}}
}
