package telemetry

import (
	"net/http"

	"github.com/google/uuid"
)

const (
	headerRequestID = "X-Request-Id"
	maxRequestID    = 128
)

// RequestID returns the client's x-request-id if it is one line of at most 128 bytes of [A-Za-z0-9._:/+=@-] and was
// sent once, and a new UUIDv7 otherwise. What it returns is safe in a header, a log line and a span.
func RequestID(h http.Header) string {
	if ids := h[headerRequestID]; len(ids) == 1 && validRequestID(ids[0]) {
		return ids[0]
	}
	return uuid.Must(uuid.NewV7()).String() // fails only if crypto/rand does, which since Go 1.24 ends the process itself
}

func validRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '_', c == ':', c == '/', c == '+', c == '=', c == '@', c == '-':
		default:
			return false
		}
	}
	return true
}
