package proxy_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// asked is what a backend was asked: the last message, how to answer, whether in a
// stream.
type asked struct {
	text, how string
	stream    bool
}

func readAsked(r *received) asked {
	var body struct {
		Messages []struct{ Content string }
		Input    string
		Prompt   string
		How      string
		Stream   bool
	}
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		return asked{}
	}
	text := body.Input + body.Prompt
	if n := len(body.Messages); n > 0 {
		text += body.Messages[n-1].Content
	}
	return asked{text, body.How, body.Stream}
}

func object(v any) string {
	b, _ := json.Marshal(v) // which writes < as \u003c
	return string(b)
}

// plainly is object with brackets as they are.
func plainly(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return strings.TrimSpace(b.String())
}

type m = map[string]any

// echo answers with the text that it was asked, in the way it was asked for.
func echo(w *wire) {
	for {
		r := w.read()
		if r == nil {
			return
		}
		a := readAsked(r)
		if a.stream {
			w.write(streamHead)
			for _, e := range a.events() {
				w.write(chunked(e))
			}
			w.write(streamEnd)
			continue
		}
		w.write(response(200, a.body()))
	}
}

func (a asked) body() string {
	arguments := object(m{"to": a.text, "n": 1})
	switch a.how {
	case "escaped":
		return object(m{"choices": []any{m{"index": 0, "message": m{"role": "assistant", "content": a.text}, "finish_reason": "stop"}}, "usage": m{"prompt_tokens": 3, "completion_tokens": 4}})
	case "lower":
		return plainly(m{"choices": []any{m{"message": m{"content": strings.ToLower(a.text)}}}})
	case "tool":
		return plainly(m{"choices": []any{m{"message": m{"content": nil, "tool_calls": []any{m{"id": "c1", "function": m{"name": "mail", "arguments": arguments}}}}}}})
	case "plain tool":
		return plainly(m{"choices": []any{m{"message": m{"tool_calls": []any{m{"function": m{"arguments": plainly(m{"to": a.text, "n": 1})}}}}}}})
	case "completion":
		return plainly(m{"choices": []any{m{"text": a.text}}})
	case "responses":
		return plainly(m{"output": []any{m{"type": "message", "content": []any{m{"type": "output_text", "text": a.text}}}, m{"type": "function_call", "arguments": arguments}}})
	}
	return plainly(m{"choices": []any{m{"index": 0, "message": m{"content": a.text}}}})
}

// events are the answer a byte at a time.
func (a asked) events() []string {
	var out []string
	add := func(v any) { out = append(out, "data: "+plainly(v)+"\n\n") }
	delta := func(d any) { add(m{"id": "1", "choices": []any{m{"index": 0, "delta": d}}}) }
	text := a.text
	if a.how == "tool" {
		text = object(m{"to": a.text, "n": 1})
	}
	if a.how == "lower" {
		text = strings.ToLower(text)
	}
	for _, c := range strings.Split(text, "") {
		switch a.how {
		case "tool":
			delta(m{"tool_calls": []any{m{"index": 0, "function": m{"arguments": c}}}})
		case "completion":
			add(m{"choices": []any{m{"index": 0, "text": c}}})
		case "responses":
			add(m{"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": c})
		default:
			delta(m{"content": c})
		}
	}
	switch a.how {
	case "responses":
		add(m{"type": "response.output_text.done", "item_id": "i", "output_index": 0, "content_index": 0, "text": text})
		add(m{"type": "response.completed", "response": m{"output": []any{m{"content": []any{m{"text": text}}}}, "usage": m{"input_tokens": 3, "output_tokens": 4}}})
		return out
	case "completion":
		add(m{"choices": []any{m{"index": 0, "text": "", "finish_reason": "stop"}}})
	default:
		add(m{"choices": []any{m{"index": 0, "delta": m{}, "finish_reason": "stop"}}})
	}
	return append(out, "data: [DONE]\n\n")
}

// said is what a client makes of an answer: the texts, and the arguments of calls.
// finished says that a stream's last text came before its end.
func said(t testing.TB, body string) (text, arguments string) {
	t.Helper()
	if !strings.HasPrefix(body, "data:") && !strings.HasPrefix(body, "event:") {
		collect(t, body, &text, &arguments)
		return text, arguments
	}
	finished := false
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if !ok {
			continue
		}
		before := text + arguments
		if data != "[DONE]" && !strings.Contains(data, `.done"`) && !strings.Contains(data, `.completed"`) {
			collect(t, data, &text, &arguments)
		}
		if finished && text+arguments != before {
			t.Errorf("text after the end: %s", data)
		}
		finished = finished || strings.Contains(data, `"finish_reason":"stop"`)
	}
	return text, arguments
}

func collect(t testing.TB, data string, text, arguments *string) {
	t.Helper()
	var v struct {
		Delta   string
		Choices []struct {
			Text           string
			Message, Delta struct {
				Content   string
				ToolCalls []struct{ Function struct{ Arguments string } } `json:"tool_calls"`
			}
		}
		Output []struct {
			Arguments string
			Content   []struct{ Text string }
		}
	}
	if err := json.Unmarshal([]byte(data), &v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	*text += v.Delta
	for _, c := range v.Choices {
		*text += c.Text + c.Message.Content + c.Delta.Content
		for _, call := range append(c.Message.ToolCalls, c.Delta.ToolCalls...) {
			*arguments += call.Function.Arguments
		}
	}
	for _, o := range v.Output {
		*arguments += o.Arguments
		for _, c := range o.Content {
			*text += c.Text
		}
	}
}
