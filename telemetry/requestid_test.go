package telemetry

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// S11: a client's request id is kept only if it is safe to print and to send on.
func TestS11RequestIDIsCheckedOrMade(t *testing.T) {
	for _, good := range []string{"a", "req_0123", "trace:1/2+3=", "me@host-1.x", strings.Repeat("x", 128)} {
		if got := RequestID(http.Header{"X-Request-Id": {good}}); got != good {
			t.Errorf("%q became %q", good, got)
		}
	}
	bad := [][]string{nil, {""}, {"a b"}, {"a\r\nb"}, {"a\x1b[31m"}, {"é"}, {`"`}, {strings.Repeat("x", 129)}, {"a", "b"}}
	for _, ids := range bad {
		h := http.Header{}
		if ids != nil {
			h["X-Request-Id"] = ids
		}
		id, err := uuid.Parse(RequestID(h))
		if err != nil || id.Version() != 7 {
			t.Errorf("%q: got %v, %v, want a UUIDv7", ids, id, err)
		}
	}
}
