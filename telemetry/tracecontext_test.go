package telemetry

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const goodParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// S11: only trace context that is well formed goes on.
func TestS11TraceContextIsWellFormedOrDropped(t *testing.T) {
	cases := []struct {
		name        string
		parents     []string
		states      []string
		keep        bool
		keepsStates bool
	}{
		{name: "none"},
		{name: "good", parents: []string{goodParent}, states: []string{"a=1", "b=2"}, keep: true, keepsStates: true},
		{name: "later version", parents: []string{"cc" + goodParent[2:] + "-more"}, keep: true},
		{name: "state without parent", states: []string{"a=1"}},
		{name: "two parents", parents: []string{goodParent, goodParent}, states: []string{"a=1"}},
		{name: "upper case", parents: []string{strings.ToUpper(goodParent)}},
		{name: "version ff", parents: []string{"ff" + goodParent[2:]}},
		{name: "version 00 with a tail", parents: []string{goodParent + "-more"}},
		{name: "later version without a dash", parents: []string{"cc" + goodParent[2:] + "more"}},
		{name: "zero trace", parents: []string{"00-00000000000000000000000000000000-00f067aa0ba902b7-01"}},
		{name: "zero parent", parents: []string{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"}},
		{name: "control character", parents: []string{"cc" + goodParent[2:] + "-\x1b"}},
		{name: "long state", parents: []string{goodParent}, states: []string{strings.Repeat("a", 513)}, keep: true},
		{name: "state with control character", parents: []string{goodParent}, states: []string{"a=\x00"}, keep: true},
	}
	for _, c := range cases {
		h := http.Header{}
		if c.parents != nil {
			h["Traceparent"] = c.parents
		}
		if c.states != nil {
			h["Tracestate"] = c.states
		}
		(*Tracing)(nil).Propagate(t.Context(), h)
		if got := h["Traceparent"] != nil; got != c.keep {
			t.Errorf("%s: traceparent kept: %v", c.name, got)
		}
		if got := h["Tracestate"] != nil; got != c.keepsStates {
			t.Errorf("%s: tracestate kept: %v", c.name, got)
		}
	}
}

// FuzzTraceParent holds the validation against the recommendation's own grammar.
func FuzzTraceParent(f *testing.F) {
	grammar := regexp.MustCompile(`^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[ -~]*)?)$`)
	forbidden := regexp.MustCompile(`^(ff|..-0{32}|.{35}-0{16}|00.{53}.)`)
	f.Add(goodParent)
	f.Add("cc" + goodParent[2:] + "-x")
	f.Add("ff" + goodParent[2:])
	f.Add("")
	f.Fuzz(func(t *testing.T, v string) {
		want := len(v) <= maxTraceState && grammar.MatchString(v) && !forbidden.MatchString(v)
		if got := validTraceParent(v); got != want {
			t.Errorf("%q: valid %v, want %v", v, got, want)
		}
	})
}
