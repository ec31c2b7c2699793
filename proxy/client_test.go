package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	openai "github.com/sashabaranov/go-openai"
)

func (s *stack) openai(key string) *openai.Client {
	c := openai.DefaultConfig(key)
	c.BaseURL = "http://" + s.addr + "/v1"
	c.HTTPClient = s.client
	return openai.NewClientWithConfig(c)
}

func ask(model, text string) openai.ChatCompletionRequest {
	return openai.ChatCompletionRequest{Model: model, Messages: []openai.ChatCompletionMessage{{Role: "user", Content: text}}}
}

// A real client, unmodified: whole answers, streams, the list of models.
func TestGoOpenAI(t *testing.T) {
	s := serve(t, newBackend(t, func(w *wire) {
		for r := w.read(); r != nil; r = w.read() {
			switch {
			case strings.HasPrefix(r.line, "POST /v1/embeddings"):
				w.write(response(200, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,2]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`))
			case strings.Contains(r.body, `"stream":true`):
				w.write(streamHead, chunked(event("Hel")), chunked(event("lo")), chunked("data: [DONE]\n\n"), streamEnd)
			default:
				w.write(ok)
			}
		}
	}), "")
	client, ctx := s.openai("sk-any"), context.Background()

	whole, err := client.CreateChatCompletion(ctx, ask("auto", "some math"))
	if err != nil || whole.Choices[0].Message.Content != "4" || whole.Usage.TotalTokens != 16 || whole.Header().Get("X-Vsr-Selected-Model") != "large" {
		t.Errorf("%+v %v", whole, err)
	}
	stream, err := client.CreateChatCompletionStream(ctx, ask("auto", "history"))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var text string
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text += part.Choices[0].Delta.Content
	}
	if text != "Hello" {
		t.Errorf("streamed %q", text)
	}
	embedded, err := client.CreateEmbeddings(ctx, openai.EmbeddingRequest{Input: []string{"x"}, Model: "small"})
	if err != nil || len(embedded.Data) != 1 {
		t.Errorf("%+v %v", embedded, err)
	}
	models, err := client.ListModels(ctx)
	if err != nil || len(models.Models) != 6 {
		t.Errorf("%+v %v", models, err)
	}
}

// What is refused is the client's own error type, with all its fields.
func TestGoOpenAIErrors(t *testing.T) {
	t.Setenv("VSR_TEST_ONE", "sk-good")
	refusal := `{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}`
	s := serve(t, newBackend(t, replies(response(429, refusal))), "server: {api_keys: [{name: a, env: VSR_TEST_ONE}]}\n")
	for _, c := range []struct {
		key     string
		request openai.ChatCompletionRequest
		status  int
		code    string
	}{
		{"sk-bad", ask("auto", "x"), 401, "invalid_api_key"},
		{"sk-good", ask("nothing", "x"), 404, "model_not_found"},
		{"sk-good", openai.ChatCompletionRequest{Model: "auto"}, 400, "invalid_type"}, // messages: null
		{"sk-good", ask("small", "x"), 429, "rate_limit_exceeded"},
	} {
		_, err := s.openai(c.key).CreateChatCompletion(context.Background(), c.request)
		var e *openai.APIError
		if !errors.As(err, &e) || e.HTTPStatusCode != c.status || fmt.Sprint(e.Code) != c.code || e.Message == "" || e.Type == "" {
			t.Errorf("%s: got %#v", c.code, err)
		}
	}
}

// U5: a cut stream is an error to the client and not its end.
func TestGoOpenAISeesACutStream(t *testing.T) {
	for _, events := range []int{0, 1, 10} {
		for range 10 {
			seen := make(chan struct{})
			s := serve(t, newBackend(t, func(w *wire) {
				w.read()
				w.write(streamHead)
				for i := range events {
					w.write(chunked(event(fmt.Sprint(i))))
				}
				<-seen
				w.reset()
			}), "")
			stream, err := s.openai("k").CreateChatCompletionStream(context.Background(), ask("small", "x"))
			if err != nil {
				t.Fatal(err)
			}
			for i := range events {
				if part, err := stream.Recv(); err != nil || part.Choices[0].Delta.Content != fmt.Sprint(i) {
					t.Fatalf("event %d: %+v %v", i, part, err)
				}
			}
			close(seen)
			if _, err := stream.Recv(); err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("after %d events the stream ended with %v", events, err)
			}
			stream.Close()
		}
	}
}
