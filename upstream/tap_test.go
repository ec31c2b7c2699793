package upstream

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sliced cuts s at random places, at most size bytes each.
func sliced(s string, seed uint64, size int) []string {
	rng := rand.New(rand.NewPCG(seed, 1))
	var out []string
	for s != "" {
		n := min(1+rng.IntN(size), len(s))
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}

// tapped runs a tap over body cut into parts. The clock moves by a second for
// each part.
func tapped(contentType string, clean bool, parts ...string) Facts {
	start := time.Unix(1000, 0)
	t := newTap(200, http.Header{"Content-Type": {contentType}}, start)
	now := start
	for _, p := range parts {
		now = now.Add(time.Second)
		t.feed([]byte(p), now)
	}
	return t.finish(clean, now)
}

const sse = "text/event-stream; charset=utf-8"

func TestTapReadsStreams(t *testing.T) {
	finalChat := `data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}` + "\n\n"
	role := `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null}}],"usage":null}` + "\n\n"
	stop := `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	done := "data: [DONE]\n\n"
	for _, tc := range []struct {
		name, body string
		events     int
		usage      [3]int
		unread     string
	}{
		{"chat", role + delta("a") + delta("b") + stop + finalChat + done, 2, [3]int{7, 3, 4}, ""},
		{"no usage", role + delta("a") + stop + done, 1, [3]int{}, UnreadAbsent},
		{"no space after data:", strings.ReplaceAll(delta("a")+finalChat, "data: ", "data:"), 1, [3]int{7, 3, 4}, ""},
		{"CRLF", strings.ReplaceAll(role+delta("a")+finalChat, "\n", "\r\n"), 1, [3]int{7, 3, 4}, ""},
		{"CR", strings.ReplaceAll(role+delta("a")+finalChat, "\n", "\r"), 1, [3]int{7, 3, 4}, ""},
		{"no end of line at the end", delta("a") + strings.TrimSpace(finalChat), 1, [3]int{7, 3, 4}, ""},
		{"usage in every chunk: the last counts", `data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":7,"completion_tokens":1}}` + "\n\n" + finalChat, 1, [3]int{7, 3, 4}, ""},
		{"reasoning and tool calls count", `data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}` + "\n\n" + `data: {"choices":[{"delta":{"content":null,"tool_calls":[{"index":0}]}}]}` + "\n\n", 2, [3]int{}, UnreadAbsent},
		{"completions", `data: {"choices":[{"text":"a"}]}` + "\n\n" + `data: {"choices":[{"text":""}]}` + "\n\n" + finalChat, 1, [3]int{7, 3, 4}, ""},
		{"responses", "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"usage\":null}}\n\n" +
			"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n" +
			"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"usage\":{\"input_tokens\":7,\"input_tokens_details\":{\"cached_tokens\":4},\"output_tokens\":3}}}\n\n", 1, [3]int{7, 3, 4}, ""},
		{"comments and other fields", ": ping\n\nevent: x\nid: 3\n" + delta("a") + "retry: 5\n\ndata\n\n" + finalChat, 1, [3]int{7, 3, 4}, ""},
		{"text that looks like usage", delta(`\"usage\":{\"prompt_tokens\":9}`), 1, [3]int{}, UnreadAbsent},
		{"bad JSON", "data: {\"usage\":{\n\n", 0, [3]int{}, UnreadBad},
		{"bad count", `data: {"usage":{"prompt_tokens":1.5}}` + "\n\n", 0, [3]int{}, UnreadBad},
		{"negative count", `data: {"usage":{"prompt_tokens":-1}}` + "\n\n", 0, [3]int{}, UnreadBad},
		{"long line", "data: {\"x\":\"" + strings.Repeat("x", maxLine) + "\"}\n\n" + delta("a"), 1, [3]int{}, UnreadLong},
		{"long line, and then usage", "data: {\"x\":\"" + strings.Repeat("x", maxLine) + "\"}\n\n" + finalChat, 0, [3]int{7, 3, 4}, ""},
	} {
		for seed := range uint64(20) {
			size := len(tc.body)
			if seed > 0 {
				size = 1 + size/20
			}
			f := tapped(sse, true, sliced(tc.body, seed, size)...)
			usage := [3]int{f.PromptTokens, f.CompletionTokens, f.CachedTokens}
			if !f.Stream || f.Events != tc.events || usage != tc.usage || f.UsageUnread != tc.unread || f.UsageKnown != (tc.unread == "") || f.Bytes != int64(len(tc.body)) {
				t.Errorf("%s, slicing %d: %+v", tc.name, seed, f)
				break
			}
		}
	}
}

