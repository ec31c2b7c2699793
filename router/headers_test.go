package router_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/router"
)

// H1: the names that only we, Envoy or a gateway may set.
func TestReservedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"x-selected-model":                      true,
		"X-Selected-Model":                      true,
		"X-SELECTED-MODEL":                      true,
		"x_selected_model":                      true,
		"X_Selected-model":                      true,
		"x-vsr-":                                true,
		"x-vsr-request-id":                      true,
		"X_VSR_Looper-Request":                  true,
		"x-vsr-anything-at-all":                 true,
		"x-envoy-original-path":                 true,
		"x-envoy-upstream-rq-timeout-ms":        true,
		"x-gateway-destination-endpoint":        true,
		"x-gateway-destination-endpoint-served": true,
		"x-gateway-model-name":                  true,
		"x-gateway-model-name-rewrite":          true,
		"x-gateway-inference-objective":         true,

		"x-selected-models": false,
		"x-selected-mode":   false,
		"xx-selected-model": false,
		"x-vsr":             false,
		"x-vsrx":            false,
		"x-gateway":         false,
		"x-request-id":      false,
		"traceparent":       false,
		"authorization":     false,
		"x-stainless-lang":  false,
		"openai-beta":       false,
		"":                  false,
		"x-selected-model ": false, // no header name; net/http refuses it
	} {
		if got := router.Reserved(name); got != want {
			t.Errorf("Reserved(%q) = %v", name, got)
		}
	}
}

// All that we set ourselves is reserved, so that nobody else can.
func TestOwnHeadersAreReserved(t *testing.T) {
	for _, name := range []string{
		router.HeaderSelectedModel, router.HeaderRequestID, router.HeaderDebug, router.HeaderSchemaVersion,
		router.HeaderResponsePath, router.HeaderModel, router.HeaderDecision, router.HeaderCategory, router.HeaderConfidence,
		router.HeaderDegraded, router.HeaderUnread, router.HeaderSignals, router.HeaderTimings,
	} {
		if !router.Reserved(name) || name != http.CanonicalHeaderKey(name) {
			t.Errorf("%s is not reserved, or not in canonical form", name)
		}
	}
}

func TestDisguisedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"x_selected_model": true, "X_selected-Model": true, "X-Vsr_request_id": true, "x_envoy_x": true,
		"X-Selected-Model": false, "X-Vsr-A": false, "x_other": false, "Content-Type": false,
	} {
		got := router.Disguised(http.Header{name: {"v"}, "Accept": {"*/*"}})
		if (got != "") != want || want && got != name {
			t.Errorf("Disguised(%q) = %q", name, got)
		}
	}
}

func TestStripReserved(t *testing.T) {
	h := http.Header{
		"X-Selected-Model": {"theirs", "again"}, "x-selected-model": {"raw key"}, "X_selected_model": {"v"},
		"X-Vsr-Skip": {"true"}, "X-Envoy-Attempt": {"1"}, "X-Gateway-Destination-Endpoint": {"10.0.0.1:80"},
		"Accept": {"*/*"}, "X-Request-Id": {"id"},
	}
	router.StripReserved(h)
	if want := (http.Header{"Accept": {"*/*"}, "X-Request-Id": {"id"}}); !reflect.DeepEqual(h, want) {
		t.Errorf("left %v", h)
	}
}

// H1: a decision can't depend on any header, since what is decided on has none.
// The door's own tests compare decisions with and without reserved headers.
func TestDecisionSeesNoHeaders(t *testing.T) {
	of := reflect.TypeFor[router.Request]()
	for i := range of.NumField() {
		switch f := of.Field(i); f.Name {
		case "Kind", "Form", "Body", "Trace":
		case "Late", "AnswerUnseen": // by the mode that the gateway's operator chose, and what protects is tried all the same
		default:
			t.Errorf("Request has a field %s: if a client's header can set it, show here that it can't lower scrutiny", f.Name)
		}
	}
}

// FuzzHeaders: no reserved name passes, however it is spelt.
func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{"x-selected-model", "X_VSR_skip", "x-envoy-", "X-Gateway-Model-Name", "x-vsr", "Accept", "x‐selected‐model", "X-ſelected-Model", "X-\u212Aey"} {
		f.Add(seed, uint64(5))
	}
	f.Fuzz(func(t *testing.T, name string, flip uint64) {
		spelt := []byte(name) // as a sloppy reader would still take for the same name
		for i, c := range spelt {
			switch bit := flip>>(i%64)&1 == 1; {
			case bit && c == '-':
				spelt[i] = '_'
			case bit && c == '_':
				spelt[i] = '-'
			case bit && 'a' <= c && c <= 'z':
				spelt[i] = c - 'a' + 'A'
			case bit && 'A' <= c && c <= 'Z':
				spelt[i] = c - 'A' + 'a'
			}
		}
		if router.Reserved(name) != router.Reserved(string(spelt)) {
			t.Fatalf("Reserved differs for %q and %q", name, spelt)
		}
		h := http.Header{string(spelt): {"theirs"}, "Accept": {"*/*"}}
		h.Add(string(spelt), "again")
		disguised := router.Disguised(h)
		router.StripReserved(h)
		for left := range h {
			plain := strings.ToLower(strings.ReplaceAll(left, "_", "-"))
			if plain == "x-selected-model" || strings.HasPrefix(plain, "x-vsr-") || strings.HasPrefix(plain, "x-envoy-") ||
				strings.HasPrefix(plain, "x-gateway-destination-endpoint") || strings.HasPrefix(plain, "x-gateway-model-name") {
				t.Fatalf("%q passed as %q (disguised: %q)", name, left, disguised)
			}
		}
	})
}
