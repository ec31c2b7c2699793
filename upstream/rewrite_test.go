package upstream

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// nameText is a Text that writes Ann "A" for <1>, as JSON where it is to be.
type nameText struct {
	json bool
	held string
}

func (s *nameText) Write(piece string) string {
	with := `Ann "A"`
	if s.json {
		with = `Ann \"A\"`
	}
	text := strings.ReplaceAll(s.held+piece, "<1>", with)
	s.held = ""
	for _, start := range []string{"<1", "<"} {
		if rest, ok := strings.CutSuffix(text, start); ok {
			s.held = start
			return rest
		}
	}
	return text
}

func (s *nameText) Flush() string {
	out := s.held
	s.held = ""
	return out
}

// silent changes nothing.
type silent struct{}

func (silent) Write(piece string) string { return piece }
func (silent) Flush() string             { return "" }

func named() *Rewriter {
	return &Rewriter{New: func(json bool) Text { return &nameText{json: json} }, Passed: func(string) {}}
}

func rewritten(by *Rewriter, clean bool, parts ...string) string {
	f := newEventRewriter(by)
	var out strings.Builder
	for _, p := range parts {
		out.Write(f.feed([]byte(p)))
	}
	out.Write(f.finish(clean))
	return out.String()
}

const end = "data: [DONE]\n\n"

