package simulate

import (
	"errors"
	"io"
	"strings"
	"testing"

	openai "github.com/sashabaranov/go-openai"
)

func TestResponsesAnswerWholeAndStreamedAlike(t *testing.T) {
	client, _ := serve(t, Options{})
	q := openai.CreateResponseRequest{Model: "llama3-8b", Input: "Why is the sky blue?", Instructions: "Be brief."}
	whole, err := client.CreateResponse(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if text := whole.GetOutputText(); whole.Status != "completed" || !strings.HasPrefix(text, "[simulated llama3-8b] ") {
		t.Errorf("got %q, %q", whole.Status, text)
	}
	if whole.Usage == nil || whole.Usage.InputTokens != 7 || whole.Usage.OutputTokens != len(strings.Fields(whole.GetOutputText())) {
		t.Errorf("usage %+v", whole.Usage)
	}
	kinds, text, last := drainResponse(t, client, q)
	if text != whole.GetOutputText() {
		t.Errorf("stream says %q", text)
	}
	want := "response.created response.in_progress response.output_item.added response.content_part.added response.output_text.delta " +
		"response.output_text.done response.content_part.done response.output_item.done response.completed"
	if strings.Join(kinds, " ") != want {
		t.Errorf("events %q", kinds)
	}
	if last == nil || last.GetOutputText() != text || last.Usage == nil || *last.Usage != *whole.Usage && last.Usage.TotalTokens != whole.Usage.TotalTokens {
		t.Errorf("last response %+v", last)
	}
}

// drainResponse reads a stream to its end; kinds holds each run of equal events once.
func drainResponse(t *testing.T, client *openai.Client, q openai.CreateResponseRequest) (kinds []string, text string, last *openai.CreateResponseResponse) {
	t.Helper()
	stream, err := client.CreateResponseStream(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for next := 0; ; next++ {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return kinds, text, last
		}
		if err != nil {
			t.Fatal(err)
		}
		if event.SequenceNumber != next {
			t.Errorf("event %d is numbered %d", next, event.SequenceNumber)
		}
		if kind := string(event.Type); len(kinds) == 0 || kinds[len(kinds)-1] != kind {
			kinds = append(kinds, kind)
		}
		if event.Type == "response.output_text.delta" {
			text += event.Delta
		}
		if event.Response != nil {
			last = event.Response
		}
	}
}

func TestResponsesCallFunctions(t *testing.T) {
	client, _ := serve(t, Options{})
	q := openai.CreateResponseRequest{Model: "llama3-8b",
		Input: []any{openai.ResponseInputMessage{Role: "user", Content: "How is the weather in Paris?"}},
		Tools: []openai.ResponseTool{openai.NewResponseFunctionTool(*weatherTools()[0].Function)}}
	whole, err := client.CreateResponse(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if len(whole.Output) != 1 {
		t.Fatalf("got %+v", whole.Output)
	}
	call, _ := whole.Output[0].(map[string]any)
	if call["name"] != "get_weather" || call["arguments"] != `{"city":"Paris"}` {
		t.Errorf("got %+v", call)
	}
	kinds, _, _ := drainResponse(t, client, q)
	want := "response.created response.in_progress response.output_item.added response.function_call_arguments.delta " +
		"response.function_call_arguments.done response.output_item.done response.completed"
	if strings.Join(kinds, " ") != want {
		t.Errorf("events %q", kinds)
	}
	q.Input = []any{
		openai.ResponseInputMessage{Role: "user", Content: "How is the weather in Paris?"},
		openai.ResponseFunctionCallOutput{Type: "function_call_output", CallID: call["call_id"].(string), Output: "sunny"},
	}
	if after, err := client.CreateResponse(t.Context(), q); err != nil || after.GetOutputText() == "" {
		t.Errorf("after the tool's result: %+v, %v", after, err)
	}
}

func TestResponsesThatAreCutSayIncomplete(t *testing.T) {
	client, _ := serve(t, Options{})
	limit := 2
	whole, err := client.CreateResponse(t.Context(), openai.CreateResponseRequest{Model: "llama3-8b", Input: "Why?", MaxOutputTokens: limit})
	if err != nil || whole.Status != "incomplete" || whole.Usage.OutputTokens != limit {
		t.Errorf("got %+v, %v", whole, err)
	}
}
