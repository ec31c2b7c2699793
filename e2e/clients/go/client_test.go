//go:build e2e

package clients

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	openai "github.com/sashabaranov/go-openai"
)

// newClient returns a client as an app would make it; header, if any, is added to each request.
func newClient(t *testing.T, header http.Header) *openai.Client {
	t.Helper()
	base := os.Getenv("OPENAI_BASE_URL")
	if base == "" {
		t.Fatal("OPENAI_BASE_URL is not set")
	}
	config := openai.DefaultConfig("sk-e2e")
	config.BaseURL = base
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	config.HTTPClient = &http.Client{Timeout: time.Minute, Transport: withHeader{transport, header}}
	return openai.NewClientWithConfig(config)
}

type withHeader struct {
	next   http.RoundTripper
	header http.Header
}

func (w withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range w.header {
		r.Header[name] = values
	}
	return w.next.RoundTrip(r)
}

func ask(model, text string) openai.ChatCompletionRequest {
	return openai.ChatCompletionRequest{Model: model, Messages: []openai.ChatCompletionMessage{{Role: openai.ChatMessageRoleUser, Content: text}}}
}

func create(t *testing.T, c *openai.Client, q openai.ChatCompletionRequest) openai.ChatCompletionResponse {
	t.Helper()
	resp, err := c.CreateChatCompletion(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// stream reads a stream to its end, which is nil after a proper one.
func stream(ctx context.Context, c *openai.Client, q openai.ChatCompletionRequest) (text string, usage *openai.Usage, err error) {
	s, err := c.CreateChatCompletionStream(ctx, q)
	if err != nil {
		return "", nil, err
	}
	defer s.Close()
	for {
		chunk, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return text, usage, nil
		}
		if err != nil {
			return text, usage, err
		}
		if chunk.Usage != nil {
			usage = chunk.Usage
		}
		for _, choice := range chunk.Choices {
			text += choice.Delta.Content
		}
	}
}

type counts struct{ Started, Ended, Cancelled int }

// stats is what the backend has counted.
func stats(t *testing.T, c *openai.Client) (n counts) {
	t.Helper()
	text := create(t, c, ask(llama, "simulate:stats")).Choices[0].Message.Content
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return n
}

// expectCancel waits until the backend has learnt that its client has gone.
func expectCancel(t *testing.T, c *openai.Client, before counts) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); stats(t, c).Cancelled <= before.Cancelled; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the backend was not told that the client went away")
		}
	}
}

// scrape reads the proxy's metrics by series.
func scrape(t *testing.T, admin string) map[string]float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, admin+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	series := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), "} "); ok && !strings.HasPrefix(name, "#") {
			series[name+"}"], _ = strconv.ParseFloat(value, 64) // a value is always a number
		}
	}
	return series
}
