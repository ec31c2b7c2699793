// Package simulate is a backend that speaks OpenAI's protocol without a language model, for the demo and for tests.
//
// It promises:
//   - every answer in prose says that it is simulated, and by whom: "[simulated llama3-8b] ...";
//   - the shapes of a real server: chat completions, completions, responses (each as one body and as an event stream),
//     embeddings and the list of models, tool calls, JSON by schema, usage, errors in OpenAI's envelope;
//   - the same answer to the same request, whatever the machine: no clock and no random number goes into a text;
//   - a token is a word, in usage and in streams.
//
// What a client writes as its last user text may ask for a fault; fault.go lists them.
//
// Response headers, so that a test sees what reached the backend:
//
//	x-simulated-backend         the backend's name
//	x-simulated-selected-model  the x-selected-model header of the request, if there was one
//	x-simulated-body-sha256     SHA-256 of the request body in hex
//
// It must not know: routing, configuration, the proxy. It is one of the servers the proxy is put in front of.
package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"time"

	openai "github.com/sashabaranov/go-openai"
)

const (
	maxBody = 64 << 20 // bytes; above the proxy's own default, so that its limit is the one that is met

	headerBackend  = "X-Simulated-Backend"
	headerSelected = "X-Simulated-Selected-Model"
	headerDigest   = "X-Simulated-Body-Sha256"
)

// Options tune a backend. The zero value answers at once and only to its own name.
type Options struct {
	TokenDelay time.Duration // pause before each token, in streams and out of them
	AnyModel   bool          // answer whatever model a request names; otherwise other names get 404
}

type backend struct {
	name  string
	opts  Options
	stats *stats
}

// New returns a backend of the given name.
func New(name string, o Options) http.Handler {
	b := &backend{name: name, opts: o, stats: &stats{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", b.post(b.chat))
	mux.HandleFunc("POST /v1/completions", b.post(b.completions))
	mux.HandleFunc("POST /v1/responses", b.post(b.responses))
	mux.HandleFunc("POST /v1/embeddings", b.post(b.embeddings))
	mux.HandleFunc("GET /v1/models", b.models)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, "invalid_request_error", "unknown_url", "", fmt.Sprintf("no such endpoint: %s %s", r.Method, r.URL.Path))
	})
	return mux
}

// post reads the body, counts the request and hands both to an endpoint.
func (b *backend) post(endpoint func(http.ResponseWriter, *http.Request, []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(headerBackend, b.name)
		if selected := r.Header.Values("X-Selected-Model"); len(selected) > 0 {
			w.Header()[headerSelected] = selected
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			var tooLarge *http.MaxBytesError
			status := http.StatusBadRequest
			if errors.As(err, &tooLarge) {
				status = http.StatusRequestEntityTooLarge
			}
			writeError(w, status, "invalid_request_error", "", "", "the body could not be read")
			return
		}
		digest := sha256.Sum256(body)
		w.Header().Set(headerDigest, hex.EncodeToString(digest[:]))

		b.stats.started.Add(1)
		defer func() {
			if r.Context().Err() != nil {
				b.stats.cancelled.Add(1)
			}
			b.stats.ended.Add(1)
		}()
		endpoint(w, r, body)
	}
}

// decode reads a request into v and checks its model; it has answered when it returns false.
func (b *backend) decode(w http.ResponseWriter, body []byte, v interface{ modelName() string }) bool {
	if err := json.Unmarshal(body, v); err != nil {
		param := ""
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			param = wrong.Field
		}
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", param, "the body is not a request: "+err.Error())
		return false
	}
	switch model := v.modelName(); {
	case model == "":
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "model", "you must provide a model")
	case model != b.name && !b.opts.AnyModel:
		writeError(w, http.StatusNotFound, "invalid_request_error", "model_not_found", "model",
			fmt.Sprintf("the model %q does not exist; this is %q", model, b.name))
	default:
		return true
	}
	return false
}

func (b *backend) models(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set(headerBackend, b.name)
	writeJSON(w, http.StatusOK, map[string]any{
		"object": "list",
		"data":   []openai.Model{{ID: b.name, Object: "model", CreatedAt: 0, OwnedBy: "vsr-proxy-simulated"}},
	})
}

// id returns an identifier that depends on the request alone.
func (b *backend) id(prefix string, body []byte) string {
	return fmt.Sprintf("%s%016x", prefix, hash(b.name, string(body)))
}

func hash(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum64()
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // every v is a struct or map of this package's making
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone; net/http logs nothing and so do we
}

// writeError answers in OpenAI's envelope; an empty code or param is null there.
func writeError(w http.ResponseWriter, status int, kind, code, param, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{
		"message": message, "type": kind, "code": orNull(code), "param": orNull(param),
	}})
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
