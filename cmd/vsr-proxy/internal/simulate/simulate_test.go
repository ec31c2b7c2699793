package simulate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	openai "github.com/sashabaranov/go-openai"
	"go.uber.org/goleak"
)

// serve starts a backend on a real socket and returns a client for it.
func serve(t *testing.T, o Options) (*openai.Client, string) {
	t.Helper()
	srv := httptest.NewServer(New("llama3-8b", o))
	t.Cleanup(srv.Close)
	config := openai.DefaultConfig("sk-test")
	config.BaseURL = srv.URL + "/v1"
	return openai.NewClientWithConfig(config), srv.URL
}

func userSays(text string) openai.ChatCompletionRequest {
	return openai.ChatCompletionRequest{Model: "llama3-8b",
		Messages: []openai.ChatCompletionMessage{{Role: openai.ChatMessageRoleUser, Content: text}}}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnAnswerSaysThatItIsSimulatedAndWhatWasAsked(t *testing.T) {
	client, _ := serve(t, Options{})
	resp, err := client.CreateChatCompletion(t.Context(), userSays("Who was Ada Lovelace?"))
	if err != nil {
		t.Fatal(err)
	}
	text := resp.Choices[0].Message.Content
	if !strings.HasPrefix(text, "[simulated llama3-8b] ") || !strings.Contains(text, "Who was Ada Lovelace?") {
		t.Errorf("got %q", text)
	}
	if u := resp.Usage; u.PromptTokens != 4 || u.CompletionTokens != len(strings.Fields(text)) || u.TotalTokens != u.PromptTokens+u.CompletionTokens {
		t.Errorf("usage %+v of %d words", u, len(strings.Fields(text)))
	}
	if resp.Choices[0].FinishReason != openai.FinishReasonStop || resp.Model != "llama3-8b" {
		t.Errorf("got %+v", resp)
	}
	again, err := client.CreateChatCompletion(t.Context(), userSays("Who was Ada Lovelace?"))
	if err != nil || again.Choices[0].Message.Content != text || again.ID != resp.ID {
		t.Error("the same question got another answer")
	}
	other := New("phi4-mini", Options{})
	rec := httptest.NewRecorder()
	other.ServeHTTP(rec, httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(
		`{"model":"phi4-mini","messages":[{"role":"user","content":"Who was Ada Lovelace?"}]}`)))
	if body := rec.Body.String(); !strings.Contains(body, "[simulated phi4-mini]") || strings.Contains(body, text) {
		t.Errorf("another backend says %s", body)
	}
}

func TestAStreamIsTheSameAnswerWordByWord(t *testing.T) {
	client, _ := serve(t, Options{})
	whole, err := client.CreateChatCompletion(t.Context(), userSays("Why is the sky blue?"))
	if err != nil {
		t.Fatal(err)
	}
	for _, withUsage := range []bool{false, true} {
		q := userSays("Why is the sky blue?")
		if withUsage {
			q.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
		}
		text, chunks, usage := drain(t, client, q)
		if text != whole.Choices[0].Message.Content {
			t.Errorf("stream says %q", text)
		}
		if chunks != whole.Usage.CompletionTokens {
			t.Errorf("%d chunks of text, want %d", chunks, whole.Usage.CompletionTokens)
		}
		if withUsage != (usage != nil) || (usage != nil && *usage != whole.Usage) {
			t.Errorf("asked for usage: %v, got %+v", withUsage, usage)
		}
	}
}

// drain reads a stream to its proper end.
func drain(t *testing.T, client *openai.Client, q openai.ChatCompletionRequest) (text string, chunks int, usage *openai.Usage) {
	t.Helper()
	stream, err := client.CreateChatCompletionStream(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return text, chunks, usage
		}
		if err != nil {
			t.Fatal(err)
		}
		if chunk.Usage != nil {
			usage = chunk.Usage
		}
		for _, c := range chunk.Choices {
			if c.Delta.Content != "" {
				text, chunks = text+c.Delta.Content, chunks+1
			}
		}
	}
}

