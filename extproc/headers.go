package extproc

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/vsr-proxy/vsr-proxy/router"
)

// head is what Envoy says of a message's headers.
type head struct {
	method, path, status string // pseudo-headers, where they are
	fields               http.Header
}

// headOf reads a header map. Envoy writes names in lower case and values raw;
// before version 1.28 they were texts.
func headOf(m *core.HeaderMap) head {
	h := head{fields: make(http.Header, len(m.GetHeaders()))}
	for _, one := range m.GetHeaders() {
		name, value := one.GetKey(), valueOf(one)
		switch name {
		case ":method":
			h.method = value
		case ":path":
			h.path = value
		case ":status":
			h.status = value
		default:
			if strings.HasPrefix(name, ":") {
				continue
			}
			name = http.CanonicalHeaderKey(name)
			h.fields[name] = append(h.fields[name], value)
		}
	}
	return h
}

func valueOf(h *core.HeaderValue) string {
	if raw := h.GetRawValue(); len(raw) > 0 {
		return string(raw)
	}
	return h.GetValue()
}

// strip removes the reserved names that are there. Envoy sees to its own, which no
// processor may change unless it is told to let it.
func (m *mutation) strip(from *core.HeaderMap) {
	for _, one := range from.GetHeaders() {
		if name := one.GetKey(); router.Reserved(name) && !strings.HasPrefix(name, "x-envoy-") {
			m.remove(name)
		}
	}
}

// isOurs tells whether a request is one for the routes. A gateway may carry others,
// which pass. One that some server could come to read as a path below /v1/ is not
// taken for another: it gets our 404.
func isOurs(target string) bool {
	raw, _, _ := strings.Cut(target, "?")
	if strings.HasPrefix(raw, "/v1/") {
		return true
	}
	plain := raw
	for range 2 { // some servers decode twice
		if once, err := url.PathUnescape(plain); err == nil {
			plain = once
		}
	}
	plain = strings.ToLower(strings.ReplaceAll(plain, `\`, "/"))
	plain, _, _ = strings.Cut(plain, ";")
	plain = path.Clean("/" + plain)
	return plain == "/v1" && plain != raw || strings.HasPrefix(plain, "/v1/")
}
