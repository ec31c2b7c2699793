package chat_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

// conversation builds a chat body of about size bytes: a system prompt, tools, and
// turns with escapes and some non-ASCII text, as clients send them.
func conversation(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"model":"auto","temperature":0.7,"stream":true,"stream_options":{"include_usage":true},"tools":[`)
	b.WriteString(`{"type":"function","function":{"name":"get_weather","description":"Current weather for a city","parameters":`)
	b.WriteString(`{"type":"object","properties":{"city":{"type":"string","description":"The city's name"}},"required":["city"]}}}],`)
	b.WriteString(`"messages":[{"role":"system","content":"You are a helpful assistant."}`)
	for i := 0; b.Len() < size-400; i++ {
		role := []string{"user", "assistant"}[i%2]
		fmt.Fprintf(&b, `,{"role":%q,"content":"Turn %d: explain why the sky is blue.\nMention \"Rayleigh\" scattering, caf\u00e9s and 東京. %s"}`,
			role, i, strings.Repeat("More words follow here. ", 8))
	}
	b.WriteString(`,{"role":"user","content":[{"type":"text","text":"What is 2+2 * (5-1)?"}]}],"user":"u-1"}`)
	return b.Bytes()
}

func benchmarkParse(b *testing.B, body []byte) {
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := chat.Parse(chat.Chat, body, chat.DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse4KB(b *testing.B) { benchmarkParse(b, conversation(4<<10)) }
func BenchmarkParse1MB(b *testing.B) {
	benchmarkParse(b, bytes.ReplaceAll(conversation(256<<10), []byte("More words"), []byte(strings.Repeat("More words ", 10))))
}

func BenchmarkParse8MBImage(b *testing.B) {
	image := strings.Repeat("iVBORw0KGgoAAAANSUhEUgAA", 8<<20/24)
	benchmarkParse(b, []byte(`{"model":"auto","messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},`+
		`{"type":"image_url","image_url":{"url":"data:image/png;base64,`+image+`"}}]}]}`))
}

func BenchmarkWithModel(b *testing.B) {
	body := conversation(4 << 10)
	r, err := chat.Parse(chat.Chat, body, chat.DefaultLimits())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.WithModel("llama3-8b")
	}
}

func BenchmarkParseAndSplice4KB(b *testing.B) {
	body := conversation(4 << 10)
	b.ReportAllocs()
	for b.Loop() {
		r, err := chat.Parse(chat.Chat, body, chat.DefaultLimits())
		if err != nil {
			b.Fatal(err)
		}
		r.WithModel("llama3-8b")
	}
}
