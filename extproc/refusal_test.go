package extproc_test

import (
	"encoding/json"
	"testing"
)

const okBody = `{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"4"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":5,"total_tokens":16}}`

// refused checks an answer in Envoy's stead: the HTTP door's envelope and headers.
func refused(t testing.TB, what string, got *immediate, status int, code string) {
	t.Helper()
	var e struct {
		Error struct {
			Message, Type string
			Param, Code   *string
		}
	}
	if got == nil {
		t.Errorf("%s: not refused", what)
		return
	}
	err := json.Unmarshal([]byte(got.body), &e)
	if got.status != status || err != nil || e.Error.Message == "" || e.Error.Type == "" || e.Error.Code == nil || *e.Error.Code != code ||
		got.header.Get("Content-Type") != "application/json" || got.header.Get("X-Vsr-Schema-Version") != "1" || got.header.Get("X-Request-Id") == "" {
		t.Errorf("%s: got %+v, want %d %s", what, got, status, code)
	}
}
