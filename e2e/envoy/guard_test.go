//go:build e2e

package envoy_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// guarded adds decisions that block and mask to the guide's routing.
const guarded = `
extproc: {enabled: true, listen: EXTPROC}
routing:
  default_model: llama3-8b
  signals:
    keywords:
      - {name: forbidden, operator: OR, keywords: [plutonium]}
    domains: [{name: math, categories: [math], threshold: 0.5}]
    pii: [{name: personal, pii_types_allowed: [GPE, ORGANIZATION]}]
  decisions:
    - {name: no-plutonium, priority: 1000, action: block, rules: {type: keyword, name: forbidden}}
    - {name: private, priority: 900, action: mask, rules: {type: pii, name: personal}}
    - {name: math, priority: 100, model: phi4-mini, rules: {type: domain, name: math}}
`

const private = "Please write to jane.roe@example.org and tell her that I am late."

// Personal data reaches no backend, and is back in the answer, whole or streamed.
func TestMaskIsUndone(t *testing.T) {
	p := processor(t, doors+guarded)
	for _, mode := range []string{asShipped, "FULL_DUPLEX_STREAMED"} {
		for _, answer := range []string{"STREAMED", "BUFFERED", "NONE"} {
			e := gateway(t, p.Addr, reading(mode), func(g *rig.Gateway) { g.Processor.ResponseBody = answer })
			for _, kind := range []string{"echo", "echo-stream"} {
				r := call{body: chat(phi, private), reply: kind}.do(t, e.URL)
				a := arrived(r.id)
				if r.status != 200 || len(a) != 1 || a[0].Pool != phi || bytes.Contains(a[0].Body, []byte("jane.roe")) || r.header.Get("X-Vsr-Masked") != "1" {
					t.Fatalf("%s, %s, %s: %v, arrived %+v", mode, answer, kind, r, a)
				}
				text := string(r.body)
				if kind == "echo-stream" {
					text = joined(text)
				}
				if undone := strings.Contains(text, "jane.roe@example.org"); undone != (answer != "NONE") {
					t.Errorf("%s, %s, %s: %s", mode, answer, kind, r.body)
				}
				if why := r.header.Get("X-Vsr-Not-Unmasked"); (why == "body_not_sent") != (answer == "NONE") {
					t.Errorf("%s, %s, %s: x-vsr-not-unmasked %q", mode, answer, kind, why)
				}
			}
			quiet(t, e)
			e.Stop()
		}
	}
}

// joined is the text of a stream's deltas.
func joined(stream string) string {
	var out strings.Builder
	for line := range strings.Lines(stream) {
		if _, rest, ok := strings.Cut(line, `"delta":{"content":"`); ok {
			text, _, _ := strings.Cut(rest, `"}`)
			out.WriteString(text)
		}
	}
	return out.String()
}

// A blocked request reaches no backend; its answer is the HTTP door's.
func TestBlockedRequestsAreRefused(t *testing.T) {
	p := processor(t, doors+guarded)
	e := gateway(t, p.Addr)
	for _, model := range []string{"auto", phi} {
		r := call{body: chat(model, "Where do I buy plutonium?")}.do(t, e.URL)
		wantRefusal(t, r, arrived(r.id), 403, "content_blocked")
		if r.header.Get("X-Should-Retry") != "false" || r.header.Get("X-Vsr-Response-Path") != "blocked" || r.header.Get("X-Vsr-Selected-Decision") != "no-plutonium" {
			t.Error(r)
		}
	}
}
