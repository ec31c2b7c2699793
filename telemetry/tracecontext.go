package telemetry

import (
	"net/http"
	"strings"
)

const (
	headerTraceParent = "Traceparent"
	headerTraceState  = "Tracestate"

	maxTraceState = 512 // W3C Trace Context, 3.3.1.5: vendors should propagate at least this much
)

// dropBadTraceContext removes trace context that the W3C recommendation calls invalid, so that what a client sends
// reaches the upstream well formed or not at all.
func dropBadTraceContext(h http.Header) {
	parents := h[headerTraceParent]
	if len(parents) != 1 || !validTraceParent(parents[0]) {
		h.Del(headerTraceParent)
		h.Del(headerTraceState)
		return
	}
	if states, ok := h[headerTraceState]; ok && !validTraceState(states) {
		h.Del(headerTraceState)
	}
}

// validTraceParent follows W3C Trace Context level 1, section 3.2.2: "00-" 32 hex "-" 16 hex "-" 2 hex in lower case,
// ids not all zero. A later version may append fields after another dash; version ff is forbidden.
func validTraceParent(v string) bool {
	const base = 55 // length of a version 00 value
	if len(v) < base || len(v) > maxTraceState || v[2] != '-' || v[35] != '-' || v[52] != '-' {
		return false
	}
	version, trace, parent, flags := v[:2], v[3:35], v[36:52], v[53:base]
	if !lowerHex(version) || !lowerHex(trace) || !lowerHex(parent) || !lowerHex(flags) || version == "ff" {
		return false
	}
	if len(v) > base && (version == "00" || v[base] != '-' || !printable(v[base:])) {
		return false
	}
	return strings.Trim(trace, "0") != "" && strings.Trim(parent, "0") != ""
}

// validTraceState checks size and alphabet; the list members mean nothing to us.
func validTraceState(values []string) bool {
	total := 0
	for _, v := range values {
		total += len(v)
		if !printable(v) {
			return false
		}
	}
	return total <= maxTraceState
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
