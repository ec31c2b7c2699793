package upstream

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	spans "github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
)

// S14, U7: with the Text that the proxy uses, two choices and a call side by side,
// cut into deltas and bytes anywhere and escaped in any way, say what they would
// have said without masking.
func TestRewriteOfRandomStreams(t *testing.T) {
	masker := pii.NewMasker()
	for _, v := range []string{`Ann "A" Lee`, "José\nRoe", `b\c`, "日本"} {
		masker.Mask(v, []spans.Span{{Type: "PERSON", From: 0, To: len(v)}})
	}
	by := &Rewriter{Passed: func(string) {}, New: func(inJSON bool) Text {
		if inJSON {
			return masker.JSONUnmasker()
		}
		return masker.Unmasker()
	}}
	rng := rand.New(rand.NewPCG(14, 7))
	words := []string{"<PERSON_1>", "<person 2>", "PERSON_3", "<PERSON_4>", "<PERSON_", "<", ">", " ", "a", "é", "\n", `"`, `\`, "PERSON", "_1", "<PERSON_9>", "😀"}
	speak := func() string {
		var b strings.Builder
		for range rng.IntN(12) {
			b.WriteString(words[rng.IntN(len(words))])
		}
		return b.String()
	}
	for i := range 3000 {
		texts := []string{speak(), speak()}
		argument := speak()
		quoted, _ := json.Marshal(m1{argument})
		if rng.IntN(2) == 0 { // as backends that don't escape brackets
			quoted = []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(quoted)))
		}
		left := [][]rune{[]rune(texts[0]), []rune(texts[1]), []rune(string(quoted))}
		var stream strings.Builder
		for len(left[0])+len(left[1])+len(left[2]) > 0 {
			k := rng.IntN(3)
			n := min(len(left[k]), rng.IntN(5))
			piece, _ := json.Marshal(string(left[k][:n]))
			left[k] = left[k][n:]
			switch k {
			case 2:
				fmt.Fprintf(&stream, "data: {\"choices\":[{\"index\":2,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":%s}}]}}]}\n\n", piece)
			default:
				fmt.Fprintf(&stream, "data: {\"choices\":[{\"index\":%d,\"delta\":{\"content\":%s}}]}\r\n\r\n", k, piece)
			}
		}
		if rng.IntN(2) == 0 {
			stream.WriteString(`data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"delta":{},"finish_reason":"stop","index":1}]}` + "\n\n")
		}
		if rng.IntN(2) == 0 {
			stream.WriteString(end)
		}
		out := rewritten(by, true, sliced(stream.String(), uint64(i), 1+rng.IntN(200))...)
		got := heard(t, out)
		for k, text := range texts {
			if want := masker.Unmask(text); got[k] != want {
				t.Fatalf("choice %d: got %q, want %q, of %q", k, got[k], want, stream.String())
			}
		}
		var call m1
		if err := json.Unmarshal([]byte(got[2]), &call); err != nil {
			t.Fatalf("arguments %s: %v, of %q", got[2], err, quoted)
		}
		if want := masker.Unmask(argument); call.A != want && !strings.ContainsAny(argument, "\\\n") { // beside an escape a bare name is not told apart
			t.Fatalf("arguments: got %q, want %q, of %q", call.A, want, quoted)
		}
	}
}

type m1 struct{ A string }

// heard joins what each choice said.
func heard(t *testing.T, stream string) (said [3]string) {
	t.Helper()
	for line := range strings.Lines(stream) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var v struct {
			Choices []struct {
				Index int
				Delta struct {
					Content   string
					ToolCalls []struct{ Function struct{ Arguments string } } `json:"tool_calls"`
				}
			}
		}
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		for _, c := range v.Choices {
			said[c.Index] += c.Delta.Content
			for _, call := range c.Delta.ToolCalls {
				said[c.Index] += call.Function.Arguments
			}
		}
	}
	return said
}
