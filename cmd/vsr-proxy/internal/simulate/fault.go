package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A client asks for a fault by a last user text of one of these forms, at any endpoint that generates text:
//
//	simulate:error:STATUS  that status (400 to 599) in OpenAI's envelope; 429 and 503 carry "Retry-After: 1"
//	simulate:hang          no answer until the client goes away
//	simulate:stall         a stream that falls silent after three tokens; without streaming, like hang
//	simulate:reset         a connection reset after three tokens of a stream, or instead of an answer
//	simulate:break         a stream that ends in an error event after three tokens; without streaming, status 500
//	simulate:words:N       no fault: an answer of N words (at most 100,000)
//	simulate:stats         no fault: an answer that is a JSON object, the counts of [stats]
const faultPrefix = "simulate:"

const (
	faultError = "error"
	faultHang  = "hang"
	faultStall = "stall"
	faultReset = "reset"
	faultBreak = "break"
	wishWords  = "words"
	wishStats  = "stats"

	faultAfter = 3                // tokens of a stream before its fault
	maxHang    = 10 * time.Minute // even a hang ends
	maxWords   = 100_000
)

// fault is what a text asks for; the zero fault is none.
type fault struct {
	kind string
	n    int // status or number of words
}

func parseFault(text string) fault {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), faultPrefix)
	if !ok {
		return fault{}
	}
	kind, number, numbered := strings.Cut(rest, ":")
	n, err := strconv.Atoi(number)
	switch kind {
	case faultHang, faultStall, faultReset, faultBreak, wishStats:
		if !numbered {
			return fault{kind: kind}
		}
	case faultError:
		if err == nil && n >= 400 && n <= 599 {
			return fault{kind: kind, n: n}
		}
	case wishWords:
		if err == nil && n >= 0 && n <= maxWords {
			return fault{kind: kind, n: n}
		}
	}
	return fault{}
}

// before carries out a fault that happens instead of an answer, and reports whether it did.
func (f fault) before(w http.ResponseWriter, r *http.Request, stream bool) bool {
	switch {
	case f.kind == faultError:
		if f.n == http.StatusTooManyRequests || f.n == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1")
		}
		writeError(w, f.n, errorType(f.n), fmt.Sprintf("simulated_%d", f.n), "", fmt.Sprintf("simulated error %d, as asked for", f.n))
	case f.kind == faultHang, f.kind == faultStall && !stream:
		wait(r.Context(), maxHang)
	case f.kind == faultReset && !stream:
		reset(w)
	case f.kind == faultBreak && !stream:
		writeError(w, http.StatusInternalServerError, "server_error", "simulated_break", "", "simulated failure, as asked for")
	default:
		return false
	}
	return true
}

// errorType is the "type" OpenAI's servers send with a status.
func errorType(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "authentication_error"
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= http.StatusInternalServerError:
		return "server_error"
	}
	return "invalid_request_error"
}

// wait sleeps for d and reports whether it could: false means that ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reset ends the connection so that the other side reads "connection reset" and not a clean end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2 has no connection to take: the stream is reset instead
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // close sends RST instead of FIN
	}
	_ = conn.Close()
}

// stats count POST requests, so that a test behind a proxy can see what the backend saw.
type stats struct{ started, ended, cancelled atomic.Int64 }

// String is what "simulate:stats" answers: a JSON object of started (this request included), ended (whatever way), and
// cancelled (those whose client went away first).
func (s *stats) String() string {
	text, err := json.Marshal(map[string]int64{
		"started": s.started.Load(), "ended": s.ended.Load(), "cancelled": s.cancelled.Load(),
	})
	if err != nil { // three numbers
		panic(err)
	}
	return string(text)
}
