package extproc_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filter "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

type mode = filter.ProcessingMode_BodySendMode

const (
	none       = filter.ProcessingMode_NONE
	streamed   = filter.ProcessingMode_STREAMED
	buffered   = filter.ProcessingMode_BUFFERED
	partial    = filter.ProcessingMode_BUFFERED_PARTIAL
	fullDuplex = filter.ProcessingMode_FULL_DUPLEX_STREAMED
)

// envoy plays Envoy's side of one exchange, and fails the test where Envoy would
// count a message as spurious, reject a change or break the exchange off.
type envoy struct {
	t                 testing.TB
	w                 ext.ExternalProcessor_ProcessClient
	request, response mode
	limit             int  // of what Envoy buffers, for BUFFERED_PARTIAL; 0 is enough for all
	size              int  // of the pieces in which a body comes; 0 is 16 KiB
	old               bool // a version that does not tell its modes
	trailersSkipped   bool // request_trailer_mode: SKIP, but in full duplex
	begun             bool

	routed bool // the route was looked up anew after the last change of headers
}

// message is a request or an answer as Envoy holds it.
type message struct {
	fields   [][2]string // pseudo-headers too, in order
	body     string
	trailers [][2]string // nil for none
}

func (m *message) get(name string) string { return strings.Join(m.all(name), "|") }

func (m *message) all(name string) []string {
	var out []string
	for _, f := range m.fields {
		if f[0] == name {
			out = append(out, f[1])
		}
	}
	return out
}

// post is a request with a JSON body and its length.
func post(path, body string, fields ...string) *message {
	m := &message{body: body, fields: [][2]string{{":method", "POST"}, {":path", path}, {":authority", "a.test"}, {":scheme", "http"}, {"content-type", "application/json"}, {"content-length", strconv.Itoa(len(body))}}}
	return m.with(fields...)
}

func chatWith(body string, fields ...string) *message {
	return post("/v1/chat/completions", body, fields...)
}

// with adds fields, written "name: value".
func (m *message) with(fields ...string) *message {
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		m.fields = append(m.fields, [2]string{name, value})
	}
	return m
}

func (m *message) without(name string) *message {
	m.fields = slices.DeleteFunc(m.fields, func(f [2]string) bool { return f[0] == name })
	return m
}

func headerMap(fields [][2]string) *core.HeaderMap {
	out := &core.HeaderMap{}
	for _, f := range fields {
		out.Headers = append(out.Headers, &core.HeaderValue{Key: f[0], RawValue: []byte(f[1])})
	}
	return out
}

// immediate is an answer that was given in Envoy's stead.
type immediate struct {
	status int
	header http.Header
	body   string
}

// envoy opens a stream in these modes.
func (s *stack) envoy(request, response mode) *envoy {
	w, _ := s.open()
	return &envoy{t: s.t, w: w, request: request, response: response}
}

func (e *envoy) send(m *ext.ProcessingRequest) {
	e.t.Helper()
	if !e.begun && !e.old {
		m.ProtocolConfig = &ext.ProtocolConfiguration{RequestBodyMode: e.request, ResponseBodyMode: e.response}
	}
	e.begun = true
	if err := e.w.Send(m); err != nil && err != io.EOF { // the stream may have ended with an answer
		e.t.Fatal(err)
	}
}

func (e *envoy) receive() *ext.ProcessingResponse {
	e.t.Helper()
	m, err := e.w.Recv()
	if err != nil {
		e.t.Fatalf("no reply: %v", err)
	}
	if m.GetModeOverride() != nil || m.GetDynamicMetadata() != nil || m.GetOverrideMessageTimeout() != nil {
		e.t.Errorf("a reply asks for more than it may: %v", m)
	}
	return m
}

// over is the answer in m, if it is one.
func over(m *ext.ProcessingResponse) *immediate {
	i := m.GetImmediateResponse()
	if i == nil {
		return nil
	}
	out := &immediate{status: int(i.GetStatus().GetCode()), header: http.Header{}, body: string(i.GetBody())}
	for _, h := range i.GetHeaders().GetSetHeaders() {
		out.header.Set(h.GetHeader().GetKey(), string(h.GetHeader().GetRawValue()))
	}
	return out
}

// common is the reply in the oneof that is wanted, or a failure.
func (e *envoy) common(m *ext.ProcessingResponse, what string) *ext.CommonResponse {
	e.t.Helper()
	switch r := m.GetResponse().(type) {
	case *ext.ProcessingResponse_RequestHeaders:
		if what == "request headers" {
			return r.RequestHeaders.GetResponse()
		}
	case *ext.ProcessingResponse_RequestBody:
		if what == "request body" {
			return r.RequestBody.GetResponse()
		}
	case *ext.ProcessingResponse_ResponseHeaders:
		if what == "response headers" {
			return r.ResponseHeaders.GetResponse()
		}
	case *ext.ProcessingResponse_ResponseBody:
		if what == "response body" {
			return r.ResponseBody.GetResponse()
		}
	}
	e.t.Fatalf("spurious: wanted a reply to %s, got %v", what, m)
	return nil
}

