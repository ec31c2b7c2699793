// Package admin is the loopback door for operators: health, metrics, the
// redacted configuration, reload, and dry runs of routing and classification.
//
// It promises to show no secret and no prompt of other requests, to answer only
// hosts that a browser elsewhere can't pose as (DNS rebinding), and to change
// state on POST alone. It has no login: it listens on loopback unless the
// operator says that the network around it restricts who calls.
package admin

import (
	"net"
	"net/http"
	"net/netip"
	"slices"

	"github.com/go-chi/chi/v5"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/live"
)

// Options are what the door shows and sets off.
type Options struct {
	Current *live.Current
	Metrics http.Handler
	// Status tells how far the process is.
	Status func() Status
	// Reload reads the configuration again; its error says why the old one
	// stays.
	Reload func() error
	// AllowedHosts are names, beside localhost and IP addresses, that the Host
	// header may carry.
	AllowedHosts []string
}

// Status is the answer of /readyz and /startup-status.
type Status struct {
	Ready bool   `json:"ready"`
	Phase string `json:"phase"` // starting, loading_model, ready, draining, stopped
	// Model and Accelerator are known once the classifier is loaded.
	Model       *Model       `json:"model,omitempty"`
	Accelerator *Accelerator `json:"accelerator,omitempty"`
}

// Model names the loaded classifier, the first if heads have models of their own,
// and lists what is asked.
type Model struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Heads   []Head `json:"heads"`
}

// Head is one question that the classifier answers.
type Head struct {
	Name   string   `json:"name"`
	Kind   string   `json:"kind"` // sequence or token
	Labels []string `json:"labels"`
	// Model is "name version" of the model that answers.
	Model string `json:"model"`
}

// Accelerator says which execution provider runs.
type Accelerator struct {
	Provider       string `json:"provider"`
	Requested      string `json:"requested"`
	Fallback       string `json:"fallback,omitempty"` // why not a better one
	RuntimeVersion string `json:"runtime_version"`
}

type door struct {
	Options
	lanes lanes
}

// Handler is the closed set of routes.
func Handler(o Options) http.Handler {
	d := &door{Options: o}
	mux := chi.NewRouter()
	mux.Use(d.checkHost, sameOrigin)
	mux.Get("/livez", d.livez)
	mux.Get("/readyz", d.readyz)
	mux.Get("/startup-status", d.startupStatus)
	mux.Get("/metrics", o.Metrics.ServeHTTP)
	mux.Get("/config", d.withGeneration(showConfig))
	mux.Post("/-/reload", d.reload)
	mux.Post("/api/v1/route", d.withGeneration(dryRun))
	mux.Post("/api/v1/classify/intent", d.withGeneration(classifyIntent))
	mux.Post("/api/v1/classify/pii", d.withGeneration(classifyPII))
	mux.Post("/api/v1/classify/security", d.withGeneration(classifySecurity))
	mux.Post("/api/v1/classify/combined", d.withGeneration(classifyCombined))
	mux.Post("/api/v1/classify/batch", d.withGeneration(d.classifyBatch))
	mux.NotFound(func(w http.ResponseWriter, r *http.Request) { chat.WriteError(w, chat.NotFound(r.Method, r.URL.Path)) })
	mux.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		allowed := http.MethodPost // each route has one method
		if mux.Match(chi.NewRouteContext(), http.MethodGet, r.URL.Path) {
			allowed = http.MethodGet
		}
		chat.WriteError(w, chat.MethodNotAllowed(allowed))
	})
	return mux
}

// checkHost refuses names that anybody may point at this address.
func (d *door) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.hostAllowed(r.Host) {
			chat.WriteError(w, &chat.Error{
				Status: http.StatusForbidden, Type: "invalid_request_error", Code: "host_not_allowed",
				Message: "This Host is not one of the admin door's: use an IP address, localhost, or a name in admin.allowed_hosts.",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin keeps a page of another origin from posting through a browser on
// this machine.
func sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chat.WriteError(w, &chat.Error{
			Status: http.StatusForbidden, Type: "invalid_request_error", Code: "cross_origin",
			Message: "A page of another origin must not change this proxy.",
		})
	}))
	return protection.Handler(next)
}

func (d *door) hostAllowed(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost" || slices.Contains(d.AllowedHosts, host)
}

// withGeneration gives the work the current generation, or answers 503 while
// there is none.
func (d *door) withGeneration(work func(*live.Generation, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		gen := d.Current.Acquire()
		if gen == nil {
			chat.WriteError(w, &chat.Error{
				Status: http.StatusServiceUnavailable, Type: "server_error", Code: "not_ready",
				Message: "The proxy is starting or stopping: see /readyz.",
			})
			return
		}
		defer gen.Release()
		work(gen, w, r)
	}
}

func (d *door) livez(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
}

func (d *door) readyz(w http.ResponseWriter, _ *http.Request) {
	status := d.Status()
	code := http.StatusOK
	if !status.Ready {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, status)
}

func (d *door) startupStatus(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, d.Status())
}

func (d *door) reload(w http.ResponseWriter, _ *http.Request) {
	if err := d.Reload(); err != nil {
		chat.WriteError(w, &chat.Error{
			Status: http.StatusUnprocessableEntity, Type: "invalid_request_error", Code: "config_refused",
			Message: "The configuration was not replaced: " + err.Error(),
		})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "reloaded"})
}

func showConfig(gen *live.Generation, w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, gen.Config.Redacted())
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, v, json.Deterministic(true), jsontext.WithIndent("  ")) // fails only when the client left
}
