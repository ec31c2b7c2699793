package extproc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/proto"
)

// sent are replies as gRPC has them between Send and the wire, where long bodies are
// not copied, and as they were when they were handed over.
type sent struct{ theirs, were []*ext.ProcessingResponse }

func (s *sent) keep(m *ext.ProcessingResponse) {
	s.theirs = append(s.theirs, m)
	s.were = append(s.were, proto.Clone(m).(*ext.ProcessingResponse))
}

func (s *sent) unchanged(t testing.TB) {
	t.Helper()
	for i, m := range s.theirs {
		if !proto.Equal(m, s.were[i]) {
			t.Errorf("reply %d was written to when it had been sent: %.200v, was %.200v", i, m, s.were[i])
		}
	}
}

func (s *sent) Recv() (*ext.ProcessingRequest, error) { return nil, nil }

func (s *sent) Send(m *ext.ProcessingResponse) error {
	s.keep(m)
	return nil
}

// S13, X2: what has been sent is not written to again, however long gRPC takes to
// write it: bodies of requests, and a masked stream whose pieces come faster than
// their replies leave.
func TestRepliesStayAsTheyWereSent(t *testing.T) {
	door, _ := fuzzDoor(t, "default")
	for _, in := range []mode{buffered, partial, fullDuplex} {
		for _, out := range []mode{streamed, fullDuplex} {
			w := &sent{}
			s := &stream{door: door, wire: w, ctx: t.Context(), deadline: time.NewTimer(time.Hour)}
			step := func(m *ext.ProcessingRequest) {
				t.Helper()
				m.ProtocolConfig = &ext.ProtocolConfiguration{RequestBodyMode: in, ResponseBodyMode: out}
				if done, err := s.step(m); done || err != nil {
					t.Fatalf("%v, %v: done %v, %v: %v", in, out, done, err, w.theirs)
				}
			}
			for _, one := range [][2]byte{{0, 0}, {1, 0x81}, {4, 5}} { // a body to mask, and the head of an event stream
				m, _ := fuzzMessage(one[0], one[1])
				step(m)
			}
			for i := range 6 {
				text := strings.Repeat(string(rune('a'+i)), 2*worth)
				event := fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", text)
				step(responseBodyOf(event))
			}
			s.close()
			s.deadline.Stop()
			w.unchanged(t)
		}
	}
}

func responseBodyOf(piece string) *ext.ProcessingRequest {
	return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_ResponseBody{ResponseBody: &ext.HttpBody{Body: []byte(piece)}}}
}