// mutate changes fields as Envoy's default rules allow it; a change that it would
// reject fails the test.
func (e *envoy) mutate(fields [][2]string, m *ext.HeaderMutation) [][2]string {
	e.t.Helper()
	for _, name := range m.GetRemoveHeaders() {
		if name != strings.ToLower(name) || strings.HasPrefix(name, ":") || name == "host" || strings.HasPrefix(name, "x-envoy-") {
			e.t.Errorf("rejected: remove %q", name)
		}
		fields = slices.DeleteFunc(fields, func(f [2]string) bool { return f[0] == name })
	}
	for _, h := range m.GetSetHeaders() {
		name := h.GetHeader().GetKey()
		if name != strings.ToLower(name) || strings.HasPrefix(name, ":") || name == "host" || strings.HasPrefix(name, "x-envoy-") ||
			h.GetHeader().GetValue() != "" || strings.ContainsAny(string(h.GetHeader().GetRawValue()), "\r\n\x00") {
			e.t.Errorf("rejected: set %v", h)
		}
		if h.GetAppendAction() != core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			e.t.Errorf("%s would be appended", name)
		}
		fields = slices.DeleteFunc(fields, func(f [2]string) bool { return f[0] == name })
		fields = append(fields, [2]string{name, string(h.GetHeader().GetRawValue())})
	}
	return fields
}

// pieces cuts a body as it comes off the wire.
func (e *envoy) pieces(body string) []string {
	size := e.size
	if size == 0 {
		size = 16 << 10
	}
	var out []string
	for b := range slices.Chunk([]byte(body), size) {
		out = append(out, string(b))
	}
	return out
}

// done ends the exchange as Envoy does, and fails if anything was still to come.
func (e *envoy) done() {
	e.t.Helper()
	_ = e.w.CloseSend()
	if m, err := e.w.Recv(); err != io.EOF {
		e.t.Errorf("spurious after the end: %v, %v", m, err)
	}
}

// side is one direction: how to ask, and what replies are called.
type side struct {
	what     string
	mode     mode
	headers  func(*ext.HttpHeaders) *ext.ProcessingRequest
	body     func(*ext.HttpBody) *ext.ProcessingRequest
	trailers func(*ext.HttpTrailers) *ext.ProcessingRequest
}

func (e *envoy) inbound() side {
	return side{"request", e.request,
		func(h *ext.HttpHeaders) *ext.ProcessingRequest {
			return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_RequestHeaders{RequestHeaders: h}}
		},
		func(b *ext.HttpBody) *ext.ProcessingRequest {
			return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_RequestBody{RequestBody: b}}
		},
		func(t *ext.HttpTrailers) *ext.ProcessingRequest {
			return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_RequestTrailers{RequestTrailers: t}}
		}}
}

func (e *envoy) outbound() side {
	return side{"response", e.response,
		func(h *ext.HttpHeaders) *ext.ProcessingRequest {
			return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_ResponseHeaders{ResponseHeaders: h}}
		},
		func(b *ext.HttpBody) *ext.ProcessingRequest {
			return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_ResponseBody{ResponseBody: b}}
		},
		func(t *ext.HttpTrailers) *ext.ProcessingRequest {
			return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_ResponseTrailers{ResponseTrailers: t}}
		}}
}

// ask sends a request through; it gives what goes to the backend, or the answer in
// its stead.
func (e *envoy) ask(m *message) (*message, *immediate) {
	e.t.Helper()
	out, answered := e.exchange(e.inbound(), m)
	if answered == nil && out.get("x-selected-model") != "" && !e.routed {
		e.t.Error("the header was set and the route is not looked up anew")
	}
	return out, answered
}

// answer sends an answer through.
func (e *envoy) answer(m *message) *message {
	e.t.Helper()
	out, answered := e.exchange(e.outbound(), m)
	if answered != nil {
		e.t.Fatalf("an answer was answered with %+v", answered)
	}
	return out
}

// reply is an answer of a backend's.
func reply(status int, contentType, body string, fields ...string) *message {
	m := &message{body: body, fields: [][2]string{{":status", fmt.Sprint(status)}, {"content-type", contentType}, {"content-length", fmt.Sprint(len(body))}}}
	return m.with(fields...)
}

// fits fails where Envoy would break off for a length that is not the body's.
func (e *envoy) fits(m *message) {
	e.t.Helper()
	for _, n := range m.all("content-length") {
		if n != strconv.Itoa(len(m.body)) {
			e.t.Errorf("content-length is %s of a body of %d bytes", n, len(m.body))
		}
	}
}

// bodyOf is a piece as a reply changed it.
func (e *envoy) bodyOf(piece string, c *ext.CommonResponse) string {
	e.t.Helper()
	switch b := c.GetBodyMutation().GetMutation().(type) {
	case nil:
		return piece
	case *ext.BodyMutation_Body:
		return string(b.Body)
	case *ext.BodyMutation_ClearBody:
		return strings.Repeat(piece, map[bool]int{true: 0, false: 1}[b.ClearBody])
	default:
		e.t.Fatal("spurious: a streamed reply in another mode")
		return ""
	}
}
