package exchange

import (
	"net/url"
	"strings"

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

// Models answers the routes of GET: the auto names, then the models and their
// aliases, where root names the model behind an alias; or one of them. The answer
// is JSON.
func (x *Exchange) Models(u *url.URL) ([]byte, *chat.Error) {
	name, one := strings.CutPrefix(pathOf(u), strings.TrimSuffix(showModel, "*"))
	if !one {
		return encode(modelList{Object: "list", Data: x.models()}), nil
	}
	if plain, err := url.PathUnescape(name); err == nil { // some SDKs escape the slashes
		name = plain
	}
	for _, m := range x.models() {
		if m.ID == name {
			return encode(m), nil
		}
	}
	return nil, chat.ModelNotFound(name, x.Gen.Router.Models())
}

func (x *Exchange) models() []model {
	var out []model
	add := func(id, root string) {
		out = append(out, model{ID: id, Object: "model", OwnedBy: "vsr-proxy", Root: root})
	}
	for _, name := range x.Gen.Config.Routing.AutoModels {
		add(name, "")
	}
	for _, m := range x.Gen.Config.Models {
		add(m.Name, m.Name)
		for _, alias := range m.Aliases {
			add(alias, m.Name)
		}
	}
	return out
}

func encode(v any) []byte {
	body, _ := json.Marshal(v) // of plain structs: it can't fail
	return body
}
