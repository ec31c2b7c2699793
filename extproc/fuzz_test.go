package extproc

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/exchange"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

const fuzzed = `
server: {enabled: false, limits: {body_bytes: 4KiB, body_memory: 64KiB}}
extproc: {enabled: true, on_unread_body: POLICY}
upstream: {ask_usage: true}
models: [{name: small}]
routing:
  default_model: small
  signals: {pii: [{name: personal}]}
  decisions: [{name: private, action: mask, rules: {type: pii, name: personal}}]
`

func fuzzDoor(t testing.TB, policy string) (*Door, *live.Gates) {
	cfg, err := config.Parse("config.yaml", []byte(strings.Replace(fuzzed, "POLICY", policy, 1)))
	if err != nil {
		t.Fatal(err)
	}
	o := classify.DefaultOptions()
	o.Patterns = pii.Find
	c, err := classify.New(classifytest.New(classifytest.Options{Heads: []classifytest.Head{
		{Head: classify.Head{Name: "pii", Kind: classify.KindToken, Labels: []string{"O", "B-PERSON", "I-PERSON"}, Temperature: 1}},
	}}), o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := router.New(cfg, c.Heads(), c)
	if err != nil {
		t.Fatal(err)
	}
	m, log := telemetry.NewMetrics(telemetry.MetricsOptions{}), slog.New(slog.DiscardHandler)
	d := &Door{current: &live.Current{}, core: exchange.NewCore(m, &telemetry.Tracing{}, log), metrics: m, log: log, first: time.Minute}
	gates := live.NewGates(cfg.Server.Limits)
	d.current.Swap(&live.Generation{Config: cfg, Router: r, Gates: gates, Classifier: c, Close: func() { _ = c.Close(context.Background()) }})
	t.Cleanup(func() { d.current.Swap(nil) })
	return d, gates
}

// listener is Envoy's end: it holds each reply against what is allowed then, and at
// the end against what it was when it was sent.
type listener struct {
	sent
	modes   modes
	asked   string // the kind of the message that is being answered
	replies []string
	ends    [2]int
	silent  bool
	wrong   string
}

func (l *listener) Recv() (*ext.ProcessingRequest, error) { return nil, context.Canceled }

func (l *listener) Send(m *ext.ProcessingResponse) error {
	l.keep(m)
	kind, body, to := "", (*ext.BodyResponse)(nil), toRequest
	switch r := m.GetResponse().(type) {
	case *ext.ProcessingResponse_RequestHeaders:
		kind = "request headers"
	case *ext.ProcessingResponse_RequestBody:
		kind, body = "request body", r.RequestBody
	case *ext.ProcessingResponse_RequestTrailers:
		kind = "request trailers"
	case *ext.ProcessingResponse_ResponseHeaders:
		kind = "response headers"
	case *ext.ProcessingResponse_ResponseBody:
		kind, body, to = "response body", r.ResponseBody, toResponse
	case *ext.ProcessingResponse_ResponseTrailers:
		kind = "response trailers"
	case *ext.ProcessingResponse_ImmediateResponse:
		kind = "answer"
		if !strings.HasPrefix(l.asked, "request") {
			l.complain("an answer to %s", l.asked)
		}
	}
	l.replies = append(l.replies, kind)
	if l.silent || kind == "" || m.GetModeOverride() != nil {
		l.complain("sent %v", m)
	}
	if body != nil {
		l.piece(body.GetResponse(), to)
	}
	return nil
}

func (l *listener) piece(c *ext.CommonResponse, to direction) {
	in := [2]mode{l.modes.request, l.modes.response}[to]
	streamedReply := c.GetBodyMutation().GetStreamedResponse()
	if duplex(in) != (streamedReply != nil) {
		l.complain("in mode %v: %v", in, c)
	}
	if streamedReply == nil {
		return
	}
	if l.ends[to] > 0 || len(streamedReply.GetBody()) > maxChunk {
		l.complain("behind the end, or too long: %v", c)
	}
	if streamedReply.GetEndOfStream() {
		l.ends[to]++
	}
}

func (l *listener) complain(format string, args ...any) { l.wrong += fmt.Sprintf(format+"\n", args...) }

// answered checks that the message got what its mode asks for.
func (l *listener) answered(done bool) {
	n := len(l.replies)
	one := n == 1 && (l.replies[0] == l.asked || l.replies[0] == "answer")
	switch {
	case l.silent, l.asked == "unknown":
		if n > 0 {
			l.complain("answered %v", l.replies)
		}
	case strings.HasPrefix(l.asked, "request") && duplex(l.modes.request), strings.HasPrefix(l.asked, "response") && duplex(l.modes.response):
		for i, kind := range l.replies {
			if kind == "request headers" && i > 0 || kind == "answer" && n > 1 || strings.HasSuffix(kind, "trailers") && (i < n-1 || kind != l.asked) {
				l.complain("%s: %v", l.asked, l.replies)
			}
		}
	case !one:
		l.complain("%s: %v", l.asked, l.replies)
	}
	if n > 0 && (l.replies[n-1] == "answer") != done && !l.silent {
		l.complain("%s: done %v after %v", l.asked, done, l.replies)
	}
	l.replies = nil
}

var fuzzHeaders = [][][2]string{
	{{":method", "POST"}, {":path", "/v1/chat/completions"}, {"content-type", "application/json"}},
	{{":method", "POST"}, {":path", "/v1/chat/completions"}, {"content-length", "90"}, {"x-selected-model", "theirs"}},
	{{":method", "GET"}, {":path", "/v1/models"}},
	{{":method", "POST"}, {":path", "/other"}, {"x-vsr-x", "theirs"}},
	{{":method", "POST"}, {":path", "/v1/images/edits"}, {"content-type", "multipart/form-data; boundary=b"}},
	{{":status", "200"}, {"content-type", "text/event-stream"}},
	{{":status", "200"}, {"content-type", "application/json"}, {"content-length", "20"}, {"x-vsr-x", "theirs"}},
	{{":status", "nonsense"}, {"", ""}, {":path", "\x00"}},
	nil,
}

var fuzzBodies = []string{
	"", `{"model":"auto","messages":[{"role":"user","content":"to a.roe@corp.example"}],"stream":true}`,
	`{"model":"small","messages":[{"role":"user","content":"x"}]}`, `{"model":"small","mess`, `ages":[{"role":"user","content":"x"}]}`,
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"<EMAIL_ADDRESS_1>\"}}]}\n\n", "data: [DONE]\n\n", strings.Repeat("x", 3000),
}

func fuzzMessage(what, pick byte) (*ext.ProcessingRequest, string) {
	fields := &core.HeaderMap{}
	for _, f := range fuzzHeaders[int(pick)%len(fuzzHeaders)] {
		fields.Headers = append(fields.Headers, &core.HeaderValue{Key: f[0], RawValue: []byte(f[1])})
	}
	ends := pick&0x80 != 0
	headers := &ext.HttpHeaders{Headers: fields, EndOfStream: ends}
	body := &ext.HttpBody{Body: []byte(fuzzBodies[int(pick)%len(fuzzBodies)]), EndOfStream: ends}
	trailers := &ext.HttpTrailers{Trailers: fields}
	switch what % 8 {
	case 0:
		return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_RequestHeaders{RequestHeaders: headers}}, "request headers"
	case 1, 2:
		return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_RequestBody{RequestBody: body}}, "request body"
	case 3:
		return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_RequestTrailers{RequestTrailers: trailers}}, "request trailers"
	case 4:
		return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_ResponseHeaders{ResponseHeaders: headers}}, "response headers"
	case 5:
		return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_ResponseBody{ResponseBody: body}}, "response body"
	case 6:
		return &ext.ProcessingRequest{Request: &ext.ProcessingRequest_ResponseTrailers{ResponseTrailers: trailers}}, "response trailers"
	}
	return &ext.ProcessingRequest{}, "unknown"
}

