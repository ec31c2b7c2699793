package upstream

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func filtered(parts ...string) string {
	var f usageFilter
	var out strings.Builder
	for _, p := range parts {
		out.Write(f.feed([]byte(p)))
	}
	out.Write(f.finish(true))
	return out.String()
}

const usageChunk = `data: {"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}` + "\n\n"

// The usage chunk goes, and not a byte more, however the stream is cut and
// whatever its line ends.
func TestHideTakesOutTheUsageChunk(t *testing.T) {
	done := "data: [DONE]\n\n"
	for name, tc := range map[string]struct{ in, out string }{
		"in its place":      {delta("a") + usageChunk + done, delta("a") + done},
		"at the start":      {usageChunk + done, done},
		"at the end":        {delta("a") + usageChunk, delta("a")},
		"alone":             {usageChunk, ""},
		"twice":             {usageChunk + usageChunk + done, done},
		"spaced":            {strings.ReplaceAll(usageChunk, ":[]", " : [ ]") + done, done},
		"without blank":     {delta("a") + strings.TrimSpace(usageChunk), delta("a")},
		"with other fields": {": c\nevent: x\nid: 1\n" + usageChunk + done, done},
		"between blanks":    {"\n\n" + usageChunk + "\n" + done, "\n\n\n" + done},
	} {
		for _, end := range []string{"\n", "\r", "\r\n"} {
			in, want := strings.ReplaceAll(tc.in, "\n", end), strings.ReplaceAll(tc.out, "\n", end)
			for seed := range uint64(200) {
				size := len(in) + 1
				if seed > 0 {
					size = 1 + int(seed)%40
				}
				if got := filtered(sliced(in, seed, size)...); got != want {
					t.Fatalf("%s, end %q, slicing %d:\n got %q\nwant %q", name, end, seed, got, want)
				}
			}
		}
	}
}

// What only resembles a usage chunk stays.
func TestHideLeavesTheRest(t *testing.T) {
	for _, event := range []string{
		delta("a"),
		delta(`\"choices\":[],\"usage\":{}`),
		`data: {"choices":[],"usage":null}` + "\n\n",
		`data: {"choices":[],"prompt_filter_results":[]}` + "\n\n", // Azure's first chunk
		`data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":3}}` + "\n\n",
		`data: {"x":{"choices":[],"usage":{}}}` + "\n\n",
		`data: {"choices":[],"usage":{"prompt_tokens":3}} trailing` + "\n\n",
		`: {"choices":[],"usage":{"prompt_tokens":3}}` + "\n\n",
		"data: {\"choices\":[],\ndata: \"usage\":{}}\n\n",
		`data: {"choices":[],"usage":{},"x":"` + strings.Repeat("x", maxHeld) + `"}` + "\n\n",
		"data: " + strings.Repeat("x", 3*maxHeld) + "\r\n\r\n",
		"\r\n\r\n\r\r\n\n",
	} {
		for seed := range uint64(50) {
			in := delta("0") + event + "data: [DONE]\n\n"
			if got := filtered(sliced(in, seed, 1+len(in)/(1+int(seed)))...); got != in {
				t.Fatalf("slicing %d: got %.200q\nwant %.200q", seed, got, in)
			}
		}
	}
}

// A stream that breaks off gives the client what had come, usage or not.
func TestHideKeepsNothingOfABrokenStream(t *testing.T) {
	var f usageFilter
	in := delta("a") + usageChunk[:len(usageChunk)-1]
	got := string(f.feed([]byte(in))) + string(f.finish(false))
	if got != in {
		t.Errorf("got %q", got)
	}
}

// Through the door: hidden from the client, still in the facts, nothing compressed,
// and no length that would be wrong.
func TestHideThroughRelay(t *testing.T) {
	body := delta("a") + usageChunk + "data: [DONE]\n\n"
	for _, framing := range []string{"Transfer-Encoding: chunked\r\n\r\n" + chunk(body) + "0\r\n\r\n", "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body} {
		s, seen := recorder(t, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"+framing)
		set := newSet(t, Options{}, s.endpoint())
		door, outcomes := newDoor(t, set, func(c *Call) {
			c.HideUsage = true
			c.Header = http.Header{"Accept-Encoding": {"gzip"}}
		}, RelayOptions{})
		_, got, err := mustPost(t, newClient(t), door.URL)
		if want := delta("a") + "data: [DONE]\n\n"; err != nil || string(got) != want {
			t.Errorf("got %q, %v", got, err)
		}
		if f := receive(t, outcomes).facts; !f.UsageKnown || f.CompletionTokens != 5 {
			t.Errorf("facts %+v", f)
		}
		if h := receive(t, seen).Header; h.Get("Accept-Encoding") != "identity" {
			t.Errorf("upstream was asked for %q", h["Accept-Encoding"])
		}
	}
}

// FuzzHideUsage: without a usage chunk bytes out are bytes in; and no slicing
// changes what comes out.
func FuzzHideUsage(f *testing.F) {
	for _, s := range []string{oddStream(100), usageChunk, delta("a") + usageChunk + "data: [DONE]\r\n\r\n", "\r\r\n\n\r", "data: x\r\r\ndata: y\r"} {
		f.Add(s, uint64(1), uint8(7))
	}
	f.Fuzz(func(t *testing.T, in string, seed uint64, size uint8) {
		whole := filtered(in)
		cut := filtered(sliced(in, seed, int(size)+1)...)
		if whole != cut {
			t.Errorf("whole %q\ncut   %q", whole, cut)
		}
		if !strings.Contains(in, `"usage"`) && whole != in {
			t.Errorf("got %q\nwant %q", whole, in)
		}
	})
}
