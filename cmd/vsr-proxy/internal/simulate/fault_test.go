package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	openai "github.com/sashabaranov/go-openai"
)

func TestAFaultGivesTheStatusThatWasAskedFor(t *testing.T) {
	client, url := serve(t, Options{})
	for _, status := range []int{400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529} {
		_, err := client.CreateChatCompletion(t.Context(), userSays(fmt.Sprintf("simulate:error:%d", status)))
		var api *openai.APIError
		if !errors.As(err, &api) || api.HTTPStatusCode != status || api.Code != fmt.Sprintf("simulated_%d", status) {
			t.Errorf("%d: got %v", status, err)
		}
	}
	resp, err := http.Post(url+"/v1/completions", "application/json", strings.NewReader(`{"model":"llama3-8b","prompt":"simulate:error:429","stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("got %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
}

// faultyStream reads a stream until it fails and returns the words that came before.
func faultyStream(t *testing.T, client *openai.Client, ctx context.Context, text string) (words int, err error) {
	t.Helper()
	stream, err := client.CreateChatCompletionStream(ctx, userSays(text))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for {
		chunk, err := stream.Recv()
		if err != nil {
			return words, err
		}
		if chunk.Choices[0].Delta.Content != "" {
			words++
		}
	}
}

func TestFaultsOfAStreamComeAfterThreeTokens(t *testing.T) {
	client, _ := serve(t, Options{})
	words, err := faultyStream(t, client, t.Context(), "simulate:reset")
	if words != faultAfter || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %d words, then %v", words, err)
	}
	words, err = faultyStream(t, client, t.Context(), "simulate:break")
	var api *openai.APIError
	if words != faultAfter || !errors.As(err, &api) || api.Code != "simulated_break" {
		t.Errorf("break: %d words, then %v", words, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	words, err = faultyStream(t, client, ctx, "simulate:stall")
	if words != faultAfter || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stall: %d words, then %v", words, err)
	}
}

func TestFaultsInsteadOfAnAnswer(t *testing.T) {
	client, _ := serve(t, Options{})
	if _, err := client.CreateChatCompletion(t.Context(), userSays("simulate:reset")); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("reset: %v", err)
	}
	var api *openai.APIError
	if _, err := client.CreateChatCompletion(t.Context(), userSays("simulate:break")); !errors.As(err, &api) || api.HTTPStatusCode != 500 {
		t.Errorf("break: %v", err)
	}
	for _, text := range []string{"simulate:hang", "simulate:stall"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := client.CreateChatCompletion(ctx, userSays(text)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", text, err)
		}
		cancel()
	}
}

func TestStatsCountClientsThatWentAway(t *testing.T) {
	client, _ := serve(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _ = client.CreateChatCompletion(ctx, userSays("simulate:hang")) // fails as it should: tested above
	deadline := time.Now().Add(5 * time.Second)
	for {
		resp, err := client.CreateChatCompletion(t.Context(), userSays("simulate:stats"))
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Started, Ended, Cancelled int }
		if err := json.Unmarshal([]byte(resp.Choices[0].Message.Content), &got); err != nil {
			t.Fatal(err)
		}
		if got.Cancelled == 1 && got.Ended == got.Started-1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("counts are %+v", got)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestTextsThatOnlyLookLikeFaultsAreAnswered(t *testing.T) {
	for _, text := range []string{"", "simulate", "simulate:", "simulate:error", "simulate:error:200", "simulate:error:600", "simulate:error:x",
		"simulate:hang:1", "simulate:words:-1", "simulate:words:100001", "please simulate:hang"} {
		if f := parseFault(text); f != (fault{}) {
			t.Errorf("%q asks for %+v", text, f)
		}
	}
}