func TestMaxTokensCutsTheAnswer(t *testing.T) {
	client, _ := serve(t, Options{})
	q := userSays("Why?")
	q.MaxCompletionTokens = 3
	resp, err := client.CreateChatCompletion(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Usage.CompletionTokens != 3 || resp.Choices[0].FinishReason != openai.FinishReasonLength {
		t.Errorf("got %+v", resp)
	}
}

func TestLegacyCompletionsAnswerWholeAndStreamed(t *testing.T) {
	client, _ := serve(t, Options{})
	q := openai.CompletionRequest{Model: "llama3-8b", Prompt: "Once upon a time"}
	whole, err := client.CreateCompletion(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	q.Stream = true
	stream, err := client.CreateCompletionStream(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	text := ""
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text += chunk.Choices[0].Text
	}
	if want := whole.Choices[0].Text; text != want || !strings.HasPrefix(want, "[simulated llama3-8b] ") {
		t.Errorf("whole %q, streamed %q", want, text)
	}
	if whole.Usage == nil || whole.Usage.PromptTokens != 4 {
		t.Errorf("usage %+v", whole.Usage)
	}
	ids, err := client.CreateCompletion(t.Context(), openai.CompletionRequest{Model: "llama3-8b", Prompt: []int{1, 2, 3}})
	if err == nil && ids.Usage.PromptTokens != 3 {
		t.Errorf("usage of token ids %+v", ids.Usage)
	}
}

func TestModelsListsTheBackend(t *testing.T) {
	client, _ := serve(t, Options{})
	models, err := client.ListModels(t.Context())
	if err != nil || len(models.Models) != 1 || models.Models[0].ID != "llama3-8b" {
		t.Errorf("got %+v, %v", models, err)
	}
}

func TestHeadersShowWhatReachedTheBackend(t *testing.T) {
	_, url := serve(t, Options{AnyModel: true})
	const body = `{"model": "whatever", "messages":[{"role":"user","content":"hi"}]}`
	req, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-selected-model", "phi4-mini")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	digest := sha256.Sum256([]byte(body))
	for name, want := range map[string]string{headerBackend: "llama3-8b", headerSelected: "phi4-mini", headerDigest: hex.EncodeToString(digest[:])} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestBadRequestsGetOpenAIErrors(t *testing.T) {
	_, url := serve(t, Options{})
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		param, code        string
	}{
		"no JSON":         {"POST", "/v1/chat/completions", "{", 400, "", ""},
		"wrong type":      {"POST", "/v1/chat/completions", `{"model":1}`, 400, "Model", ""},
		"no model":        {"POST", "/v1/responses", `{"input":"x"}`, 400, "model", ""},
		"no messages":     {"POST", "/v1/chat/completions", `{"model":"llama3-8b"}`, 400, "messages", ""},
		"no input":        {"POST", "/v1/embeddings", `{"model":"llama3-8b"}`, 400, "input", ""},
		"other model":     {"POST", "/v1/completions", `{"model":"gpt-4","prompt":"x"}`, 404, "model", "model_not_found"},
		"other endpoint":  {"POST", "/v1/images", `{}`, 404, "", "unknown_url"},
		"many dimensions": {"POST", "/v1/embeddings", `{"model":"llama3-8b","input":"x","dimensions":99999}`, 400, "dimensions", ""},
	} {
		resp, err := http.Post(url+c.path, "application/json", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		var envelope struct {
			Error struct {
				Message, Type string
				Param, Code   *string
			}
		}
		err = json.NewDecoder(resp.Body).Decode(&envelope)
		resp.Body.Close()
		e := envelope.Error
		text := func(s *string) string {
			if s == nil {
				return ""
			}
			return *s
		}
		if err != nil || resp.StatusCode != c.status || e.Message == "" || e.Type == "" || !strings.EqualFold(text(e.Param), c.param) || text(e.Code) != c.code {
			t.Errorf("%s: status %d, %+v, %v", name, resp.StatusCode, e, err)
		}
	}
}

func TestTokensArriveAtTheConfiguredPace(t *testing.T) {
	const delay = 20 * time.Millisecond
	client, _ := serve(t, Options{TokenDelay: delay})
	q := userSays("simulate:words:10")
	start := time.Now()
	stream, err := client.CreateChatCompletionStream(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if _, err := stream.Recv(); err != nil { // the head, before the first token
		t.Fatal(err)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	if took := time.Since(start); !errors.Is(err, io.EOF) || took < 10*delay {
		t.Errorf("ten tokens took %v, %v", took, err)
	}
}

func TestATextThatIsGoneIsNotWorkedOn(t *testing.T) {
	client, _ := serve(t, Options{TokenDelay: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.CreateChatCompletion(ctx, userSays("hi")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
} // goleak sees the handler if it stays
