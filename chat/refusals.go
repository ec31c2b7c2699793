package chat

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// NotFound is the answer to a path that is not served. method and path are
// quoted back, bounded.
func NotFound(method, path string) *Error {
	return &Error{
		Status: http.StatusNotFound, Type: typeInvalidRequest, Code: "unknown_url", NoRetry: true,
		Message: fmt.Sprintf("Unknown request URL: %s. Please check the URL for typos.", quote(method+" "+path, 128)),
	}
}

// MethodNotAllowed is the answer to a served path asked with another method than
// those allowed.
func MethodNotAllowed(allowed ...string) *Error {
	list := strings.Join(allowed, ", ")
	return &Error{
		Status: http.StatusMethodNotAllowed, Type: typeInvalidRequest, Code: "method_not_supported", NoRetry: true,
		Message: "Method not allowed. Use " + list + ".", allow: list,
	}
}

// TooLarge refuses a body of more than limit bytes.
func TooLarge(limit int64) *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge, Type: typeInvalidRequest, Code: "request_too_large", NoRetry: true,
		Message: fmt.Sprintf("The request body is larger than the limit body_bytes (%d).", limit),
	}
}

// UnsupportedMediaType refuses a content type or a content encoding; accepted
// names what would do.
func UnsupportedMediaType(accepted string) *Error {
	return &Error{
		Status: http.StatusUnsupportedMediaType, Type: typeInvalidRequest, Code: "unsupported_content_type", NoRetry: true,
		Message: "Unsupported content type or encoding. Expected " + accepted + ".",
	}
}

// ModelNotFound refuses the model called name and says which there are; it quotes
// at most 64 bytes of name and 20 of the known ones.
func ModelNotFound(name string, known []string) *Error {
	const shown = 20
	m := fmt.Sprintf("The model %s does not exist or you do not have access to it.", quote(name, 64))
	if len(known) > 0 {
		list := make([]string, 0, shown)
		for _, k := range known[:min(len(known), shown)] {
			list = append(list, quote(k, 64))
		}
		m += " Known models: " + strings.Join(list, ", ")
		if len(known) > shown {
			m += fmt.Sprintf(" and %d more", len(known)-shown)
		}
		m += "."
	}
	return &Error{
		Status: http.StatusNotFound, Type: typeInvalidRequest, Code: "model_not_found", Param: "model", NoRetry: true, Message: m,
	}
}

// Unauthorized refuses a missing or wrong API key without saying which it was.
func Unauthorized() *Error {
	return &Error{
		Status: http.StatusUnauthorized, Type: typeInvalidRequest, Code: "invalid_api_key", NoRetry: true,
		Message: "Missing or incorrect API key.", authenticates: "Bearer",
	}
}

// RequestTimeout is the answer to a body that came too slowly.
func RequestTimeout() *Error {
	return &Error{
		Status: http.StatusRequestTimeout, Type: typeInvalidRequest, Code: "request_timeout",
		Message: "The request body did not arrive in time.",
	}
}

// Overloaded is the answer where the limit of that name is reached. The SDKs try
// again later.
func Overloaded(limit string) *Error {
	return &Error{
		Status: http.StatusServiceUnavailable, Type: typeServer, Code: "overloaded",
		Message: fmt.Sprintf("The server is overloaded (limit %s). Please try again later.", limit),
	}
}

// UpstreamUnavailable is the answer where no backend could be reached or its answer
// made no sense. It says nothing about the backend.
func UpstreamUnavailable() *Error {
	return &Error{
		Status: http.StatusBadGateway, Type: typeServer, Code: "upstream_unavailable",
		Message: "The model's backend is unavailable.",
	}
}

// UpstreamTimeout is the answer where the backend did not answer in time.
func UpstreamTimeout() *Error {
	return &Error{
		Status: http.StatusGatewayTimeout, Type: typeServer, Code: "upstream_timeout",
		Message: "The model's backend did not answer in time.",
	}
}

// quote shows at most limit bytes of what a client sent between backticks, as
// OpenAI does, with control characters and quotes escaped.
func quote(s string, limit int) string {
	more := ""
	if len(s) > limit {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s, more = s[:limit], "..."
	}
	quoted := strconv.Quote(strings.ReplaceAll(s, "`", "'"))
	return "`" + quoted[1:len(quoted)-1] + more + "`"
}
