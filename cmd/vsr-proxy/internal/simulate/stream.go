package simulate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// stream writes server-sent events, each flushed at once. After end it writes nothing more.
type stream struct {
	w      http.ResponseWriter
	r      *http.Request
	flush  func() error
	delay  time.Duration
	fault  fault
	broken func(*stream) // writes the endpoint's error event, for simulate:break

	tokens int
	over   bool // the client is gone or the fault has happened
}

// startStream sends the head of an event stream.
func (b *backend) startStream(w http.ResponseWriter, r *http.Request, f fault, broken func(*stream)) *stream {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	return &stream{w: w, r: r, flush: http.NewResponseController(w).Flush, delay: b.opts.TokenDelay, fault: f, broken: broken}
}

// token paces the stream: it is called before each token, and carries the fault out when its time has come.
func (s *stream) token() {
	if s.over {
		return
	}
	if s.tokens == faultAfter {
		switch s.fault.kind {
		case faultStall:
			wait(s.r.Context(), maxHang)
			s.over = true
		case faultReset:
			reset(s.w)
			s.over = true
		case faultBreak:
			s.broken(s)
			s.over = true
		}
	}
	s.tokens++
	if !wait(s.r.Context(), s.delay) {
		s.over = true
	}
}

// event sends v as JSON, under an event name if there is one.
func (s *stream) event(name string, v any) {
	body, err := json.Marshal(v)
	if err != nil { // every v is a struct or map of this package's making
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	if name != "" {
		s.write(fmt.Sprintf("event: %s\ndata: %s\n\n", name, body))
		return
	}
	s.write(fmt.Sprintf("data: %s\n\n", body))
}

// done sends the end mark of chat completions and completions.
func (s *stream) done() { s.write("data: [DONE]\n\n") }

func (s *stream) write(text string) {
	if s.over {
		return
	}
	if _, err := s.w.Write([]byte(text)); err != nil || s.flush() != nil {
		s.over = true
	}
}

// breakChat is the error event of chat completions and completions.
func breakChat(s *stream) {
	s.event("", map[string]any{"error": map[string]any{
		"message": "simulated failure, as asked for", "type": "server_error", "code": "simulated_break", "param": nil,
	}})
}

// think lets the time pass that a whole answer takes, and reports whether the client waited.
func (b *backend) think(r *http.Request, rep reply) bool {
	return wait(r.Context(), time.Duration(rep.size())*b.opts.TokenDelay)
}
