// Package proxy is the HTTP door: an OpenAI-compatible server under /v1.
//
// The walk of a request: admit (place, key, headers), gather the body under
// limits, decide (package router), send and stream (package upstream), close
// (metrics, one log line). Its promises: a request body reaches a backend whole
// or not at all; an answer passes byte for byte, each event at once, but for
// placeholders of masked values, which become the values again; a client
// that leaves cancels its upstream exchange; every refusal is a JSON body in
// OpenAI's shape; reserved headers come from us alone, in both directions.
//
// What it shares with the other door is in package exchange; here is what is
// HTTP's own. It must not know how a decision is made, nor how an endpoint is
// picked. Only the routes listed there exist; paths are never cleaned or
// rewritten.
package proxy

import (
	"log/slog"
	"net/http"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/exchange"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

// Door serves the routes with whatever generation is current.
type Door struct {
	current *live.Current
	core    *exchange.Core
}

// New gives a door; it opens nothing.
func New(current *live.Current, m *telemetry.Metrics, t *telemetry.Tracing, log *slog.Logger) *Door {
	return &Door{current: current, core: exchange.NewCore(m, t, log)}
}

// Handler is the closed set of routes.
func (d *Door) Handler() http.Handler { return http.HandlerFunc(d.serve) }

// serve does what all routes share: the generation, the admission, the headers of
// every answer, and the record at the end.
func (d *Door) serve(w http.ResponseWriter, r *http.Request) {
	gen := d.current.Acquire()
	if gen == nil { // at the very end of a shutdown
		chat.WriteError(w, exchange.NotReady)
		return
	}
	defer gen.Release()
	to, refusal := exchange.Find(r.Method, r.URL)
	name := exchange.NoRoute
	if refusal == nil {
		name = to.Pattern
	}
	x := &call{w: w, r: r}
	x.Exchange, x.ctx = d.core.Begin(r.Context(), gen, name, r.Method, r.Header)
	defer x.close()
	x.Greet(w.Header().Set)
	leave, refused := x.admit()
	if refused != nil {
		x.fail(refused)
		return
	}
	defer leave()
	switch {
	case refusal != nil:
		x.fail(refusal)
	case !to.TakesBody():
		x.models()
	default:
		x.forward(to)
	}
}

// models answers the routes that go to no backend.
func (x *call) models() {
	body, refusal := x.Models(x.r.URL)
	if refusal != nil {
		x.fail(refusal)
		return
	}
	x.Status = http.StatusOK
	x.w.Header().Set("Content-Type", "application/json")
	_, _ = x.w.Write(body) // fails only when the client left
}
