package extproc

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"

	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/exchange"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

// once is a stream of one message.
type once struct {
	grpc.ServerStream
	ctx  context.Context
	in   chan *ext.ProcessingRequest
	sent []*ext.ProcessingResponse
}

func (o *once) Context() context.Context { return o.ctx }

func (o *once) Recv() (*ext.ProcessingRequest, error) {
	select {
	case m := <-o.in:
		return m, nil
	case <-o.ctx.Done():
		return nil, o.ctx.Err()
	}
}

func (o *once) Send(m *ext.ProcessingResponse) error {
	o.sent = append(o.sent, m)
	return nil
}

// X5: a panic ends one exchange, with an answer, and neither the process nor what
// the exchange held outlives it.
func TestPanicEndsOneExchange(t *testing.T) {
	cfg, err := config.Parse("config.yaml", []byte(strings.Replace(fuzzed, "POLICY", "default", 1)))
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	log, m := slog.New(slog.NewTextHandler(&logged, nil)), telemetry.NewMetrics(telemetry.MetricsOptions{})
	d := &Door{current: &live.Current{}, core: exchange.NewCore(m, &telemetry.Tracing{}, log), metrics: m, log: log, first: time.Minute}
	gates := live.NewGates(cfg.Server.Limits)
	d.current.Swap(&live.Generation{Config: cfg, Gates: gates, Close: func() {}}) // no router
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := &once{ctx: ctx, in: make(chan *ext.ProcessingRequest, 1)}
	first, _ := fuzzMessage(0, 0)
	first.ProtocolConfig = &ext.ProtocolConfiguration{}
	w.in <- first
	if err := d.Process(w); err != nil {
		t.Fatal(err)
	}
	if len(w.sent) != 1 || w.sent[0].GetImmediateResponse().GetStatus().GetCode() != 500 || !strings.Contains(string(w.sent[0].GetImmediateResponse().GetBody()), `"internal_error"`) {
		t.Errorf("sent %v", w.sent)
	}
	if text := logged.String(); !strings.Contains(text, "nil pointer") || !strings.Contains(text, "unread.go") || !strings.Contains(text, "status=500") {
		t.Errorf("logged %s", text)
	}
	for range cfg.Server.Limits.Concurrency {
		if !gates.Enter(ctx, 0) {
			t.Fatal("its place was not given back")
		}
	}
}
