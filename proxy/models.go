package proxy

import (
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"
	"github.com/go-json-experiment/json"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

// model is OpenAI's model object; root is vLLM's addition.
type model struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"` // seconds since 1970; not known, so 0
	OwnedBy string `json:"owned_by"`
	Root    string `json:"root,omitempty"`
}

type modelList struct {
	Object string  `json:"object"`
	Data   []model `json:"data"`
}

// listModels answers GET /v1/models: the auto names, then the models and their
// aliases. root names the model behind an alias.
func (x *exchange) listModels() {
	x.writeJSON(modelList{Object: "list", Data: x.models()})
}

// showModel answers GET /v1/models/NAME; a name may hold slashes.
func (x *exchange) showModel() {
	name := chi.URLParam(x.r, "*")
	if plain, err := url.PathUnescape(name); err == nil { // some SDKs escape the slashes
		name = plain
	}
	for _, m := range x.models() {
		if m.ID == name {
			x.writeJSON(m)
			return
		}
	}
	x.fail(chat.ModelNotFound(name, x.gen.Router.Models()))
}

func (x *exchange) models() []model {
	var out []model
	add := func(id, root string) {
		out = append(out, model{ID: id, Object: "model", OwnedBy: "vsr-proxy", Root: root})
	}
	for _, name := range x.gen.Config.Routing.AutoModels {
		add(name, "")
	}
	for _, m := range x.gen.Config.Models {
		add(m.Name, m.Name)
		for _, alias := range m.Aliases {
			add(alias, m.Name)
		}
	}
	return out
}

func (x *exchange) writeJSON(v any) {
	x.status = http.StatusOK
	x.w.Header().Set("Content-Type", "application/json")
	_ = json.MarshalWrite(x.w, v) // fails only when the client left
}
