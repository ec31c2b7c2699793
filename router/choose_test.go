package router_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// A request that names a known model goes there, and no signal is evaluated.
func TestNamedModelIsNotClassified(t *testing.T) {
	for _, c := range []struct{ asked, model, sent string }{
		{"small", "small", "small"},
		{"large", "large", "org/large:70b"},
		{"gpt-4", "large", "org/large:70b"},
		{"big/one", "large", "org/large:70b"},
	} {
		s := &stub{p: mathematics}
		d := decide(build(t, twoModels+rules, s), c.asked, "solve this equation")
		if d.Error != nil || d.Model != c.model || d.Pool != c.model || d.Name != router.DecisionExplicit || d.Auto {
			t.Errorf("%s: %+v", c.asked, d)
		}
		if want := fmt.Sprintf(`{"model":%q,`, c.sent); !strings.HasPrefix(string(d.Body), want) {
			t.Errorf("%s: sent %s", c.asked, d.Body)
		}
		if s.calls() != 0 || d.Classified || len(d.Signals) != 0 {
			t.Errorf("%s: the classifier was asked %d times, signals %v", c.asked, s.calls(), d.Signals)
		}
	}
}

func TestAutoNamesAskForRouting(t *testing.T) {
	s := &stub{p: mathematics}
	r := build(t, twoModels+rules+"  auto_models: [auto, router/best, MoM]\n", s)
	for _, name := range []string{"auto", "router/best", "MoM"} {
		d := decide(r, name, "two and two")
		if d.Error != nil || !d.Auto || d.Model != "large" || d.Name != "mathematics" || d.Category() != "math" || d.Path != router.PathUpstream {
			t.Errorf("%s: %+v", name, d)
		}
	}
	for _, name := range []string{"mom", "AUTO", "auto ", "vllm-sr/auto"} { // names are exact
		if d := decide(r, name, "x"); d.Error == nil || d.Error.Status != 404 {
			t.Errorf("%q: %+v", name, d)
		}
	}
	if s.calls() != 3 {
		t.Errorf("the classifier was asked %d times", s.calls())
	}
}

func TestUnknownModelIsRejectedOrDefaulted(t *testing.T) {
	d := decide(build(t, twoModels, &stub{}), "gpt-9", "x")
	e := d.Error
	if e == nil || e.Status != 404 || e.Code != "model_not_found" || e.Param != "model" || d.Path != router.PathError ||
		!strings.Contains(e.Message, "small") || !strings.Contains(e.Message, "large") {
		t.Errorf("reject: %+v, error %+v", d, e)
	}
	d = decide(build(t, twoModels+"  unknown_model: default\n", &stub{}), "gpt-9", "x")
	if d.Error != nil || d.Model != "small" || d.Name != router.DecisionDefault || !strings.Contains(string(d.Body), `"model":"small"`) {
		t.Errorf("default: %+v", d)
	}
}

// In gateway mode there is one pool, and the gateway sees our name of the model.
func TestGatewayModeSendsEverythingToOnePool(t *testing.T) {
	r := build(t, `
upstream: {mode: gateway, gateway: {url: "http://gateway.example/v1"}}
models: [{name: small}, {name: large, aliases: [gpt-4]}]
routing:
  default_model: small
`+rules, &stub{p: mathematics})
	for asked, model := range map[string]string{"auto": "large", "gpt-4": "large", "small": "small"} {
		d := decide(r, asked, "x")
		if d.Pool != router.GatewayPool || d.Model != model || !strings.Contains(string(d.Body), `{"model":"`+model+`",`) {
			t.Errorf("%s: %+v %s", asked, d, d.Body)
		}
	}
}

// What only passes by name has no prompt to choose by.
func TestAutoIsRefusedWhereNothingIsClassified(t *testing.T) {
	s := &stub{p: mathematics}
	r := build(t, twoModels+rules, s)
	d := r.Decide(context.Background(), router.Request{Kind: chat.ByModel, Body: []byte(`{"model":"auto","input":"solve"}`)})
	if e := d.Error; e == nil || e.Status != 400 || e.Code != "model_not_routable" || e.Param != "model" {
		t.Errorf("embeddings with auto: %+v", d)
	}
	d = r.Decide(context.Background(), router.Request{Kind: chat.ByModel, Body: []byte(`{"input":"solve","model":"large"}`)})
	if d.Error != nil || string(d.Body) != `{"input":"solve","model":"org/large:70b"}` || s.calls() != 0 {
		t.Errorf("embeddings by name: %+v, %d calls", d, s.calls())
	}
}

