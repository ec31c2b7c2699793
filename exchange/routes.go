package exchange

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

// Route is an endpoint. Those of POST take a body and go to a backend; those of
// GET are answered from the configuration.
type Route struct {
	Method  string
	Pattern string
	Kind    chat.Kind
	Form    bool // multipart/form-data instead of JSON
}

// TakesBody tells whether requests go on to a backend.
func (r *Route) TakesBody() bool { return r.Method == http.MethodPost }

const (
	// NoRoute stands for the pattern where there is none.
	NoRoute = "none"

	listModels = "/v1/models"
	showModel  = "/v1/models/*" // a model's name may hold slashes
)

// Routes are all there are. Those of kind ByModel pass by the name in "model" and
// are never classified.
func Routes() []Route { return append([]Route(nil), routes...) }

var routes = []Route{
	{Method: http.MethodPost, Pattern: "/v1/chat/completions", Kind: chat.Chat},
	{Method: http.MethodPost, Pattern: "/v1/completions", Kind: chat.Completions},
	{Method: http.MethodPost, Pattern: "/v1/responses", Kind: chat.Responses},
	{Method: http.MethodPost, Pattern: "/v1/embeddings", Kind: chat.ByModel},
	{Method: http.MethodPost, Pattern: "/v1/moderations", Kind: chat.ByModel},
	{Method: http.MethodPost, Pattern: "/v1/rerank", Kind: chat.ByModel},
	{Method: http.MethodPost, Pattern: "/v1/score", Kind: chat.ByModel},
	{Method: http.MethodPost, Pattern: "/v1/audio/speech", Kind: chat.ByModel},
	{Method: http.MethodPost, Pattern: "/v1/audio/transcriptions", Kind: chat.ByModel, Form: true},
	{Method: http.MethodPost, Pattern: "/v1/audio/translations", Kind: chat.ByModel, Form: true},
	{Method: http.MethodPost, Pattern: "/v1/images/generations", Kind: chat.ByModel},
	{Method: http.MethodPost, Pattern: "/v1/images/edits", Kind: chat.ByModel, Form: true},
	{Method: http.MethodPost, Pattern: "/v1/images/variations", Kind: chat.ByModel, Form: true},
	{Method: http.MethodGet, Pattern: listModels},
	{Method: http.MethodGet, Pattern: showModel},
}

// Find gives the route of a request, or its pattern, NoRoute, with the refusal.
// Paths are taken as they came, never cleaned or rewritten.
func Find(method string, u *url.URL) (*Route, *chat.Error) {
	path := pathOf(u)
	for i := range routes {
		r := &routes[i]
		prefix, rest := strings.CutSuffix(r.Pattern, "*")
		if path != r.Pattern && !(rest && strings.HasPrefix(path, prefix)) {
			continue
		}
		if method != r.Method {
			return nil, chat.MethodNotAllowed(r.Method)
		}
		return r, nil
	}
	return nil, chat.NotFound(method, u.Path)
}

// pathOf is the path as it came, as far as net/url keeps it: the escaped form
// only where that is not what it would write itself.
func pathOf(u *url.URL) string { return cmp.Or(u.RawPath, u.Path) }
