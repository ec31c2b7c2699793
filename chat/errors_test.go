package chat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

// Every refusal is OpenAI's envelope: four members, null where there is nothing.
func TestErrorsAreOpenAIEnvelopes(t *testing.T) {
	tests := []struct {
		err             *chat.Error
		status          int
		kind, code      string
		param, mentions string
		retry           bool
	}{
		{chat.NotFound("GET", "/v1/\r\nfoo"), 404, "invalid_request_error", "unknown_url", "", `GET /v1/\r\nfoo`, false},
		{chat.MethodNotAllowed("GET", "HEAD"), 405, "invalid_request_error", "method_not_supported", "", "GET, HEAD", false},
		{chat.TooLarge(33554432), 413, "invalid_request_error", "request_too_large", "", "33554432", false},
		{chat.UnsupportedMediaType("application/json"), 415, "invalid_request_error", "unsupported_content_type", "", "application/json", false},
		{chat.ModelNotFound("gpt\"x`\n", []string{"auto", "llama3-8b"}), 404, "invalid_request_error", "model_not_found", "model", "`gpt\\\"x'\\n`", false},
		{chat.ModelNotFound("x", nil), 404, "invalid_request_error", "model_not_found", "model", "`x`", false},
		{chat.Unauthorized(), 401, "invalid_request_error", "invalid_api_key", "", "API key", false},
		{chat.RequestTimeout(), 408, "invalid_request_error", "request_timeout", "", "in time", true},
		{chat.Overloaded("concurrency"), 503, "server_error", "overloaded", "", "concurrency", true},
		{chat.UpstreamUnavailable(), 502, "server_error", "upstream_unavailable", "", "unavailable", true},
		{chat.UpstreamTimeout(), 504, "server_error", "upstream_timeout", "", "in time", true},
		{&chat.Error{Status: 500, Message: "plain"}, 500, "", "", "", "plain", true},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		chat.WriteError(w, tt.err)
		if w.Code != tt.status || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: status %d, content type %q", tt.code, w.Code, w.Header().Get("Content-Type"))
		}
		if got := w.Header().Get("X-Should-Retry"); (got == "false") == tt.retry {
			t.Errorf("%s: x-should-retry %q", tt.code, got)
		}
		var envelope map[string]map[string]*string
		if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil {
			t.Fatalf("%s: %v in %s", tt.code, err, w.Body)
		}
		e := envelope["error"]
		if len(envelope) != 1 || len(e) != 4 || e["message"] == nil {
			t.Fatalf("%s: %s", tt.code, w.Body)
		}
		for member, want := range map[string]string{"type": tt.kind, "code": tt.code, "param": tt.param} {
			if got, ok := e[member]; !ok || (got == nil) != (want == "") || got != nil && *got != want {
				t.Errorf("%s: %s is wrong in %s", tt.code, member, w.Body)
			}
		}
		if !strings.Contains(*e["message"], tt.mentions) {
			t.Errorf("%s: %q does not mention %q", tt.code, *e["message"], tt.mentions)
		}
		if !strings.Contains(tt.err.Error(), *e["message"]) || !strings.Contains(tt.err.Error(), tt.code) {
			t.Errorf("Error() = %q", tt.err.Error())
		}
	}
}

func TestErrorHeaders(t *testing.T) {
	for header, err := range map[string]*chat.Error{"Allow: POST": chat.MethodNotAllowed("POST"), "WWW-Authenticate: Bearer": chat.Unauthorized()} {
		w := httptest.NewRecorder()
		chat.WriteError(w, err)
		name, want, _ := strings.Cut(header, ": ")
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

// A client cannot make an error long with what it sends.
func TestErrorsAreBounded(t *testing.T) {
	long := strings.Repeat("\u6771\x00", 1<<20)
	known := make([]string, 1000)
	for i := range known {
		known[i] = long
	}
	for _, err := range []*chat.Error{chat.ModelNotFound(long, known), chat.NotFound("GET", long)} {
		if n := len(err.JSON()); n > 8<<10 {
			t.Errorf("%s: %d bytes", err.Code, n)
		}
	}
	if m := chat.ModelNotFound("x", known).Message; !strings.Contains(m, "and 980 more") {
		t.Errorf("message %q", m)
	}
}

// S2: no error quotes what the user wrote, wherever the body breaks off or goes
// wrong.
func TestErrorsQuoteNoPrompt(t *testing.T) {
	const canary = "canary in a coal mine"
	whole := `{"model":"m","` + canary + `":1,"messages":[{"role":"user","content":"` + canary + `"},` +
		`{"role":"tool","content":[{"type":"text","text":"` + canary + `"}],"` + canary + `":{"x":[1,2]}}],"metadata":{"` + canary + `":"` + canary + `"}}`
	check := func(body []byte) {
		if _, err := chat.Parse(chat.Chat, body, chat.Limits{}); err != nil && bytes.Contains(err.JSON(), []byte("canary")) {
			t.Errorf("%q: %s", body, err.JSON())
		}
	}
	for i := range whole {
		check([]byte(whole[:i]))
		for _, wrong := range []string{"\x00", "\xff", "\\", "\"", "}", "]", "{", ",", "7", `\u0000`} {
			check([]byte(whole[:i] + wrong + whole[i:]))
			check([]byte(whole[:i] + wrong + whole[i+1:]))
		}
	}
	check([]byte(`{"` + canary + `":1,"` + canary + `":2}`))
	check([]byte(`{"model":"m","messages":[{"role":"` + canary + `"}]}`))
}

// S2: printing a request, as a log line might, shows sizes and no text.
func TestRequestsPrintWithoutText(t *testing.T) {
	r := parse(t, chat.Chat, `{"model":"m","messages":[{"role":"user","content":"canary"}]}`)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("read", "request", r, "value", *r, "segment", r.Segments[0])
	for _, printed := range []string{fmt.Sprint(r), fmt.Sprintf("%+v %v %#v", *r, r.Segments, r), log.String()} {
		if strings.Contains(printed, "canary") || strings.Contains(printed, "99, 97, 110") || !strings.Contains(printed, "chat") && !strings.Contains(printed, "6 bytes") {
			t.Errorf("printed %s", printed)
		}
	}
}