func chunkOf(members string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[` + members + `],"usage":null}` + "\n\n"
}

// S14, U7: what leaves for each stream, however its bytes are cut and whatever its line ends.
func TestRewriteStreams(t *testing.T) {
	content := func(text string) string { return chunkOf(`{"index":0,"delta":{"content":` + text + `}}`) }
	finish := chunkOf(`{"index":0,"delta":{},"finish_reason":"stop"}`)
	made := func(members string) string {
		return `data: {"id":"c","object":"chat.completion.chunk","model":"m","usage":null,"choices":[{"index":0,` + members + `,"finish_reason":null}]}` + "\n\n"
	}
	call := func(members string) string {
		return chunkOf(`{"index":0,"delta":{"tool_calls":[` + members + `]}}`)
	}
	event := func(kind, members string) string {
		return "event: " + kind + "\ndata: {\"type\":\"" + kind + "\"," + members + "}\n\n"
	}
	textDelta := func(text string) string {
		return event("response.output_text.delta", `"item_id":"i","output_index":0,"content_index":0,"delta":"`+text+`","sequence_number":4`)
	}
	argsDelta := func(text string) string {
		return event("response.function_call_arguments.delta", `"item_id":"i","output_index":1,"delta":"`+text+`"`)
	}
	for name, tc := range map[string]struct{ in, out string }{
		"nothing to change":         {content(`"a \u003c b"`) + finish + end, content(`"a \u003c b"`) + finish + end},
		"whole":                     {content(`"x \u003c1\u003e y"`) + finish + end, content(`"x Ann \"A\" y"`) + finish + end},
		"in pieces":                 {content(`"x <"`) + content(`"1"`) + content(`"> y"`) + end, content(`"x "`) + content(`""`) + content(`"Ann \"A\" y"`) + end},
		"held at the finish":        {content(`"x <"`) + finish + end, content(`"x "`) + made(`"delta":{"content":"<"}`) + finish + end},
		"held at [DONE]":            {content(`"x <"`) + end, content(`"x "`) + made(`"delta":{"content":"<"}`) + end},
		"held at the end":           {content(`"x <1"`), content(`"x "`) + made(`"delta":{"content":"<1"}`)},
		"finish with content":       {content(`"x <"`) + chunkOf(`{"index":0,"delta":{"content":"1"},"finish_reason":"stop"}`) + end, content(`"x "`) + chunkOf(`{"index":0,"delta":{"content":"<1"},"finish_reason":"stop"}`) + end},
		"reasoning before content":  {chunkOf(`{"index":0,"delta":{"reasoning":"r <"}}`) + content(`"1>"`) + end, chunkOf(`{"index":0,"delta":{"reasoning":"r "}}`) + made(`"delta":{"reasoning":"<"}`) + content(`"1>"`) + end},
		"choices by index":          {chunkOf(`{"delta":{"content":"<"},"index":1},{"delta":{"content":"<1"},"index":0}`) + chunkOf(`{"index":0,"delta":{"content":">"}}`) + chunkOf(`{"index":1,"delta":{"content":"1>"}}`) + end, chunkOf(`{"delta":{"content":""},"index":1},{"delta":{"content":""},"index":0}`) + chunkOf(`{"index":0,"delta":{"content":"Ann \"A\""}}`) + chunkOf(`{"index":1,"delta":{"content":"Ann \"A\""}}`) + end},
		"arguments":                 {call(`{"index":0,"id":"<1>","function":{"name":"f","arguments":"{\"a\":\"<"}}`) + call(`{"index":0,"function":{"arguments":"1>\"}"}}`) + end, call(`{"index":0,"id":"<1>","function":{"name":"f","arguments":"{\"a\":\""}}`) + call(`{"index":0,"function":{"arguments":"Ann \\\"A\\\"\"}"}}`) + end},
		"calls side by side":        {call(`{"index":0,"function":{"arguments":"<"}},{"index":1,"function":{"arguments":"<1"}}`) + call(`{"index":1,"function":{"arguments":">"}},{"index":0,"function":{"arguments":"1>"}}`) + end, call(`{"index":0,"function":{"arguments":""}},{"index":1,"function":{"arguments":""}}`) + call(`{"index":1,"function":{"arguments":"Ann \\\"A\\\""}},{"index":0,"function":{"arguments":"Ann \\\"A\\\""}}`) + end},
		"arguments held":            {call(`{"index":2,"function":{"arguments":"<"}}`) + finish + end, call(`{"index":2,"function":{"arguments":""}}`) + made(`"delta":{"tool_calls":[{"index":2,"function":{"arguments":"<"}}]}`) + finish + end},
		"a custom tool's input":     {call(`{"index":0,"custom":{"input":"<1>"}}`) + call(`{"index":0,"custom":{"input":"<"}}`) + finish, call(`{"index":0,"custom":{"input":"Ann \"A\""}}`) + call(`{"index":0,"custom":{"input":""}}`) + made(`"delta":{"tool_calls":[{"index":0,"custom":{"input":"<"}}]}`) + finish},
		"function_call":             {chunkOf(`{"index":0,"delta":{"function_call":{"arguments":"<1><"}}}`) + finish, chunkOf(`{"index":0,"delta":{"function_call":{"arguments":"Ann \\\"A\\\""}}}`) + made(`"delta":{"function_call":{"arguments":"<"}}`) + finish},
		"completions":               {chunkOf(`{"index":0,"text":"<"}`) + chunkOf(`{"index":0,"text":"1><"}`) + end, chunkOf(`{"index":0,"text":""}`) + chunkOf(`{"index":0,"text":"Ann \"A\""}`) + made(`"text":"<","logprobs":null`) + end},
		"logprobs stay":             {chunkOf(`{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"<1>"}]}}`), chunkOf(`{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"<1>"}]}}`)},
		"responses":                 {textDelta("<") + textDelta("1>"), textDelta("") + textDelta(`Ann \"A\"`)},
		"responses, held":           {textDelta("<") + event("response.output_text.done", `"output_index":0,"text":"<1> <","sequence_number":9`), textDelta("") + "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"logprobs\":[],\"sequence_number\":9,\"delta\":\"<\"}\n\n" + event("response.output_text.done", `"output_index":0,"text":"Ann \"A\" <","sequence_number":9`)},
		"responses, side by side":   {textDelta("<") + event("keepalive", `"sequence_number":5`) + event("response.output_text.annotation.added", `"output_index":0,"annotation":{}`) + textDelta("1>"), textDelta("") + event("keepalive", `"sequence_number":5`) + event("response.output_text.annotation.added", `"output_index":0,"annotation":{}`) + textDelta(`Ann \"A\"`)},
		"spaces before the object":  {"data:  " + strings.TrimPrefix(content(`"<1>"`), "data: "), "data:  " + strings.TrimPrefix(content(`"Ann \"A\""`), "data: ")},
		"responses, arguments":      {argsDelta(`{<`) + argsDelta("1>") + event("response.function_call_arguments.done", `"output_index":1,"arguments":"<1>"`), argsDelta("{") + argsDelta(`Ann \\\"A\\\"`) + event("response.function_call_arguments.done", `"output_index":1,"arguments":"Ann \\\"A\\\""`)},
		"responses, the whole":      {event("response.completed", `"response":{"id":"<1>","output":[{"content":[{"type":"output_text","text":"<1>"}]}],"usage":{"x":"<1>"}}`), event("response.completed", `"response":{"id":"<1>","output":[{"content":[{"type":"output_text","text":"Ann \"A\""}]}],"usage":{"x":"<1>"}}`)},
		"sound stays":               {event("response.audio.delta", `"delta":"<1><"`), event("response.audio.delta", `"delta":"<1><"`)},
		"comments and other fields": {": ping\n\nid: 1\nretry: 5\n" + content(`"<1>"`) + "\n\n" + end, ": ping\n\nid: 1\nretry: 5\n" + content(`"Ann \"A\""`) + "\n\n" + end},
		"data on several lines":     {"data: {\"choices\":[{\"index\":0,\ndata:\"delta\":\ndata: {\"content\":\"<1>\"}}]}\n\n", "data: {\"choices\":[{\"index\":0,\ndata:\"delta\":\ndata: {\"content\":\"Ann \\\"A\\\"\"}}]}\n\n"},
		"no JSON":                   {"data: <1>\n\ndata: {<1>\n\ndata\n\n", "data: <1>\n\ndata: {<1>\n\ndata\n\n"},
		"an error":                  {`data: {"error":{"message":"about <1>","code":1}}` + "\n\n", `data: {"error":{"message":"about Ann \"A\"","code":1}}` + "\n\n"},
		"without blank line":        {content(`"<"`) + strings.TrimSpace(content(`"1>"`)), content(`""`) + strings.TrimSpace(content(`"Ann \"A\""`))},
		"too long":                  {content(`"`+strings.Repeat("<1>", maxEvent/3)+`"`) + content(`"<1>"`), content(`"`+strings.Repeat("<1>", maxEvent/3)+`"`) + content(`"Ann \"A\""`)},
	} {
		for _, line := range []string{"\n", "\r", "\r\n"} {
			in := strings.ReplaceAll(tc.in, "\n", line)
			for seed := range uint64(30) {
				size := len(in) + 1
				if seed > 0 {
					size = max(1+int(seed)%40, len(in)/1000)
				}
				// events that are made up have line ends of their own
				got := strings.ReplaceAll(strings.ReplaceAll(rewritten(named(), true, sliced(in, seed, size)...), "\r\n", "\n"), "\r", "\n")
				if got != tc.out {
					t.Fatalf("%s, line end %q, slicing %d:\n got %.2000q\nwant %.2000q", name, line, seed, got, tc.out)
				}
			}
		}
	}
}

