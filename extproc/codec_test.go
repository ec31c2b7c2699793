package extproc

import (
	"bytes"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filter "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// pieces cuts a message as frames do.
func pieces(raw []byte, size int) mem.BufferSlice {
	var out mem.BufferSlice
	for len(raw) > size {
		out = append(out, mem.SliceBuffer(raw[:size]))
		raw = raw[size:]
	}
	return append(out, mem.SliceBuffer(raw))
}

func encoded(t testing.TB, m proto.Message) []byte {
	t.Helper()
	raw, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Whatever comes is read as gRPC's own codec reads it.
func FuzzCodecReads(f *testing.F) {
	body := &ext.HttpBody{Body: bytes.Repeat([]byte("x"), 2*worth), EndOfStream: true}
	request := encoded(f, &ext.ProcessingRequest{Request: &ext.ProcessingRequest_RequestBody{RequestBody: body}, ProtocolConfig: &ext.ProtocolConfiguration{RequestBodyMode: filter.ProcessingMode_BUFFERED}})
	response := encoded(f, &ext.ProcessingRequest{Request: &ext.ProcessingRequest_ResponseBody{ResponseBody: body}, ObservabilityMode: true})
	headers := encoded(f, &ext.ProcessingRequest{Request: &ext.ProcessingRequest_RequestHeaders{RequestHeaders: &ext.HttpHeaders{
		Headers: &core.HeaderMap{Headers: []*core.HeaderValue{{Key: ":path", RawValue: bytes.Repeat([]byte("/"), 2*worth)}}},
	}}})
	f.Add(request)
	f.Add(response)
	f.Add(headers)
	f.Add(append(bytes.Clone(request), request...))
	f.Add(append(bytes.Clone(headers), request...))
	f.Add(append(bytes.Clone(request), headers...))
	f.Add(request[:len(request)-3])
	f.Fuzz(func(t *testing.T, raw []byte) {
		want, got := new(ext.ProcessingRequest), &ext.ProcessingRequest{ObservabilityMode: true}
		wrong := proto.Unmarshal(raw, want)
		if readBody(bytes.Clone(raw), got) {
			if wrong != nil || !proto.Equal(got, want) {
				t.Fatalf("read %v, want %v, %v", got, want, wrong)
			}
		}
		if err := newCodec().Unmarshal(pieces(raw, 1000), got); (err != nil) != (wrong != nil) || err == nil && !proto.Equal(got, want) {
			t.Fatalf("read %v with %v, want %v with %v", got, err, want, wrong)
		}
	})
}

// X2: what goes is what gRPC's own codec would write, if not in the same order.
func TestCodecWrites(t *testing.T) {
	long, short := bytes.Repeat([]byte("y"), 3*worth), []byte("z")
	headers := newMutation()
	headers.set("x", "y")
	headers.remove("content-length")
	for _, body := range [][]byte{long, short, nil} {
		for _, reply := range []func(*ext.CommonResponse) *ext.ProcessingResponse{requestBodyReply, responseBodyReply, requestHeadersReply, responseHeadersReply} {
			for _, c := range []*ext.CommonResponse{
				nil, chunk(body, true), chunk(body, false),
				{BodyMutation: withBody(body), HeaderMutation: headers.message(), ClearRouteCache: true},
				{BodyMutation: withBody(body), Status: ext.CommonResponse_CONTINUE_AND_REPLACE, Trailers: &core.HeaderMap{}},
				{BodyMutation: withoutBody()},
			} {
				m := reply(c)
				out, err := newCodec().Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				got := new(ext.ProcessingResponse)
				if err := proto.Unmarshal(out.Materialize(), got); err != nil || !proto.Equal(got, m) {
					t.Errorf("%v: %v, want %v", err, got, m)
				}
			}
		}
	}
	out, err := newCodec().Marshal(requestBodyReply(chunk(long, true)))
	if err != nil || len(out) < 2 || &out[1].ReadOnlyData()[0] != &long[0] {
		t.Errorf("a long body was copied: %v", err)
	}
}