func TestTapReadsJSON(t *testing.T) {
	for _, tc := range []struct {
		name, contentType, body string
		clean                   bool
		usage                   [3]int
		unread                  string
	}{
		{"chat", "application/json", `{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":null}}`, true, [3]int{7, 3, 0}, ""},
		{"responses", "application/json; charset=utf-8", `{"usage":{"input_tokens":7,"output_tokens":3,"input_tokens_details":{"cached_tokens":4}},"output":[]}`, true, [3]int{7, 3, 4}, ""},
		{"embeddings", "application/json", `{"data":[{"embedding":[0.1,0.2]}],"usage":{"prompt_tokens":7,"total_tokens":7}}`, true, [3]int{7, 0, 0}, ""},
		{"nested usage is another", "application/json", `{"x":{"usage":{"prompt_tokens":7}}}`, true, [3]int{}, UnreadAbsent},
		{"problem+json", "application/problem+json", `{"title":"x"}`, true, [3]int{}, UnreadAbsent},
		{"empty", "application/json", ``, true, [3]int{}, UnreadAbsent},
		{"malformed", "application/json", `{"usage":`, true, [3]int{}, UnreadBad},
		{"trailing data", "application/json", `{"usage":{"prompt_tokens":7}}{}`, true, [3]int{}, UnreadBad},
		{"an array", "application/json", `[]`, true, [3]int{}, UnreadBad},
		{"cut", "application/json", `{"usage":{"prompt_tokens":7}}`, false, [3]int{}, UnreadCut},
		{"too big", "application/json", `{"x":"` + strings.Repeat("x", maxJSONBody) + `"}`, true, [3]int{}, UnreadTooBig},
		{"audio", "audio/mpeg", "ID3", true, [3]int{}, UnreadNotJSON},
		{"nothing said", "", "{}", true, [3]int{}, UnreadNotJSON},
	} {
		f := tapped(tc.contentType, tc.clean, sliced(tc.body, 1, 1+len(tc.body)/3)...)
		usage := [3]int{f.PromptTokens, f.CompletionTokens, f.CachedTokens}
		if f.Stream || usage != tc.usage || f.UsageUnread != tc.unread || f.UsageKnown != (tc.unread == "") {
			t.Errorf("%s: %+v", tc.name, f)
		}
	}
}

// TTFT counts to the first event with output, not to the role chunk; TPOT divides
// by tokens where they are known and by events, flagged, where not.
func TestTimes(t *testing.T) {
	role := `data: {"choices":[{"delta":{"role":"assistant","content":""}}]}` + "\n\n"
	usage := `data: {"choices":[],"usage":{"completion_tokens":11}}` + "\n\n"
	f := tapped(sse, true, role, delta("a"), delta("b"), ": ping\n\n", delta("c"), usage)
	if d, ok := f.TTFT(); !ok || d != 2*time.Second {
		t.Errorf("TTFT %v, %v", d, ok)
	}
	if d, estimated, ok := f.TPOT(); !ok || estimated || d != 300*time.Millisecond {
		t.Errorf("TPOT %v, %v, %v", d, estimated, ok)
	}
	f = tapped(sse, true, role, delta("a"), delta("b"), delta("c"))
	if d, estimated, ok := f.TPOT(); !ok || !estimated || d != time.Second {
		t.Errorf("TPOT by events %v, %v, %v", d, estimated, ok)
	}
	f = tapped("application/json", true, `{"usage":{"completion_tokens":11}}`)
	if _, ok := f.TTFT(); ok {
		t.Error("an answer that does not stream has a TTFT")
	}
	if _, _, ok := f.TPOT(); ok {
		t.Error("an answer that does not stream has a TPOT")
	}
}

// FuzzTap: no input makes the tap panic, and no slicing changes what it reads.
func FuzzTap(f *testing.F) {
	for _, s := range []string{oddStream(100), delta("a") + "data: [DONE]\n\n", "data: {\r\rdata:\n\r\n", `data: {"usage":{"prompt_tokens":1e9}}`} {
		f.Add(s, uint64(1), uint8(7), true)
	}
	f.Fuzz(func(t *testing.T, body string, seed uint64, size uint8, stream bool) {
		contentType := "application/json"
		if stream {
			contentType = sse
		}
		whole := tapped(contentType, true, sliced(body, 0, len(body)+1)...)
		cut := tapped(contentType, true, sliced(body, seed, int(size)+1)...)
		strip := func(f Facts) string {
			f.FirstByte, f.FirstEvent, f.LastEvent = time.Time{}, time.Time{}, time.Time{}
			return fmt.Sprintf("%+v", f)
		}
		if strip(whole) != strip(cut) {
			t.Errorf("whole %s\ncut   %s", strip(whole), strip(cut))
		}
	})
}
