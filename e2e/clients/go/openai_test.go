//go:build e2e

// Package clients holds what an app written with go-openai expects, against a proxy in front of the simulated backends.
//
// The base URL comes from OPENAI_BASE_URL; with VSR_ADMIN_URL set the proxy's metrics are looked at too.
// "simulate:..." texts ask a backend for a fault.
package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	openai "github.com/sashabaranov/go-openai"
)

const (
	llama, phi    = "llama3-8b", "phi4-mini"
	math, history = "What is 2+2 * (5-1)?", "Why did the Roman Empire fall?"
)

func TestPlain(t *testing.T) {
	resp := create(t, newClient(t, nil), ask(llama, history))
	if text := resp.Choices[0].Message.Content; !strings.HasPrefix(text, "[simulated "+llama+"] ") || resp.Model != llama {
		t.Errorf("%s says %q", resp.Model, text)
	}
	if u := resp.Usage; u.PromptTokens != 6 || u.TotalTokens != u.PromptTokens+u.CompletionTokens {
		t.Errorf("usage %+v", u)
	}
}

func TestStreamWithAndWithoutUsage(t *testing.T) {
	c := newClient(t, nil)
	whole := create(t, c, ask(llama, history))
	for _, asked := range []bool{false, true} {
		q := ask(llama, history)
		if asked {
			q.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
		}
		text, usage, err := stream(t.Context(), c, q)
		if err != nil || text != whole.Choices[0].Message.Content {
			t.Errorf("stream says %q, %v", text, err)
		}
		if asked != (usage != nil) || (usage != nil && *usage != whole.Usage) {
			t.Errorf("asked for usage: %v, got %+v", asked, usage)
		}
	}
}

