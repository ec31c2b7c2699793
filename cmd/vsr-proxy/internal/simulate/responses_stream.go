package simulate

import "net/http"

// streamResponse sends the events of the Responses API in the order its reference gives: created, in_progress, then
// for each item added, its parts or arguments in deltas, done, and completed with the usage at the end. There is no
// "[DONE]".
func (b *backend) streamResponse(w http.ResponseWriter, r *http.Request, a ask, f fault, rep reply, out response) {
	events := &responseEvents{}
	events.s = b.startStream(w, r, f, func(*stream) {
		events.send("error", map[string]any{"code": "simulated_break", "message": "simulated failure, as asked for", "param": nil})
	})
	events.send("response.created", map[string]any{"response": out})
	events.send("response.in_progress", map[string]any{"response": out})
	items := outputItems(rep, out.ID)
	for i, item := range items {
		if item.Type == "message" {
			events.message(i, item, rep.tokens)
		} else {
			events.call(i, item)
		}
	}
	out.complete(a, rep, items)
	events.send("response."+out.Status, map[string]any{"response": out})
}

// responseEvents numbers the events of one stream.
type responseEvents struct {
	s    *stream
	next int
}

func (e *responseEvents) send(kind string, fields map[string]any) {
	fields["type"], fields["sequence_number"] = kind, e.next
	e.next++
	e.s.event(kind, fields)
}

func (e *responseEvents) message(index int, item outputItem, tokens []string) {
	started := item
	started.Status, started.Content = "in_progress", &[]outputPart{}
	e.send("response.output_item.added", map[string]any{"output_index": index, "item": started})
	at := func(fields map[string]any) map[string]any {
		fields["item_id"], fields["output_index"], fields["content_index"] = item.ID, index, 0
		return fields
	}
	e.send("response.content_part.added", at(map[string]any{"part": textPart("")}))
	for _, t := range tokens {
		e.s.token()
		e.send("response.output_text.delta", at(map[string]any{"delta": t, "logprobs": []any{}}))
	}
	part := (*item.Content)[0]
	e.send("response.output_text.done", at(map[string]any{"text": part.Text, "logprobs": []any{}}))
	e.send("response.content_part.done", at(map[string]any{"part": part}))
	e.send("response.output_item.done", map[string]any{"output_index": index, "item": item})
}

func (e *responseEvents) call(index int, item outputItem) {
	started, none := item, ""
	started.Status, started.Arguments = "in_progress", &none
	e.send("response.output_item.added", map[string]any{"output_index": index, "item": started})
	e.s.token()
	e.send("response.function_call_arguments.delta", map[string]any{"item_id": item.ID, "output_index": index, "delta": *item.Arguments})
	e.send("response.function_call_arguments.done", map[string]any{"item_id": item.ID, "output_index": index, "name": item.Name, "arguments": *item.Arguments})
	e.send("response.output_item.done", map[string]any{"output_index": index, "item": item})
}
