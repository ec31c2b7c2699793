package extproc_test

import (
	"slices"
	"strings"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

// exchange plays one direction in its mode.
func (e *envoy) exchange(s side, m *message) (*message, *immediate) {
	e.t.Helper()
	empty := m.body == "" && m.trailers == nil
	e.send(s.headers(&ext.HttpHeaders{Headers: headerMap(m.fields), EndOfStream: empty}))
	if s.mode == fullDuplex && !empty {
		return e.duplex(s, m)
	}
	out := &message{fields: slices.Clone(m.fields), body: m.body, trailers: m.trailers}
	got := e.receive()
	if i := over(got); i != nil {
		return nil, i
	}
	if empty && got.GetRequestBody() != nil {
		e.t.Fatal("spurious: a reply to a body that there is not")
	}
	e.applyHeaders(out, e.common(got, s.what+" headers"))
	if s.mode == streamed || s.mode == partial {
		out.fields = slices.DeleteFunc(out.fields, func(f [2]string) bool { return f[0] == "content-length" })
	}
	var answered *immediate
	switch {
	case empty || s.mode == none:
	case s.mode == streamed:
		answered = e.stream(s, m, out)
	default:
		answered = e.buffer(s, m, out)
	}
	if answered != nil {
		return nil, answered
	}
	if s.mode != none && m.trailers != nil && !e.trailersSkipped {
		e.send(s.trailers(&ext.HttpTrailers{Trailers: headerMap(m.trailers)}))
		if answered = e.applyTrailers(s, out, e.receive()); answered != nil {
			return nil, answered
		}
	}
	e.fits(out)
	return out, nil
}

func (e *envoy) applyHeaders(out *message, c *ext.CommonResponse) {
	e.t.Helper()
	if c.GetStatus() != ext.CommonResponse_CONTINUE {
		e.t.Errorf("status %v", c.GetStatus())
	}
	out.fields = e.mutate(out.fields, c.GetHeaderMutation())
	e.routed = c.GetClearRouteCache() || e.routed && c.GetHeaderMutation() == nil
}

func (e *envoy) applyTrailers(s side, out *message, got *ext.ProcessingResponse) *immediate {
	e.t.Helper()
	var change *ext.HeaderMutation
	switch r := got.GetResponse().(type) {
	case *ext.ProcessingResponse_ImmediateResponse:
		return over(got)
	case *ext.ProcessingResponse_RequestTrailers:
		change = r.RequestTrailers.GetHeaderMutation()
	case *ext.ProcessingResponse_ResponseTrailers:
		change = r.ResponseTrailers.GetHeaderMutation()
	}
	if (got.GetRequestTrailers() == nil) == (s.what == "request") || (got.GetResponseTrailers() == nil) == (s.what == "response") {
		e.t.Fatalf("spurious: wanted a reply to %s trailers, got %v", s.what, got)
	}
	out.trailers = e.mutate(slices.Clone(out.trailers), change)
	return nil
}

// buffer is BUFFERED and BUFFERED_PARTIAL: one message, and in the latter perhaps a
// rest that goes on unseen. The end is not told where trailers follow.
func (e *envoy) buffer(s side, m, out *message) *immediate {
	e.t.Helper()
	if m.body == "" { // trailers follow the headers
		return nil
	}
	first, rest := m.body, ""
	if s.mode == partial && e.limit > 0 && len(first) > e.limit {
		first, rest = first[:e.limit], first[e.limit:]
	}
	e.send(s.body(&ext.HttpBody{Body: []byte(first), EndOfStream: rest == "" && m.trailers == nil}))
	got := e.receive()
	if i := over(got); i != nil {
		return i
	}
	c := e.common(got, s.what+" body")
	e.applyHeaders(out, c)
	out.body = e.bodyOf(first, c) + rest
	return nil
}

// stream is STREAMED: a reply to each piece; headers have gone.
func (e *envoy) stream(s side, m, out *message) *immediate {
	e.t.Helper()
	var body strings.Builder
	parts := e.pieces(m.body)
	for i, piece := range parts {
		e.send(s.body(&ext.HttpBody{Body: []byte(piece), EndOfStream: i == len(parts)-1 && m.trailers == nil}))
		got := e.receive()
		if i := over(got); i != nil {
			return i
		}
		c := e.common(got, s.what+" body")
		if len(c.GetHeaderMutation().GetSetHeaders()) > 0 {
			e.t.Errorf("headers are changed that have gone: %v", c)
		}
		body.WriteString(e.bodyOf(piece, c))
	}
	out.body = body.String()
	return nil
}

// duplex is FULL_DUPLEX_STREAMED: all is sent, and then the replies come: headers,
// pieces of a body with one end, or trailers.
func (e *envoy) duplex(s side, m *message) (*message, *immediate) {
	e.t.Helper()
	parts := e.pieces(m.body)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i, piece := range parts {
			e.send(s.body(&ext.HttpBody{Body: []byte(piece), EndOfStream: i == len(parts)-1 && m.trailers == nil}))
		}
		if m.trailers != nil {
			e.send(s.trailers(&ext.HttpTrailers{Trailers: headerMap(m.trailers)}))
		}
	}()
	defer func() { <-sent }()
	got := e.receive()
	if i := over(got); i != nil {
		return nil, i
	}
	out := &message{fields: slices.Clone(m.fields), trailers: m.trailers}
	e.applyHeaders(out, e.common(got, s.what+" headers"))
	var body strings.Builder
	for ended := false; !ended; {
		got = e.receive()
		if got.GetRequestTrailers() != nil || got.GetResponseTrailers() != nil {
			e.applyTrailers(s, out, got)
			if m.trailers == nil {
				e.t.Error("spurious: trailers")
			}
			break
		}
		c := e.common(got, s.what+" body")
		piece := c.GetBodyMutation().GetStreamedResponse()
		if piece == nil || c.GetHeaderMutation() != nil {
			e.t.Fatalf("spurious: no streamed reply: %v", got)
		}
		if len(piece.GetBody()) > 62_000 {
			e.t.Errorf("a piece of %d bytes", len(piece.GetBody()))
		}
		body.Write(piece.GetBody())
		if ended = piece.GetEndOfStream(); ended && m.trailers != nil {
			e.t.Error("spurious: the body ends, and trailers follow")
		}
	}
	out.body = body.String()
	e.fits(out)
	return out, nil
}