// S14, U7: a payload may come in several lines of data.
func TestMadeUpEventsAreOneLine(t *testing.T) {
	in := "data: {\"id\":\ndata: \"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a <\"}}]}\n\n"
	got := rewritten(named(), true, in, end)
	want := `data: {"id": "c","choices":[{"index":0,"delta":{"content":"<"},"finish_reason":null}]}` + "\n\n"
	if !strings.Contains(got, want) {
		t.Errorf("%q, want %q in it", got, want)
	}
}

// S14: what was asked to be JSON stays JSON.
func TestRewriteJSONContent(t *testing.T) {
	by := named()
	by.JSON = true
	got := rewritten(by, true, chunkOf(`{"index":0,"delta":{"content":"{\"a\":\"<1>\"}","reasoning":"<1>"}}`))
	if want := chunkOf(`{"index":0,"delta":{"content":"{\"a\":\"Ann \\\"A\\\"\"}","reasoning":"Ann \"A\""}}`); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	body := rewriteBody([]byte(`{"choices":[{"message":{"content":"{\"a\":\"<1>\"}","refusal":"<1>"}}]}`), by)
	if want := `{"choices":[{"message":{"content":"{\"a\":\"Ann \\\"A\\\"\"}","refusal":"Ann \"A\""}}]}`; string(body) != want {
		t.Errorf("got %s, want %s", body, want)
	}
}

// S14: an event leaves when its blank line has come, and not later.
func TestRewriteHoldsNoEventBack(t *testing.T) {
	f := newEventRewriter(named())
	for i := range 20 {
		event := delta(fmt.Sprint("word ", i))
		if got := string(f.feed([]byte(event[:20]))); got != "" {
			t.Fatalf("a part left: %q", got)
		}
		if got := string(f.feed([]byte(event[20:]))); got != event {
			t.Fatalf("got %q, want %q", got, event)
		}
	}
}

