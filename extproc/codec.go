package extproc

import (
	"bytes"
	"fmt"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // what the codec does with all but bodies
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// codec is gRPC's for protocol buffers, but for messages with long bodies, of which
// that makes two copies when they come and one when they go. Here a body is copied
// once, out of the frames that it came in, and none when it goes.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2("proto")} }

// worth is the length of a message below which copies cost less than care.
const worth = 4 << 10

// Fields of the protocol that stand around bodies.
const (
	requestBodyField      = 4 // of ProcessingRequest
	responseBodyField     = 5
	bodyField             = 1 // of HttpBody, BodyMutation and StreamedBodyResponse
	requestBodyReplyField = 3 // of ProcessingResponse
	responseBodyReplyOf   = 4
	commonField           = 1 // of BodyResponse
	bodyMutationField     = 3 // of CommonResponse
	streamedField         = 3 // of BodyMutation
	endOfStreamField      = 2 // of StreamedBodyResponse
)

// Unmarshal reads a message. The body of a long one refers to a copy of the message
// that nobody else has.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*ext.ProcessingRequest)
	if !ok || data.Len() < worth {
		return c.CodecV2.Unmarshal(data, v)
	}
	raw := joined(data)
	if !readBody(raw, m) {
		return proto.Unmarshal(raw, m)
	}
	return nil
}

// joined copies without clearing the memory first.
func joined(data mem.BufferSlice) []byte {
	pieces := make([][]byte, len(data))
	for i, b := range data {
		pieces[i] = b.ReadOnlyData()
	}
	return bytes.Join(pieces, nil)
}

// readBody reads a message with a body as Envoy writes it. It is false, and m as
// it was, for all others.
func readBody(raw []byte, m *ext.ProcessingRequest) bool {
	part, number, rest, ok := cutOut(raw, requestBodyField, responseBodyField)
	if !ok {
		return false
	}
	body, _, other, ok := cutOut(part, bodyField, bodyField)
	if !ok {
		return false
	}
	var around ext.ProcessingRequest
	inside := new(ext.HttpBody)
	if proto.Unmarshal(rest, &around) != nil || around.Request != nil || proto.Unmarshal(other, inside) != nil {
		return false
	}
	inside.Body = body
	proto.Reset(m)
	if len(rest) > 0 {
		proto.Merge(m, &around)
	}
	if number == requestBodyField {
		m.Request = &ext.ProcessingRequest_RequestBody{RequestBody: inside}
	} else {
		m.Request = &ext.ProcessingRequest_ResponseBody{ResponseBody: inside}
	}
	return true
}

// cutOut gives the value of the one field a or b, and what stands around it. It is
// false unless there is exactly one, of bytes.
func cutOut(raw []byte, a, b protowire.Number) (value []byte, number protowire.Number, rest []byte, ok bool) {
	for at := 0; at < len(raw); {
		n, kind, size := protowire.ConsumeField(raw[at:])
		if size < 0 {
			return nil, 0, nil, false
		}
		if field := raw[at : at+size]; n != a && n != b {
			rest = append(rest, field...)
		} else if _, _, tag := protowire.ConsumeTag(field); ok || kind != protowire.BytesType {
			return nil, 0, nil, false
		} else {
			value, _ = protowire.ConsumeBytes(field[tag:])
			number, ok = n, true
		}
		at += size
	}
	return value, number, rest, ok
}

// Marshal writes a message. A long body in it is not copied, so it must not change
// before it has left, which is later than Send returns: gRPC queues what it is given.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(*ext.ProcessingResponse)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	var common *ext.CommonResponse
	number := protowire.Number(requestBodyReplyField)
	switch part := m.GetResponse().(type) {
	case *ext.ProcessingResponse_RequestBody:
		common = part.RequestBody.GetResponse()
	case *ext.ProcessingResponse_ResponseBody:
		number, common = responseBodyReplyOf, part.ResponseBody.GetResponse()
	}
	body, streamed, ends := bodyOf(common)
	if len(body) < worth || m.GetDynamicMetadata() != nil || m.GetModeOverride() != nil || m.GetOverrideMessageTimeout() != nil {
		return c.CodecV2.Marshal(v)
	}
	return around(number, common, body, streamed, ends)
}

// bodyOf is the body that a reply changes one to.
func bodyOf(c *ext.CommonResponse) (body []byte, streamed, ends bool) {
	switch change := c.GetBodyMutation().GetMutation().(type) {
	case *ext.BodyMutation_Body:
		return change.Body, false, false
	case *ext.BodyMutation_StreamedResponse:
		s := change.StreamedResponse
		return s.GetBody(), true, s.GetEndOfStream()
	}
	return nil, false, false
}

// around writes what stands before and behind the body of a reply, innermost
// first, as each part begins with its length.
func around(number protowire.Number, c *ext.CommonResponse, body []byte, streamed, ends bool) (mem.BufferSlice, error) {
	head := prefix(nil, bodyField, len(body))
	var tail []byte
	if streamed {
		if ends {
			tail = protowire.AppendVarint(protowire.AppendTag(nil, endOfStreamField, protowire.VarintType), 1)
		}
		head = prefix(head, streamedField, len(head)+len(body)+len(tail))
	}
	head = prefix(head, bodyMutationField, len(head)+len(body)+len(tail))
	other, err := proto.Marshal(&ext.CommonResponse{
		Status: c.GetStatus(), HeaderMutation: c.GetHeaderMutation(), Trailers: c.GetTrailers(), ClearRouteCache: c.GetClearRouteCache(),
	})
	if err != nil {
		return nil, fmt.Errorf("encode reply: %w", err)
	}
	head = append(other, head...)
	head = prefix(head, commonField, len(head)+len(body)+len(tail))
	head = prefix(head, number, len(head)+len(body)+len(tail))
	out := mem.BufferSlice{mem.SliceBuffer(head), mem.SliceBuffer(body)}
	if len(tail) > 0 {
		out = append(out, mem.SliceBuffer(tail))
	}
	return out, nil
}

// prefix puts a field's tag and length before what it begins with.
func prefix(begins []byte, number protowire.Number, length int) []byte {
	out := protowire.AppendVarint(protowire.AppendTag(make([]byte, 0, 16+len(begins)), number, protowire.BytesType), uint64(length))
	return append(out, begins...)
}