func TestEachKindOfPromptIsRouted(t *testing.T) {
	for kind, body := range map[chat.Kind]string{
		chat.Chat:        `{"model":"auto","messages":[{"role":"user","content":"a prompt"}]}`,
		chat.Completions: `{"model":"auto","prompt":"a prompt"}`,
		chat.Responses:   `{"model":"auto","input":"a prompt"}`,
	} {
		s := &stub{p: mathematics}
		d := build(t, twoModels+rules, s).Decide(context.Background(), router.Request{Kind: kind, Body: []byte(body)})
		if d.Error != nil || d.Model != "large" || !slices.Equal(s.texts, []string{"a prompt"}) {
			t.Errorf("%s: %+v, asked %q", kind, d, s.texts)
		}
	}
}

func TestScopeOfTheClassifiedText(t *testing.T) {
	body := []byte(`{"model":"auto","messages":[{"role":"system","content":"S"},{"role":"user","content":"U1"},{"role":"assistant","content":"A"},{"role":"user","content":"U2"}]}`)
	for scope, want := range map[string]string{"last_user": "U2", "user": "U1\nU2", "all": "S\nU1\nA\nU2"} {
		s := &stub{p: mathematics}
		r := build(t, twoModels+"  scope: "+scope+"\n"+rules, s)
		r.Decide(context.Background(), router.Request{Body: body})
		if !slices.Equal(s.texts, []string{want}) {
			t.Errorf("%s: asked %q, want %q", scope, s.texts, want)
		}
	}
}

// A body that can't be read is a refusal like any other, and nothing is asked.
func TestUnreadableBodyIsADecision(t *testing.T) {
	s := &stub{p: mathematics}
	r := build(t, twoModels+rules, s)
	for _, body := range []string{``, `[]`, `{"model":"auto"}`, `{"model":"auto","model":"small","messages":[]}`, "{\"model\":\"\xff\"}"} {
		d := r.Decide(context.Background(), router.Request{Body: []byte(body)})
		if d.Error == nil || d.Error.Status != 400 || d.Path != router.PathError || d.Body != nil || d.Pool != "" {
			t.Errorf("%q: %+v", body, d)
		}
	}
	if s.calls() != 0 {
		t.Errorf("the classifier was asked %d times", s.calls())
	}
}

// The limits of the configuration are those of the parser.
func TestConfiguredLimitsHold(t *testing.T) {
	r := build(t, twoModels+"server: {limits: {json_depth: 4, messages: 2}}\n", &stub{})
	for body, code := range map[string]string{
		`{"model":"small","messages":[{"role":"user","content":"x"}],"x":[[[0]]]}`:                                                 "",
		`{"model":"small","messages":[{"role":"user","content":"x"}],"x":[[[[0]]]]}`:                                               "limit_exceeded",
		`{"model":"small","messages":[{"role":"user","content":"x"},{"role":"user","content":"x"}]}`:                               "",
		`{"model":"small","messages":[{"role":"user","content":"x"},{"role":"user","content":"x"},{"role":"user","content":"x"}]}`: "limit_exceeded",
	} {
		d := r.Decide(context.Background(), router.Request{Body: []byte(body)})
		got := ""
		if d.Error != nil {
			got = d.Error.Code
		}
		if got != code {
			t.Errorf("%s: code %q, want %q", body, got, code)
		}
	}
}

func TestFormsPassByModel(t *testing.T) {
	r := build(t, twoModels, &stub{})
	form := "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n%s\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--b--\r\n"
	req := router.Request{Kind: chat.ByModel, Form: "multipart/form-data; boundary=b"}
	req.Body = fmt.Appendf(nil, form, "gpt-4")
	if d := r.Decide(context.Background(), req); d.Error != nil || d.Model != "large" || string(d.Body) != fmt.Sprintf(form, "org/large:70b") {
		t.Errorf("%+v %s", d, d.Body)
	}
	req.Body = fmt.Appendf(nil, form, "auto")
	if d := r.Decide(context.Background(), req); d.Error == nil || d.Error.Code != "model_not_routable" {
		t.Errorf("auto: %+v", d)
	}
}

func TestModelsAndKnownNames(t *testing.T) {
	r := build(t, twoModels, &stub{})
	if !slices.Equal(r.Models(), []string{"small", "large"}) {
		t.Errorf("Models() = %v", r.Models())
	}
	for name, want := range map[string]bool{"small": true, "gpt-4": true, "auto": true, "other": false, "": false} {
		if r.Known(name) != want {
			t.Errorf("Known(%q) = %v", name, !want)
		}
	}
}
