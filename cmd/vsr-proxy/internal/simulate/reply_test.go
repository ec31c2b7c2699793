package simulate

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	openai "github.com/sashabaranov/go-openai"
)

func weatherTools() []openai.Tool {
	city := json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"},"unit":{"enum":["C","F"]}},"required":["city"]}`)
	return []openai.Tool{
		{Type: openai.ToolTypeFunction, Function: &openai.FunctionDefinition{Name: "get_weather", Parameters: city}},
		{Type: openai.ToolTypeFunction, Function: &openai.FunctionDefinition{Name: "get_local_time", Parameters: city}},
	}
}

func TestToolsAreCalledWhenAskedForOrSpokenOf(t *testing.T) {
	client, _ := serve(t, Options{})
	const both = "What are the weather and the time in Paris?"
	for name, c := range map[string]struct {
		question string
		choice   any
		parallel any
		want     []string
	}{
		"spoken of":        {question: "How is the weather in Paris?", want: []string{"get_weather"}},
		"both":             {question: both, want: []string{"get_weather", "get_local_time"}},
		"one at a time":    {question: both, parallel: false, want: []string{"get_weather"}},
		"not spoken of":    {question: "Who was Ada Lovelace?"},
		"none":             {question: both, choice: "none"},
		"required":         {question: "Hello", choice: "required", want: []string{"get_weather"}},
		"required by name": {question: "Hello", choice: openai.ToolChoice{Type: "function", Function: openai.ToolFunction{Name: "get_local_time"}}, want: []string{"get_local_time"}},
	} {
		q := userSays(c.question)
		q.Tools, q.ToolChoice, q.ParallelToolCalls = weatherTools(), c.choice, c.parallel
		resp, err := client.CreateChatCompletion(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		calls := resp.Choices[0].Message.ToolCalls
		var got []string
		for _, call := range calls {
			got = append(got, call.Function.Name)
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: called %q, want %q", name, got, c.want)
		}
		if wantEnd := resp.Choices[0].FinishReason == openai.FinishReasonToolCalls; wantEnd != (len(c.want) > 0) {
			t.Errorf("%s: finish reason %q", name, resp.Choices[0].FinishReason)
		}
		if name == "both" && calls[0].Function.Arguments != `{"city":"Paris"}` {
			t.Errorf("arguments %s", calls[0].Function.Arguments)
		}
	}
}

func TestAStreamedToolCallAddsUpToTheWholeOne(t *testing.T) {
	client, _ := serve(t, Options{})
	q := userSays("What are the weather and the time in Paris?")
	q.Tools = weatherTools()
	whole, err := client.CreateChatCompletion(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := client.CreateChatCompletionStream(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	got := make([]openai.ToolCall, 2)
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range chunk.Choices[0].Delta.ToolCalls {
			call := &got[*piece.Index]
			call.ID, call.Type = call.ID+piece.ID, piece.Type
			call.Function.Name += piece.Function.Name
			call.Function.Arguments += piece.Function.Arguments
		}
	}
	for i, want := range whole.Choices[0].Message.ToolCalls {
		if got[i].ID != want.ID || got[i].Function != want.Function {
			t.Errorf("call %d: got %+v, want %+v", i, got[i], want)
		}
	}
}

func TestAToolResultIsAnsweredWithText(t *testing.T) {
	client, _ := serve(t, Options{})
	q := userSays("How is the weather in Paris?")
	q.Tools = weatherTools()
	q.Messages = append(q.Messages,
		openai.ChatCompletionMessage{Role: "assistant", ToolCalls: []openai.ToolCall{{ID: "call_1", Type: "function", Function: openai.FunctionCall{Name: "get_weather", Arguments: "{}"}}}},
		openai.ChatCompletionMessage{Role: "tool", ToolCallID: "call_1", Content: "sunny"})
	resp, err := client.CreateChatCompletion(t.Context(), q)
	if err != nil || resp.Choices[0].Message.Content == "" || len(resp.Choices[0].Message.ToolCalls) != 0 {
		t.Errorf("got %+v, %v", resp, err)
	}
}

func TestImagesAreAcknowledged(t *testing.T) {
	client, _ := serve(t, Options{})
	q := userSays("")
	q.Messages[0].MultiContent = []openai.ChatMessagePart{
		{Type: openai.ChatMessagePartTypeText, Text: "What is on it?"},
		{Type: openai.ChatMessagePartTypeImageURL, ImageURL: &openai.ChatMessageImageURL{URL: "data:image/png;base64,iVBORw0KGgo="}},
	}
	resp, err := client.CreateChatCompletion(t.Context(), q)
	if err != nil || !strings.Contains(resp.Choices[0].Message.Content, "1 image(s)") {
		t.Errorf("got %+v, %v", resp, err)
	}
}
