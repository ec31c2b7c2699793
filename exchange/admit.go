package exchange

import (
	"context"
	"fmt"
	"net/http"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// CheckFields refuses a request with too many header fields, and one with a
// reserved name in disguise.
func (x *Exchange) CheckFields(h http.Header) *chat.Error {
	most := x.Gen.Config.Server.Limits.HeaderFields
	if n := fieldCount(h); n > most {
		x.core.metrics.LimitRejected("header_fields")
		return &chat.Error{
			Status: http.StatusRequestHeaderFieldsTooLarge, Type: "invalid_request_error", Code: "too_many_headers",
			Message: fmt.Sprintf("The request has %d header fields; the limit server.limits.header_fields is %d.", n, most),
		}
	}
	if name := router.Disguised(h); name != "" {
		return &chat.Error{
			Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "reserved_header",
			Message: fmt.Sprintf("The header %q reads as a reserved one; it is refused.", name),
		}
	}
	return nil
}

func fieldCount(h http.Header) int {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n
}

// Enter waits for a place. The door owes leave, which is nil together with a
// refusal.
func (x *Exchange) Enter(ctx context.Context) (leave func(), refusal *chat.Error) {
	if !x.Gen.Gates.Enter(ctx, x.Wait) {
		x.core.metrics.LimitRejected("concurrency")
		return nil, chat.Overloaded("server.limits.concurrency")
	}
	return x.Gen.Gates.Leave, nil
}
