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
// It must not know how a decision is made, nor how an endpoint is picked. Only
// the routes listed in routes exist; paths are never cleaned or rewritten.
package proxy

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

// Door serves the routes with whatever generation is current.
type Door struct {
	current *live.Current
	metrics *telemetry.Metrics
	tracing *telemetry.Tracing
	log     *slog.Logger
}

// New gives a door; it opens nothing.
func New(current *live.Current, m *telemetry.Metrics, t *telemetry.Tracing, log *slog.Logger) *Door {
	return &Door{current: current, metrics: m, tracing: t, log: log}
}

// route is an endpoint that takes a body and goes upstream.
type route struct {
	path string
	kind chat.Kind
	form bool // multipart/form-data instead of JSON
}

// routes are the POST endpoints. Those of kind ByModel pass by the name in
// "model" and are never classified.
var routes = []route{
	{path: "/v1/chat/completions", kind: chat.Chat},
	{path: "/v1/completions", kind: chat.Completions},
	{path: "/v1/responses", kind: chat.Responses},
	{path: "/v1/embeddings", kind: chat.ByModel},
	{path: "/v1/moderations", kind: chat.ByModel},
	{path: "/v1/rerank", kind: chat.ByModel},
	{path: "/v1/score", kind: chat.ByModel},
	{path: "/v1/audio/speech", kind: chat.ByModel},
	{path: "/v1/audio/transcriptions", kind: chat.ByModel, form: true},
	{path: "/v1/audio/translations", kind: chat.ByModel, form: true},
	{path: "/v1/images/generations", kind: chat.ByModel},
	{path: "/v1/images/edits", kind: chat.ByModel, form: true},
	{path: "/v1/images/variations", kind: chat.ByModel, form: true},
}

// Handler is the closed set of routes.
func (d *Door) Handler() http.Handler {
	mux := chi.NewRouter()
	for _, one := range routes {
		mux.Post(one.path, d.handle(one.path, func(x *exchange) { x.forward(one) }))
	}
	mux.Get("/v1/models", d.handle("/v1/models", (*exchange).listModels))
	mux.Get("/v1/models/*", d.handle("/v1/models/*", (*exchange).showModel))
	mux.NotFound(d.handle("none", func(x *exchange) { x.fail(chat.NotFound(x.r.Method, x.r.URL.Path)) }))
	mux.MethodNotAllowed(d.handle("none", (*exchange).wrongMethod))
	return mux
}

// handle wraps a route's work with what all routes share: the generation, the
// admission, the headers of every answer, and the record at the end.
func (d *Door) handle(name string, work func(*exchange)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		gen := d.current.Acquire()
		if gen == nil { // at the very end of a shutdown
			chat.WriteError(w, notReady)
			return
		}
		defer gen.Release()
		x := newExchange(d, gen, name, w, r)
		defer x.close()
		w.Header().Set(router.HeaderSchemaVersion, router.SchemaVersion)
		w.Header().Set(headerRequestID, x.id)
		leave, refusal := x.admit()
		if refusal != nil {
			x.fail(refusal)
			return
		}
		defer leave()
		work(x)
	}
}

var notReady = &chat.Error{
	Status: http.StatusServiceUnavailable, Type: "server_error", Code: "not_ready", Message: "The proxy is stopping.",
}

// wrongMethod answers a served path asked with another method.
func (x *exchange) wrongMethod() {
	allowed := http.MethodPost
	if strings.HasPrefix(x.r.URL.Path, "/v1/models") {
		allowed = http.MethodGet
	}
	x.fail(chat.MethodNotAllowed(allowed))
}
