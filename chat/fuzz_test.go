package chat_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

func seedBodies(f *testing.F, add func(kind byte, body []byte)) {
	for _, seed := range []struct {
		kind chat.Kind
		body string
	}{
		{chat.Chat, string(conversation(1 << 10))},
		{chat.Chat, `{"model":"a","model":"b","messages":[{"role":"user","content":"x"}]}`},
		{chat.Chat, `{"mod\u0065l":"\ud83d\ude00","MODEL":1e400,"messages":[{"content":["a",{"type":"text","text":"\\u0000"}],"role":"user"}]}`},
		{chat.Chat, `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\"a\":\"\\u0069\"}"}}]}],"tools":[{"function":{"parameters":{"a":[{}]}}}]}`},
		{chat.Completions, `{"model":"m","prompt":[[1,2],"a"],"suffix":null}`},
		{chat.Responses, `{"model":"m","input":[{"type":"function_call_output","output":[{"type":"input_image","image_url":"data:image/png;base64,AA"}]},{"id":"x"},{"result":"a","type":"image_generation_call"}],"prompt":{"variables":{"a":"b"}}}`},
		{chat.ByModel, `{"model":"m","input":[[[]]]} `},
	} {
		add(byte(seed.kind), []byte(seed.body))
	}
	g := newGenerator(1, true)
	for range 50 {
		add(byte(chat.Chat), slices.Clone(g.body()))
	}
}

// Parse never panics, and what it accepts the standard library reads alike: valid
// UTF-8, the same model under that very name, the same text in plain messages.
func FuzzParse(f *testing.F) {
	seedBodies(f, func(kind byte, body []byte) { f.Add(kind, body) })
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		sent := slices.Clone(body)
		r, err := chat.Parse(chat.Kind(kind%4), body, chat.Limits{})
		if !bytes.Equal(body, sent) {
			t.Fatal("Parse changed the body")
		}
		if err != nil {
			if err.Status != 400 || !json.Valid(err.JSON()) {
				t.Fatalf("unexpected error %+v", err)
			}
			return
		}
		if !utf8.Valid(body) || !json.Valid(body) {
			t.Fatalf("accepted %q", body)
		}
		for _, s := range r.Segments {
			if s.Role == "" || s.Field == "" || s.Text == "" || !utf8.ValidString(s.Text) {
				t.Fatalf("bad segment %+v in %q", s, body)
			}
		}
		var members map[string]json.RawMessage // a map folds no names
		var model string
		if json.Unmarshal(body, &members) != nil || json.Unmarshal(members["model"], &model) != nil || model != r.Model {
			t.Fatalf("encoding/json reads model %q, we read %q in %q", model, r.Model, body)
		}
		if r.Kind == chat.Chat {
			compareContents(t, r, members["messages"])
		}
	})
}

// compareContents checks the messages whose content is one string.
func compareContents(t *testing.T, r *chat.Request, raw json.RawMessage) {
	t.Helper()
	var messages []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &messages); err != nil {
		t.Fatal(err)
	}
	for turn, m := range messages {
		var text string
		if json.Unmarshal(m["content"], &text) != nil || text == "" {
			continue
		}
		want := func(s chat.Segment) bool {
			return s.Turn == turn && s.Field == chat.FieldContent && s.Text == text
		}
		if !slices.ContainsFunc(r.Segments, want) {
			t.Fatalf("the content %q of message %d is no segment", text, turn)
		}
	}
}

// A splice sets the model, keeps every other byte and so every segment.
func FuzzSetModel(f *testing.F) {
	seedBodies(f, func(kind byte, body []byte) { f.Add(kind, body, "llama3-8b\"\\\n") })
	f.Fuzz(func(t *testing.T, kind byte, body []byte, name string) {
		r, err := chat.Parse(chat.Kind(kind%4), body, chat.Limits{})
		if err != nil || name == "" || len(name) > chat.DefaultLimits().ModelBytes || !utf8.ValidString(name) || bytes.IndexByte([]byte(name), 0) >= 0 {
			return
		}
		out := r.WithModel(name)
		again, err := chat.Parse(r.Kind, out, chat.Limits{})
		if err != nil {
			t.Fatalf("%q became %q: %v", body, out, err)
		}
		if again.Model != name || !slices.Equal(again.Segments, r.Segments) || again.Media != r.Media {
			t.Fatalf("%q became %q: model %q", body, out, again.Model)
		}
		if !differsInModelOnly(body, out, r.Model, name) {
			t.Fatalf("%q became %q", body, out)
		}
	})
}

// differsInModelOnly reports whether out is body with one string, which says
// before, replaced by the string that says after.
func differsInModelOnly(body, out []byte, before, after string) bool {
	if before == after {
		return bytes.Equal(body, out)
	}
	quoted, _ := jsontext.AppendQuote(nil, after)
	for at := 0; ; at++ {
		i := bytes.Index(out[at:], quoted)
		if i < 0 {
			return false
		}
		at += i
		head, tail := out[:at], out[at+len(quoted):]
		if len(head)+len(tail) > len(body) || !bytes.HasPrefix(body, head) || !bytes.HasSuffix(body, tail) {
			continue
		}
		said, err := jsontext.AppendUnquote(nil, body[len(head):len(body)-len(tail)])
		if err == nil && string(said) == before {
			return true
		}
	}
}