func tools() (out []openai.Tool) {
	for _, name := range []string{"get_weather", "get_local_time"} {
		out = append(out, openai.Tool{Type: openai.ToolTypeFunction, Function: &openai.FunctionDefinition{Name: name,
			Parameters: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`)}})
	}
	return out
}

func TestToolCallAndItsResult(t *testing.T) {
	c := newClient(t, nil)
	q := ask(llama, "What is the weather in Paris?")
	q.Tools = tools()
	message := create(t, c, q).Choices[0].Message
	if len(message.ToolCalls) != 1 || message.ToolCalls[0].Function.Arguments != `{"city":"Paris"}` {
		t.Fatalf("got %+v", message)
	}
	q.Messages = append(q.Messages, message, openai.ChatCompletionMessage{Role: "tool", ToolCallID: message.ToolCalls[0].ID, Content: "sunny"})
	if after := create(t, c, q).Choices[0].Message; after.Content == "" || after.ToolCalls != nil {
		t.Errorf("got %+v", after)
	}
}

func TestParallelToolCalls(t *testing.T) {
	q := ask(llama, "What are the weather and the time in Paris?")
	q.Tools = tools()
	if calls := create(t, newClient(t, nil), q).Choices[0].Message.ToolCalls; len(calls) != 2 {
		t.Errorf("got %+v", calls)
	}
}

func TestJSONSchema(t *testing.T) {
	q := ask(llama, "Tell me about Paris")
	q.ResponseFormat = &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONSchema,
		JSONSchema: &openai.ChatCompletionResponseFormatJSONSchema{Name: "place", Strict: true, Schema: json.RawMessage(
			`{"type":"object","properties":{"city":{"type":"string"},"population":{"type":"integer"}},"required":["city","population"],"additionalProperties":false}`)}}
	var place struct {
		City       *string
		Population *int
	}
	text := create(t, newClient(t, nil), q).Choices[0].Message.Content
	if err := json.Unmarshal([]byte(text), &place); err != nil || place.City == nil || place.Population == nil {
		t.Errorf("%s: %v", text, err)
	}
}

func TestImagePart(t *testing.T) {
	q := ask(llama, "")
	q.Messages[0].MultiContent = []openai.ChatMessagePart{
		{Type: openai.ChatMessagePartTypeText, Text: "What is this?"},
		{Type: openai.ChatMessagePartTypeImageURL, ImageURL: &openai.ChatMessageImageURL{URL: "data:image/png;base64,iVBORw0KGgo="}},
	}
	if text := create(t, newClient(t, nil), q).Choices[0].Message.Content; !strings.Contains(text, "1 image(s)") {
		t.Errorf("got %q", text)
	}
}

func TestManyAtOnce(t *testing.T) {
	c := newClient(t, nil)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			question := fmt.Sprintf("Question %d?", i)
			if text, _, err := stream(t.Context(), c, ask(llama, question)); err != nil || !strings.Contains(text, question) {
				t.Errorf("%s got %q, %v", question, text, err)
			}
		})
	}
	wg.Wait()
}

// L4: a client that leaves is noticed by the backend.
func TestL4AbortMidStreamReachesTheBackend(t *testing.T) {
	c := newClient(t, nil)
	before := stats(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := c.CreateChatCompletionStream(ctx, ask(llama, "simulate:stall"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for text := ""; text == ""; {
		chunk, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		text = chunk.Choices[0].Delta.Content
	}
	cancel()
	expectCancel(t, c, before)
}

func TestL4TimeoutReachesTheBackend(t *testing.T) {
	c := newClient(t, nil)
	before := stats(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := c.CreateChatCompletion(ctx, ask(llama, "simulate:hang")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	expectCancel(t, c, before)
}

// U9: a backend's errors pass unchanged.
func TestU9ErrorsPassUnchanged(t *testing.T) {
	c := newClient(t, nil)
	for _, status := range []int{400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529} {
		q := ask(llama, fmt.Sprintf("simulate:error:%d", status))
		_, plain := c.CreateChatCompletion(t.Context(), q)
		_, _, streamed := stream(t.Context(), c, q)
		for _, err := range []error{plain, streamed} {
			var api *openai.APIError
			if !errors.As(err, &api) || api.HTTPStatusCode != status || api.Code != fmt.Sprintf("simulated_%d", status) {
				t.Errorf("%d: got %v", status, err)
			}
		}
	}
}

// U5: a stream that breaks gives the words that came and then an error.
func TestU5AStreamThatBreaksRaises(t *testing.T) {
	c := newClient(t, nil)
	text, _, err := stream(t.Context(), c, ask(llama, "simulate:reset"))
	if len(strings.Fields(text)) != 3 || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %q, then %v", text, err)
	}
	text, _, err = stream(t.Context(), c, ask(llama, "simulate:break"))
	var api *openai.APIError
	if len(strings.Fields(text)) != 3 || !errors.As(err, &api) {
		t.Errorf("break: %q, then %v", text, err)
	}
}

func TestAutoAndExplicitModels(t *testing.T) {
	c := newClient(t, nil)
	for _, q := range []struct{ model, text, want string }{{"auto", math, phi}, {"auto", history, llama}, {llama, math, llama}} {
		resp := create(t, c, ask(q.model, q.text))
		for _, name := range []string{"x-vsr-selected-model", "x-simulated-selected-model"} {
			if got := resp.Header().Values(name); len(got) != 1 || got[0] != q.want {
				t.Errorf("%s, %q: %s is %q, want %q", q.model, q.text, name, got, q.want)
			}
		}
		if classified := resp.Header().Get("x-vsr-selected-category") != ""; classified != (q.model == "auto") {
			t.Errorf("%s, %q: classified: %v", q.model, q.text, classified)
		}
		if resp.Model != q.want || resp.Header().Get("x-request-id") == "" {
			t.Errorf("%s, %q: answered by %q, headers %v", q.model, q.text, resp.Model, resp.Header())
		}
	}
}

// H1: no header of a client's chooses a model.
func TestH1AClientCannotChooseByHeader(t *testing.T) {
	c := newClient(t, http.Header{"X-Selected-Model": {phi}, "X-Vsr-Selected-Model": {phi}, "X-Gateway-Model-Name": {phi}})
	resp := create(t, c, ask("auto", history))
	if got := resp.Header().Values("x-simulated-selected-model"); len(got) != 1 || got[0] != llama {
		t.Errorf("the backend was told %q", got)
	}
}

// B9: an error names the field.
func TestB9ErrorsNameTheirField(t *testing.T) {
	c := newClient(t, nil)
	var api *openai.APIError
	if _, err := c.CreateChatCompletion(t.Context(), ask("no-such-model", "hi")); !errors.As(err, &api) || api.HTTPStatusCode != 404 || api.Code != "model_not_found" {
		t.Errorf("unknown model: %v", err)
	}
	if _, err := c.CreateChatCompletion(t.Context(), openai.ChatCompletionRequest{Model: "auto"}); !errors.As(err, &api) || api.HTTPStatusCode != 400 || api.Param == nil || *api.Param != "messages" {
		t.Errorf("no messages: %v", err)
	}
}

func TestResponsesPlainAndStreamed(t *testing.T) {
	c := newClient(t, nil)
	whole, err := c.CreateResponse(t.Context(), openai.CreateResponseRequest{Model: "auto", Input: math})
	if err != nil || whole.Model != phi {
		t.Fatalf("got %+v, %v", whole, err)
	}
	s, err := c.CreateResponseStream(t.Context(), openai.CreateResponseRequest{Model: "auto", Input: math})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text, last := "", ""
	for {
		event, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if last = string(event.Type); last == "response.output_text.delta" {
			text += event.Delta
		}
	}
	if text != whole.GetOutputText() || last != "response.completed" {
		t.Errorf("stream says %q and ends with %q", text, last)
	}
}

func TestCompletionsEmbeddingsAndModels(t *testing.T) {
	c := newClient(t, nil)
	if done, err := c.CreateCompletion(t.Context(), openai.CompletionRequest{Model: "auto", Prompt: history}); err != nil || done.Model != llama {
		t.Errorf("completions: %+v, %v", done, err)
	}
	if e, err := c.CreateEmbeddings(t.Context(), openai.EmbeddingRequest{Model: llama, Input: []string{"one", "two"}}); err != nil || len(e.Data) != 2 {
		t.Errorf("embeddings: %d, %v", len(e.Data), err)
	}
	list, err := c.ListModels(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"auto", llama, phi} {
		if !slices.ContainsFunc(list.Models, func(m openai.Model) bool { return m.ID == want }) {
			t.Errorf("models do not list %s", want)
		}
	}
}

func TestMetricsCountRequestsAndTokens(t *testing.T) {
	admin := os.Getenv("VSR_ADMIN_URL")
	if admin == "" {
		t.Skip("VSR_ADMIN_URL is not set; e2e/run.sh sets it")
	}
	c := newClient(t, nil)
	requests, tokens := fmt.Sprintf("llm_model_requests_total{model=%q}", phi), fmt.Sprintf("llm_model_tokens_total{model=%q}", phi)
	before := scrape(t, admin)
	plain := create(t, c, ask("auto", math))
	q := ask("auto", math)
	q.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	if _, _, err := stream(t.Context(), c, q); err != nil {
		t.Fatal(err)
	}
	want := float64(2 * plain.Usage.TotalTokens)
	var after map[string]float64
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) { // counted when the exchange is over
		after = scrape(t, admin)
		if after[tokens]-before[tokens] == want && after[requests]-before[requests] == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("requests rose by %v, want 2; tokens by %v, want %v", after[requests]-before[requests], after[tokens]-before[tokens], want)
		}
	}
}
