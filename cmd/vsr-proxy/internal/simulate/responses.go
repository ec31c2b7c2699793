package simulate

import (
	"encoding/json"
	"net/http"
	"time"
)

type responsesRequest struct {
	Model           string
	Input           responseInput
	Instructions    string
	Stream          bool
	Tools           []responseTool
	ToolChoice      toolChoice `json:"tool_choice"`
	Parallel        *bool      `json:"parallel_tool_calls"`
	MaxOutputTokens int        `json:"max_output_tokens"`
	Text            struct {
		Format struct {
			Type   string
			Schema any
		}
	}
}

type responseTool struct {
	Type, Name string
	Parameters any
}

func (q *responsesRequest) modelName() string { return q.Model }

// responseInput is a text or a list of items.
type responseInput []responseItem

type responseItem struct {
	Type, Role string
	Content    content
	Output     content // of function_call_output
}

// UnmarshalJSON reads both forms.
func (in *responseInput) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*in = responseInput{{Role: "user", Content: content{text: text}}}
		return nil
	}
	return json.Unmarshal(raw, (*[]responseItem)(in))
}

func (q *responsesRequest) ask() ask {
	a := ask{
		choice:    q.ToolChoice,
		parallel:  q.Parallel == nil || *q.Parallel,
		maxTokens: q.MaxOutputTokens,
		stream:    q.Stream,
		schema:    schemaOf(q.Text.Format.Type, q.Text.Format.Schema),
	}
	a.read("system", q.Instructions, 0)
	for _, item := range q.Input {
		if item.Type == "function_call_output" {
			a.read("tool", item.Output.text, 0)
			continue
		}
		a.read(item.Role, item.Content.text, item.Content.images)
	}
	for _, t := range q.Tools {
		if t.Type == "function" {
			a.tools = append(a.tools, tool{name: t.Name, parameters: t.Parameters})
		}
	}
	return a
}

func (b *backend) responses(w http.ResponseWriter, r *http.Request, body []byte) {
	var q responsesRequest
	if !b.decode(w, body, &q) {
		return
	}
	if len(q.Input) == 0 {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "input", "you must provide an input")
		return
	}
	a := q.ask()
	f := parseFault(a.question)
	if f.before(w, r, a.stream) {
		return
	}
	rep := b.reply(a, f)
	out := response{ID: b.id("resp_", body), Object: "response", CreatedAt: time.Now().Unix(), Model: b.name,
		Status: "in_progress", Output: []outputItem{}, ParallelToolCalls: a.parallel, ToolChoice: "auto", Tools: []any{}, Metadata: map[string]string{}}
	if a.stream {
		b.streamResponse(w, r, a, f, rep, out)
		return
	}
	if !b.think(r, rep) {
		return
	}
	out.complete(a, rep, outputItems(rep, out.ID))
	writeJSON(w, http.StatusOK, out)
}

// response is the object of the Responses API, with every field that its reference calls always present.
type response struct {
	ID                string            `json:"id"`
	Object            string            `json:"object"`
	CreatedAt         int64             `json:"created_at"`
	Status            string            `json:"status"`
	Error             any               `json:"error"`
	IncompleteDetails any               `json:"incomplete_details"`
	Instructions      any               `json:"instructions"`
	Metadata          map[string]string `json:"metadata"`
	Model             string            `json:"model"`
	Output            []outputItem      `json:"output"`
	ParallelToolCalls bool              `json:"parallel_tool_calls"`
	Temperature       any               `json:"temperature"`
	ToolChoice        string            `json:"tool_choice"`
	Tools             []any             `json:"tools"`
	TopP              any               `json:"top_p"`
	Usage             any               `json:"usage"`
}

func (o *response) complete(a ask, rep reply, items []outputItem) {
	o.Status, o.Output = "completed", items
	if rep.cut {
		o.Status, o.IncompleteDetails = "incomplete", map[string]string{"reason": "max_output_tokens"}
	}
	o.Usage = map[string]any{
		"input_tokens": a.words, "output_tokens": rep.size(), "total_tokens": a.words + rep.size(),
		"input_tokens_details": map[string]int{"cached_tokens": 0}, "output_tokens_details": map[string]int{"reasoning_tokens": 0},
	}
}

// outputItem is a message (Role and Content) or a function call (CallID, Name and Arguments).
type outputItem struct {
	ID        string        `json:"id"`
	Type      string        `json:"type"`
	Status    string        `json:"status"`
	Role      string        `json:"role,omitempty"`
	Content   *[]outputPart `json:"content,omitempty"`
	CallID    string        `json:"call_id,omitempty"`
	Name      string        `json:"name,omitempty"`
	Arguments *string       `json:"arguments,omitempty"`
}

type outputPart struct {
	Type        string `json:"type"`
	Text        string `json:"text"`
	Annotations []any  `json:"annotations"`
}

func textPart(text string) outputPart {
	return outputPart{Type: "output_text", Text: text, Annotations: []any{}}
}

func outputItems(rep reply, id string) []outputItem {
	if len(rep.calls) == 0 {
		return []outputItem{{ID: "msg_" + id, Type: "message", Status: "completed", Role: "assistant", Content: &[]outputPart{textPart(rep.text())}}}
	}
	items := make([]outputItem, 0, len(rep.calls))
	for _, c := range rep.calls {
		items = append(items, outputItem{ID: "fc_" + c.id, Type: "function_call", Status: "completed", CallID: c.id, Name: c.name, Arguments: &c.arguments})
	}
	return items
}
