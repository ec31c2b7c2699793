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

// isPreflight tells whether a browser asks what a page may send, which is answered by
// the gateway's CORS policy, and by filters behind this one. There is nothing in it to
// decide on, as long as it has no body.
func (h head) isPreflight() bool {
	return h.method == http.MethodOptions && h.fields.Get("Access-Control-Request-Method") != "" && strings.HasPrefix(h.path, "/v1/")
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
	for range 3 { // some servers decode, and some twice
		for _, read := range []string{cleaned(plain), cleaned(withoutParameters(plain))} {
			if read == "/v1" && read != raw || strings.HasPrefix(read, "/v1/") {
				return true
			}
		}
		plain = unescaped(plain)
	}
	return false
}

// cleaned is a path as servers read it that don't tell cases and slashes apart.
func cleaned(plain string) string {
	return path.Clean("/" + strings.ToLower(strings.ReplaceAll(plain, `\`, "/")))
}

// withoutParameters takes what begins with a semicolon out of each segment.
func withoutParameters(plain string) string {
	segments := strings.FieldsFunc(plain, func(r rune) bool { return r == '/' || r == '\\' })
	for i, segment := range segments {
		segments[i], _, _ = strings.Cut(segment, ";")
	}
	return strings.Join(segments, "/")
}

// unescaped decodes what is escaped well, and leaves the rest, as lenient servers do.
func unescaped(plain string) string {
	var out strings.Builder
	for len(plain) > 0 {
		n := 1
		if len(plain) >= 3 && plain[0] == '%' {
			n = 3
		}
		if once, err := url.PathUnescape(plain[:n]); err == nil {
			out.WriteString(once)
		} else {
			n = 1
			out.WriteByte(plain[0])
		}
		plain = plain[n:]
	}
	return out.String()
}
