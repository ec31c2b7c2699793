package router

import (
	"net/http"
	"strings"
)

// The header names that vsr-proxy sets. They stand in this file alone.
const (
	// HeaderSelectedModel goes to the backend or gateway with every request
	// that was decided on; HTTPRoutes match it.
	HeaderSelectedModel = "X-Selected-Model"
	// HeaderRequestID goes to the backend with the id in logs and traces.
	HeaderRequestID = "X-Vsr-Request-Id"
	// HeaderDebug set to "true" by the client asks for the debug headers.
	HeaderDebug = "X-Vsr-Debug"

	// HeaderSchemaVersion is on every response, HeaderResponsePath on every one
	// but the lists of models.
	HeaderSchemaVersion = "X-Vsr-Schema-Version"
	HeaderResponsePath  = "X-Vsr-Response-Path"

	// On responses to requests that a model was selected for.
	HeaderModel      = "X-Vsr-Selected-Model"
	HeaderDecision   = "X-Vsr-Selected-Decision"
	HeaderCategory   = "X-Vsr-Selected-Category"
	HeaderConfidence = "X-Vsr-Confidence"

	// HeaderDegraded says why the default model was taken, and HeaderUnread how
	// many tokens of the prompt the classifier did not read, where either
	// happened.
	HeaderDegraded = "X-Vsr-Degraded-Reason"
	HeaderUnread   = "X-Vsr-Unread-Tokens"

	// HeaderMasked is how many values were replaced in the request by a decision
	// that masks, and HeaderUnmasked why its answer went on with placeholders in
	// it, where that happened.
	HeaderMasked   = "X-Vsr-Masked"
	HeaderUnmasked = "X-Vsr-Not-Unmasked"

	// HeaderSignals and HeaderTimings, which is in milliseconds, are sent when
	// debugging was asked for.
	HeaderSignals = "X-Vsr-Matched-Signals"
	HeaderTimings = "X-Vsr-Timings"

	// SchemaVersion is the value of HeaderSchemaVersion; it changes when the
	// meaning of a response header does.
	SchemaVersion = "1"
)

// reserved are the names, and with a trailing "*" the prefixes, that only we,
// Envoy or the gateway may set towards a backend. Lower case, with hyphens.
var reserved = []string{
	"x-selected-model",
	"x-vsr-*",
	"x-envoy-*",
	"x-gateway-destination-endpoint*",
	"x-gateway-model-name*",
	"x-gateway-inference-*",
}

// Reserved tells whether a client's header of this name must not travel on. It
// sees through case and through underscores, which many backends read as
// hyphens.
func Reserved(name string) bool {
	if name == "" || name[0]|0x20 != 'x' { // as all of them begin
		return false
	}
	folded := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	for _, r := range reserved {
		if prefix, ok := strings.CutSuffix(r, "*"); ok && strings.HasPrefix(folded, prefix) || folded == r {
			return true
		}
	}
	return false
}

// Disguised gives the name of a header that folds to a reserved one through an
// underscore, and "" where there is none. No honest client sends one.
func Disguised(h http.Header) string {
	for name := range h {
		if strings.Contains(name, "_") && Reserved(name) {
			return name
		}
	}
	return ""
}

// StripReserved takes the reserved headers out of a client's request.
func StripReserved(h http.Header) {
	for name := range h {
		if Reserved(name) {
			delete(h, name)
		}
	}
}