// A stream that breaks off gives the client what had come.
func TestRewriteOfABrokenStream(t *testing.T) {
	if got := rewritten(named(), false, delta("a"), delta("<"), `data: {"x`); got != delta("a")+delta("")+`data: {"x` {
		t.Fatalf("got %q", got)
	}
}

// S14: a backend that invents choices without end takes bounded memory.
func TestRewriteBoundsStreams(t *testing.T) {
	f := newEventRewriter(named())
	long := strings.Repeat("x", 3000)
	for i := range 5000 {
		f.feed([]byte(fmt.Sprintf(`data: {"type":"response.output_text.delta","a":%q,"b":%q,"output_index":%d,"delta":"<"}`+"\n\n", long, long, i)))
	}
	size := 0
	for _, s := range f.streams {
		size += len(s.events.members)
	}
	if len(f.streams) > maxStreams || size > maxStreams*maxScalars {
		t.Fatalf("%d streams, %d bytes", len(f.streams), size)
	}
}

func TestRewriteBodies(t *testing.T) {
	for in, want := range map[string]string{
		`{"id":"<1>","choices":[{"index":0,"message":{"role":"<1>","content":"\u003c1\u003e!","tool_calls":[{"id":"<1>","function":{"name":"<1>","arguments":"{\"a\":\"<1>\"}"}}]},"logprobs":{"content":[{"token":"<1>"}]}}],"usage":{"x":"<1>"}} `: `{"id":"<1>","choices":[{"index":0,"message":{"role":"<1>","content":"Ann \"A\"!","tool_calls":[{"id":"<1>","function":{"name":"Ann \"A\"","arguments":"{\"a\":\"Ann \\\"A\\\"\"}"}}]},"logprobs":{"content":[{"token":"<1>"}]}}],"usage":{"x":"<1>"}} `,
		`{"choices":[{"text":"<1> <","content":[{"text":"<1>"}]}]}`:                                             `{"choices":[{"text":"Ann \"A\" <","content":[{"text":"Ann \"A\""}]}]}`,
		`{"output":[{"type":"function_call","arguments":"<1>"},{"content":[{"text":"<1>","annotations":[]}]}]}`: `{"output":[{"type":"function_call","arguments":"Ann \\\"A\\\""},{"content":[{"text":"Ann \"A\"","annotations":[]}]}]}`,
		`{"error":{"message":"<1>"}}`: `{"error":{"message":"Ann \"A\""}}`,
		`{"a":"<1>"`:                  `{"a":"<1>"`,
		`{"a":"<1>"}{}`:               `{"a":"<1>"}{}`,
		`{"a":"caf\u00e9 \/ \ud83d"}`: `{"a":"caf\u00e9 \/ \ud83d"}`,
		`["<1>"]`:                     `["Ann \"A\""]`,
		``:                            ``,
	} {
		if got := string(rewriteBody([]byte(in), named())); got != want {
			t.Errorf("%s:\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestRewriteThroughRelay(t *testing.T) {
	answer := func(head, body string) string {
		return "HTTP/1.1 200 OK\r\n" + head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
	}
	const jsonHead = "Content-Type: application/json\r\nEtag: \"1\"\r\n"
	large := `{"a":"` + strings.Repeat("<1>", maxRewritten/2) + `"}`
	for name, tc := range map[string]struct {
		answer, want, passed string
	}{
		"JSON":           {answer(jsonHead, `{"a":"<1>"}`), `{"a":"Ann \"A\""}`, ""},
		"chunked JSON":   {"HTTP/1.1 200 OK\r\n" + jsonHead + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n6\r\n\"<1>\"}\r\n0\r\n\r\n", `{"a":"Ann \"A\""}`, ""},
		"stream":         {answer("Content-Type: text/event-stream\r\n", delta("<")+delta("1>")), delta("") + delta(`Ann \"A\"`), ""},
		"compressed":     {answer(jsonHead+"Content-Encoding: gzip\r\n", `{"a":"<1>"}`), `{"a":"<1>"}`, UnreadEncoded},
		"something else": {answer("Content-Type: text/plain\r\n", `{"a":"<1>"}`), `{"a":"<1>"}`, UnreadNotJSON},
		"too large":      {answer(jsonHead, large), large, UnreadTooBig},
		"no body":        {"HTTP/1.1 204 No Content\r\n" + jsonHead + "\r\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan string, 1)
			s := newStub(t, func(x *exchange) {
				asked <- x.readRequest().Header.Get("Accept-Encoding")
				x.send(tc.answer)
				x.wait()
			})
			passed := ""
			by := named()
			by.Passed = func(reason string) { passed = reason }
			door, outcomes := newDoor(t, newSet(t, Options{}, s.endpoint()), func(c *Call) { c.Readable = true }, RelayOptions{Rewrite: by})
			resp, err := newClient(t).Post(door.URL+"/v1/x", "application/json", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			o := receive(t, outcomes)
			if err != nil || o.err != nil || string(body) != tc.want {
				t.Fatalf("got %.200q, %v, %v; want %.200q", body, err, o.err, tc.want)
			}
			if n := resp.ContentLength; n >= 0 && n != int64(len(body)) {
				t.Errorf("Content-Length is %d of %d", n, len(body))
			}
			if changed := tc.want != "" && tc.passed == "" && !strings.HasPrefix(tc.want, "data"); changed && resp.Header.Get("Etag") != "" {
				t.Error("the entity tag of other bytes was kept")
			}
			if passed != tc.passed || o.facts.NotRewritten != tc.passed {
				t.Errorf("passed: %q, %q; want %q", passed, o.facts.NotRewritten, tc.passed)
			}
			if got := receive(t, asked); got != "identity" {
				t.Errorf("asked for %q", got)
			}
		})
	}
}

// U5, S14: a JSON answer that breaks off never looks whole.
func TestRewriteOfABodyThatBreaksOff(t *testing.T) {
	s := newStub(t, func(x *exchange) {
		x.readRequest()
		x.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n", `{"a":"<1>`)
	})
	door, outcomes := newDoor(t, newSet(t, Options{}, s.endpoint()), nil, RelayOptions{Rewrite: named()})
	resp, err := newClient(t).Post(door.URL+"/v1/x", "application/json", strings.NewReader("{}"))
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if o := receive(t, outcomes); err == nil || o.err == nil {
		t.Fatal("the answer looks whole")
	}
}

// With both at work, the usage chunk goes and texts change.
func TestRewriteAndHide(t *testing.T) {
	s := newStub(t, serve("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"+delta("<")+delta("1>")+usageChunk+end))
	door, outcomes := newDoor(t, newSet(t, Options{}, s.endpoint()), func(c *Call) { c.HideUsage = true }, RelayOptions{Rewrite: named()})
	resp, err := newClient(t).Post(door.URL+"/v1/x", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	// the stub goes on serving, so the body ends by the connection only when it stops
	want := delta("") + delta(`Ann \"A\"`) + end
	got := make([]byte, len(want))
	if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v", got, err)
	}
	resp.Body.Close()
	if o := receive(t, outcomes); !o.facts.UsageKnown {
		t.Error("the usage was not read")
	}
}

// S14, U7: where no text is changed no byte is, in streams of any bytes, cut anywhere; and
// the texts of a changed stream are those of the whole.
func FuzzRewriteEvents(f *testing.F) {
	f.Add([]byte(delta("<")+delta("1>")+end), uint64(1))
	f.Add([]byte(": x\r\n\r\ndata: {\"choices\":[{\"text\":\"<\",\"index\":3}]}\r\r\n\ndata: {\"type\":\"a.delta\",\"delta\":\"<\"}\n\n"), uint64(7))
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"<1\"}}]},\"finish_reason\":\"x\"}]}\n\n"), uint64(2))
	quiet := &Rewriter{New: func(bool) Text { return silent{} }}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		parts := sliced(string(in), seed, 1+int(seed%64))
		for _, clean := range []bool{true, false} {
			if got := rewritten(quiet, clean, parts...); got != string(in) {
				t.Fatalf("got %q, want %q", got, in)
			}
		}
		one, many := rewritten(named(), true, string(in)), rewritten(named(), true, parts...)
		if one != many {
			t.Fatalf("whole %q, in parts %q", one, many)
		}
		if !json.Valid(in) {
			return
		}
		if body := rewriteBody(in, quiet); !slices.Equal(body, in) {
			t.Fatalf("body: got %q, want %q", body, in)
		}
		if body := rewriteBody(in, named()); !json.Valid(body) {
			t.Fatalf("body: %q from %q", body, in)
		}
	})
}