// X5: whatever messages come in whatever order, nothing panics, each is
// answered in its own oneof as its mode asks, a body ends once, no reply changes
// behind its sending, and all that was held is given back.
func FuzzExtProc(f *testing.F) {
	f.Add([]byte{4, 1, 0, 0, 1, 3, 1, 0x84, 4, 5, 5, 5, 5, 0x86})
	f.Add([]byte{2, 2, 0, 0, 1, 0x81, 4, 6, 5, 0x82})
	f.Add([]byte{1, 1, 1, 0, 1, 3, 1, 0x84, 3, 8})
	f.Add([]byte{3, 3, 0, 1, 1, 2, 4, 6, 5, 2, 6, 6})
	f.Add([]byte{4, 4, 0, 0, 1, 2, 3, 8, 1, 0x82, 4, 5, 5, 5, 6, 6, 5, 0x85})
	f.Add([]byte{0x14, 1, 0, 0, 1, 0x82})
	refuse, refuseGates := fuzzDoor(f, "refuse")
	serve, serveGates := fuzzDoor(f, "default")
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) < 3 || len(script) > 64 {
			return
		}
		door, gates := refuse, refuseGates
		if script[2]&1 != 0 {
			door, gates = serve, serveGates
		}
		l := &listener{silent: script[2]&2 != 0}
		if script[0]&0x20 == 0 {
			l.modes = modes{known: true, request: mode(script[0] % 6), response: mode(script[1] % 6)}
		}
		timer := time.NewTimer(time.Hour)
		defer timer.Stop()
		s := &stream{door: door, wire: l, ctx: t.Context(), deadline: timer}
		for i := 3; i+1 < len(script); i += 2 {
			m, asked := fuzzMessage(script[i], script[i+1])
			if m.ObservabilityMode = l.silent; l.modes.known && i == 3 {
				m.ProtocolConfig = &ext.ProtocolConfiguration{RequestBodyMode: l.modes.request, ResponseBodyMode: l.modes.response}
			}
			l.asked = asked
			done, err := s.step(m)
			if l.answered(done); l.wrong != "" || err != nil {
				t.Fatalf("%v: %v\n%s", l.modes, err, l.wrong)
			}
			if done {
				break
			}
		}
		s.close()
		if gates.Held() != 0 {
			t.Fatalf("%d bytes are held", gates.Held())
		}
		l.unchanged(t)
	})
}
