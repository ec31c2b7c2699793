package admin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
)

func classifyIntent(gen *live.Generation, w http.ResponseWriter, r *http.Request) {
	var req struct {
		Text    string        `json:"text"`
		Options intentOptions `json:"options"`
	}
	const form = `{"text": "...", "options": {"return_probabilities": true}}`
	if res, ok := classifyOne(gen, w, r, &req, form, &req.Text, router.HeadDomain); ok {
		out := intentOf(res, req.Options)
		out.Sizes = sizesOf(res, router.HeadDomain)
		writeJSON(w, http.StatusOK, out)
	}
}

func classifyPII(gen *live.Generation, w http.ResponseWriter, r *http.Request) {
	var req struct {
		Text    string     `json:"text"`
		Options piiOptions `json:"options"`
	}
	const form = `{"text": "...", "options": {"return_positions": true}}`
	if res, ok := classifyOne(gen, w, r, &req, form, &req.Text, router.HeadPII); ok {
		out := piiOf(res, req.Text, req.Options)
		out.Sizes = sizesOf(res, router.HeadPII)
		writeJSON(w, http.StatusOK, out)
	}
}

func classifySecurity(gen *live.Generation, w http.ResponseWriter, r *http.Request) {
	var req struct {
		Text    string          `json:"text"`
		Options securityOptions `json:"options"`
	}
	const form = `{"text": "...", "options": {"include_reasoning": true}}`
	if res, ok := classifyOne(gen, w, r, &req, form, &req.Text, router.HeadJailbreak); ok {
		out := securityOf(res, gen.Heads, req.Options)
		out.Sizes = sizesOf(res, router.HeadJailbreak)
		writeJSON(w, http.StatusOK, out)
	}
}

func classifyCombined(gen *live.Generation, w http.ResponseWriter, r *http.Request) {
	var req struct {
		Text            string          `json:"text"`
		IntentOptions   intentOptions   `json:"intent_options"`
		PIIOptions      piiOptions      `json:"pii_options"`
		SecurityOptions securityOptions `json:"security_options"`
	}
	const form = `{"text": "...", "intent_options": {}, "pii_options": {}, "security_options": {}}`
	if res, ok := classifyOne(gen, w, r, &req, form, &req.Text, ""); ok {
		writeJSON(w, http.StatusOK, combinedOf(gen, res, req.Text, req.IntentOptions, req.PIIOptions, req.SecurityOptions))
	}
}

// classifyOne reads a request of the given form and has its text classified, or
// answers with the error. head must be there, unless it is empty.
func classifyOne(gen *live.Generation, w http.ResponseWriter, r *http.Request, into any, form string, text *string, head string) (classify.Result, bool) {
	refusal := decode(gen, w, r, into, form)
	if refusal == nil && head != "" && !hasHead(gen, head) {
		refusal = noHead(gen, head)
	}
	if refusal == nil {
		res, err := gen.Classifier.Classify(r.Context(), *text)
		if err == nil {
			return res, true
		}
		refusal = classifyError("text", err)
	}
	chat.WriteError(w, refusal)
	return classify.Result{}, false
}

func decode(gen *live.Generation, w http.ResponseWriter, r *http.Request, into any, form string) *chat.Error {
	body, refusal := readBody(gen, w, r)
	if refusal != nil {
		return refusal
	}
	if json.Unmarshal(body, into, json.RejectUnknownMembers(true)) != nil {
		return badRequest("", "The body is not of the form "+form+".")
	}
	return nil
}

func hasHead(gen *live.Generation, name string) bool {
	return slices.ContainsFunc(gen.Heads, func(h classify.Head) bool { return h.Name == name })
}

// noHead is the answer to a question that the loaded model was not trained for.
func noHead(gen *live.Generation, name string) *chat.Error {
	var names []string
	for _, h := range gen.Heads {
		names = append(names, h.Name)
	}
	return &chat.Error{
		Status: http.StatusNotImplemented, Type: "invalid_request_error", Code: "head_not_loaded", NoRetry: true,
		Message: fmt.Sprintf("The loaded classifier has no head %q; its heads are %s.", name, strings.Join(names, ", ")),
	}
}

func classifyError(param string, err error) *chat.Error {
	if errors.Is(err, classify.ErrNoText) {
		return badRequest(param, "There is no text to classify.")
	}
	return &chat.Error{
		Status: http.StatusServiceUnavailable, Type: "server_error", Code: "classification_failed", Param: param,
		Message: "The text could not be classified: " + classify.Outcome(err, classify.Result{}) + ".",
	}
}
