package simulate

import (
	"encoding/json"
	"net/http"
	"time"

	openai "github.com/sashabaranov/go-openai"
)

type chatRequest struct {
	Model    string
	Messages []struct {
		Role    string
		Content content
	}
	Stream              bool
	StreamOptions       openai.StreamOptions `json:"stream_options"`
	Tools               []openai.Tool
	ToolChoice          toolChoice `json:"tool_choice"`
	ParallelToolCalls   *bool      `json:"parallel_tool_calls"`
	MaxTokens           int        `json:"max_tokens"`
	MaxCompletionTokens int        `json:"max_completion_tokens"`
	ResponseFormat      struct {
		Type       string
		JSONSchema struct{ Schema any } `json:"json_schema"`
	} `json:"response_format"`
}

func (q *chatRequest) modelName() string { return q.Model }

func (q *chatRequest) ask() ask {
	a := ask{
		choice:    q.ToolChoice,
		parallel:  q.ParallelToolCalls == nil || *q.ParallelToolCalls,
		maxTokens: max(q.MaxTokens, q.MaxCompletionTokens),
		stream:    q.Stream,
		usage:     q.StreamOptions.IncludeUsage,
	}
	for _, m := range q.Messages {
		a.read(m.Role, m.Content.text, m.Content.images)
	}
	for _, t := range q.Tools {
		if t.Function != nil {
			a.tools = append(a.tools, tool{name: t.Function.Name, parameters: t.Function.Parameters})
		}
	}
	a.schema = schemaOf(q.ResponseFormat.Type, q.ResponseFormat.JSONSchema.Schema)
	return a
}

// schemaOf turns OpenAI's response formats into a schema: nil for text.
func schemaOf(format string, schema any) any {
	switch format {
	case "json_schema":
		return schema
	case "json_object":
		return map[string]any{"type": "object", "required": []any{"answer"},
			"properties": map[string]any{"answer": map[string]any{"type": "string"}}}
	}
	return nil
}

func (b *backend) chat(w http.ResponseWriter, r *http.Request, body []byte) {
	var q chatRequest
	if !b.decode(w, body, &q) {
		return
	}
	if len(q.Messages) == 0 {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "messages", "messages must hold at least one message")
		return
	}
	a := q.ask()
	f := parseFault(a.question)
	if f.before(w, r, a.stream) {
		return
	}
	rep := b.reply(a, f)
	if a.stream {
		b.streamChat(w, r, a, f, rep, b.id("chatcmpl-", body))
		return
	}
	if !b.think(r, rep) {
		return
	}
	message := chatMessage{Role: openai.ChatMessageRoleAssistant, ToolCalls: chatCalls(rep.calls, false)}
	if len(rep.calls) == 0 {
		text := rep.text()
		message.Content = &text
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": b.id("chatcmpl-", body), "object": "chat.completion", "created": time.Now().Unix(), "model": b.name,
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": finish(rep), "logprobs": nil}},
		"usage":   usage(a, rep),
	})
}

// chatMessage is an answer's message. openai.ChatCompletionMessage would leave out the null content of a tool call.
type chatMessage struct {
	Role      string            `json:"role"`
	Content   *string           `json:"content"`
	ToolCalls []openai.ToolCall `json:"tool_calls,omitempty"`
}

// chatChunk is openai.ChatCompletionStreamResponse with fields that are null where OpenAI's servers say null.
type chatChunk struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	Usage   usageField   `json:"usage,omitzero"`
}

type chatChoice struct {
	Index        int                                    `json:"index"`
	Delta        openai.ChatCompletionStreamChoiceDelta `json:"delta"`
	FinishReason openai.FinishReason                    `json:"finish_reason"`
}

// usageField is left out of a stream that was not asked for usage, null in the chunks before the last of one that was.
type usageField struct {
	asked bool
	*openai.Usage
}

// MarshalJSON writes the usage or null.
func (u usageField) MarshalJSON() ([]byte, error) { return json.Marshal(u.Usage) }

func (b *backend) streamChat(w http.ResponseWriter, r *http.Request, a ask, f fault, rep reply, id string) {
	s := b.startStream(w, r, f, breakChat)
	created := time.Now().Unix()
	send := func(delta openai.ChatCompletionStreamChoiceDelta, end openai.FinishReason) {
		s.event("", chatChunk{ID: id, Object: "chat.completion.chunk", Created: created, Model: b.name,
			Choices: []chatChoice{{Delta: delta, FinishReason: end}}, Usage: usageField{asked: a.usage}})
	}
	send(openai.ChatCompletionStreamChoiceDelta{Role: openai.ChatMessageRoleAssistant}, "")
	for _, t := range rep.tokens {
		s.token()
		send(openai.ChatCompletionStreamChoiceDelta{Content: t}, "")
	}
	for _, c := range chatCalls(rep.calls, true) { // the head of a call first, its arguments in two pieces, as servers do
		arguments := c.Function.Arguments
		c.Function.Arguments = ""
		s.token()
		send(openai.ChatCompletionStreamChoiceDelta{ToolCalls: []openai.ToolCall{c}}, "")
		for _, piece := range []string{arguments[:len(arguments)/2], arguments[len(arguments)/2:]} {
			s.token()
			send(openai.ChatCompletionStreamChoiceDelta{ToolCalls: []openai.ToolCall{
				{Index: c.Index, Type: c.Type, Function: openai.FunctionCall{Arguments: piece}}}}, "")
		}
	}
	send(openai.ChatCompletionStreamChoiceDelta{}, finish(rep))
	if a.usage {
		total := usage(a, rep)
		s.event("", chatChunk{ID: id, Object: "chat.completion.chunk", Created: created, Model: b.name,
			Choices: []chatChoice{}, Usage: usageField{asked: true, Usage: &total}})
	}
	s.done()
}

// chatCalls turns calls into chat completions' form; only streams number them.
func chatCalls(calls []call, numbered bool) []openai.ToolCall {
	out := make([]openai.ToolCall, 0, len(calls))
	for i, c := range calls {
		t := openai.ToolCall{ID: c.id, Type: openai.ToolTypeFunction, Function: openai.FunctionCall{Name: c.name, Arguments: c.arguments}}
		if numbered {
			t.Index = &i
		}
		out = append(out, t)
	}
	return out
}

func finish(rep reply) openai.FinishReason {
	switch {
	case len(rep.calls) > 0:
		return openai.FinishReasonToolCalls
	case rep.cut:
		return openai.FinishReasonLength
	}
	return openai.FinishReasonStop
}

func usage(a ask, rep reply) openai.Usage {
	return openai.Usage{PromptTokens: a.words, CompletionTokens: rep.size(), TotalTokens: a.words + rep.size()}
}
