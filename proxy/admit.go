package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// admit checks the headers and the key and waits for a place. The caller owes
// leave, which is nil together with a refusal.
func (x *exchange) admit() (leave func(), refusal *chat.Error) {
	limits := &x.gen.Config.Server.Limits
	if n := fieldCount(x.r.Header); n > limits.HeaderFields {
		x.door.metrics.LimitRejected("header_fields")
		return nil, &chat.Error{
			Status: http.StatusRequestHeaderFieldsTooLarge, Type: "invalid_request_error", Code: "too_many_headers",
			Message: fmt.Sprintf("The request has %d header fields; the limit server.limits.header_fields is %d.", n, limits.HeaderFields),
		}
	}
	if name := router.Disguised(x.r.Header); name != "" {
		return nil, &chat.Error{
			Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "reserved_header",
			Message: fmt.Sprintf("The header %q reads as a reserved one; it is refused.", name),
		}
	}
	if !authorized(x.r.Header, x.gen.Config.Server.APIKeys) {
		return nil, chat.Unauthorized()
	}
	if !x.gen.Gates.Enter(x.ctx, limits.Wait) {
		x.door.metrics.LimitRejected("concurrency")
		return nil, chat.Overloaded("server.limits.concurrency")
	}
	return x.gen.Gates.Leave, nil
}

func fieldCount(h http.Header) int {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n
}

// authorized compares the bearer token with every key in constant time, by
// their SHA-256. Without keys everyone may call; two Authorization headers are
// one too many.
func authorized(h http.Header, keys []config.ClientKey) bool {
	if len(keys) == 0 {
		return true
	}
	given := h["Authorization"]
	if len(given) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	digest := sha256.Sum256([]byte(token))
	match := 0
	for _, k := range keys {
		want := k.Digest()
		match |= subtle.ConstantTimeCompare(digest[:], want[:])
	}
	return match == 1 && strings.EqualFold(scheme, "Bearer")
}
