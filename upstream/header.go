package upstream

import (
	"net/http"
	"net/textproto"
	"strings"
)

// hopByHop reports headers that belong to one connection and are never passed on
// (RFC 9110, 7.6.1), in either direction; nor is any header that Connection names.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings":
		return true
	}
	return false
}

// madeAnew reports request headers that describe the client's connection to us.
// We send a complete body to a host of our own, so there is nothing to expect.
func madeAnew(name string) bool {
	return name == "Host" || name == "Content-Length" || name == "Expect"
}

// isCredential reports what a client proves itself with, to us and to nobody else.
func isCredential(name string) bool {
	switch name {
	case "Authorization", "Cookie",
		"Api-Key",        // Azure OpenAI
		"X-Api-Key",      // Anthropic
		"X-Goog-Api-Key": // Google
		return true
	}
	return false
}

// speaksForOrigin reports response headers that speak for an origin. The client
// sees our origin: an upstream must not set its cookies there, pin its transport
// security, or send the client elsewhere. Options.PassHeaders makes exceptions.
func speaksForOrigin(name string) bool {
	switch name {
	case "Alt-Svc", "Clear-Site-Data", "Nel", "Report-To", "Reporting-Endpoints", "Set-Cookie", "Strict-Transport-Security":
		return true
	}
	return false
}

// wireName is the header map key under which the transport is given a header.
//
// The transport takes either of the two below on a POST as leave to send it again
// over a new connection after the first one broke, bytes written or not: a second
// completion, billed twice. It looks them up by canonical name. Under a
// lower-case key it does not see them, and the wire, where case means nothing,
// still carries them.
func wireName(name string) string {
	if name == "Idempotency-Key" || name == "X-Idempotency-Key" {
		return strings.ToLower(name)
	}
	return name
}

// requestHeader is the header to send to e for a client's header in. Values are
// shared with in, not copied.
func requestHeader(in http.Header, e *endpoint, readable bool) http.Header {
	out := make(http.Header, len(in)+2)
	named := connectionNames(in)
	for key, values := range in {
		name := textproto.CanonicalMIMEHeaderKey(key)
		switch {
		case hopByHop(name), madeAnew(name), named[name]:
		case isCredential(name) && !e.ForwardAuth:
		default:
			name = wireName(name)
			if out[name] == nil {
				out[name] = values[:len(values):len(values)]
			} else { // two spellings of one name
				out[name] = append(out[name], values...)
			}
		}
	}
	if !e.Key.IsZero() {
		out["Authorization"] = []string{"Bearer " + e.Key.Reveal()}
	}
	if readable {
		// What is to be taken out of a stream, or changed, must be readable in it.
		out["Accept-Encoding"] = []string{"identity"}
	}
	if _, ok := out["User-Agent"]; !ok {
		out["User-Agent"] = []string{""} // keeps the transport from adding its own
	}
	return out
}

// connectionNames are the canonical names that a Connection header lists, nil if
// there are none.
func connectionNames(h http.Header) map[string]bool {
	var names map[string]bool
	for _, value := range h["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			if name = textproto.TrimString(name); name != "" {
				if names == nil {
					names = make(map[string]bool)
				}
				names[textproto.CanonicalMIMEHeaderKey(name)] = true
			}
		}
	}
	return names
}

// responseRule says which of an upstream's headers and trailers reach the client.
type responseRule struct {
	pass     map[string]bool        // exceptions from speaksForOrigin
	named    map[string]bool        // listed in the answer's Connection header
	reserved func(name string) bool // the caller's own names; may be nil
}

func (r responseRule) allows(name string) bool {
	switch {
	case hopByHop(name), r.named[name]:
		return false
	case speaksForOrigin(name) && !r.pass[name]:
		return false
	}
	return r.reserved == nil || !r.reserved(name)
}
