// Package extproc is the Envoy door: an external processor (ext_proc) that
// decides as the HTTP door does, and tells Envoy what to change in requests and
// answers that it never carries itself.
//
// One gRPC stream is one HTTP exchange. Its promises: a body is decided on whole
// or not at all; every message of Envoy's gets what the mode of its body asks for,
// in the right oneof, in the order in which HTTP has it, with one end_of_stream at
// most; a refusal is the HTTP door's, byte for byte; reserved headers come from us
// alone, in both directions; when the stream ends, so does everything that was
// held for it.
//
// What it shares with the HTTP door is in package exchange; here is what is
// Envoy's own. It must not know how a decision is made, and it connects to
// nobody. What the protocol says is quoted from external_processor.proto and
// processing_mode.proto of envoy.service.ext_proc.v3.
package extproc

import (
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/exchange"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

// Door answers Envoy with whatever generation is current.
type Door struct {
	ext.UnimplementedExternalProcessorServer

	current *live.Current
	core    *exchange.Core
	metrics *telemetry.Metrics
	log     *slog.Logger
	first   time.Duration // for a stream's first message
}

// wire is what the door needs of a gRPC stream.
type wire interface {
	Recv() (*ext.ProcessingRequest, error)
	Send(*ext.ProcessingResponse) error
}

// Process is one exchange.
func (d *Door) Process(w ext.ExternalProcessor_ProcessServer) (err error) {
	deadline := time.NewTimer(d.first)
	defer deadline.Stop()
	s := &stream{door: d, wire: w, ctx: w.Context(), deadline: deadline}
	defer s.close()
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(p)
		}
	}()
	in := receive(w)
	for {
		select {
		case <-w.Context().Done():
			return nil // Envoy left: nobody is there to be told
		case <-deadline.C:
			return s.late()
		case m, open := <-in:
			if !open {
				return nil
			}
			if done, err := s.step(m); done || err != nil {
				return ended(err)
			}
		}
	}
}

// receive reads ahead of the handler by one message, so that waiting for the next
// can have a limit. Its goroutine ends with the stream, which the handler's return
// ends.
func receive(w ext.ExternalProcessor_ProcessServer) <-chan *ext.ProcessingRequest {
	in := make(chan *ext.ProcessingRequest)
	go func() {
		defer close(in)
		for {
			m, err := w.Recv()
			if err != nil {
				return
			}
			select {
			case in <- m:
			case <-w.Context().Done():
				return
			}
		}
	}()
	return in
}

// ended keeps a stream that Envoy ended from looking like a failure of ours.
func ended(err error) error {
	if err == nil || err == io.EOF || status.Code(err) == codes.Canceled {
		return nil
	}
	return err
}

// late ends a stream whose next message did not come in time.
func (s *stream) late() error {
	if s.request.phase != gathering && s.request.phase != holding {
		return status.Error(codes.DeadlineExceeded, "no message within server.limits.header_timeout")
	}
	return ended(s.refuse(s.x.TooSlow()))
}

// panicked answers for a handler that did not get to. What it panicked with may
// quote the request, so only its type is logged where it is no error of the
// runtime's.
func (s *stream) panicked(p any) error {
	what := fmt.Sprintf("%T", p)
	if e, ok := p.(interface{ RuntimeError() }); ok {
		what = fmt.Sprint(e)
	}
	s.door.log.Error("panic while answering Envoy", "what", what, "stack", string(debug.Stack()))
	return ended(s.refuse(internalError))
}

var internalError = &chat.Error{Status: 500, Type: "server_error", Code: "internal_error", Message: "The proxy failed on this request."}
