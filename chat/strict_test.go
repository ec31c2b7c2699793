package chat_test

import (
	"fmt"
	"runtime/debug"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

const asked = `"messages":[{"role":"user","content":"hi"}]`

// refusal parses a body that must be refused with a 400.
func refusal(t *testing.T, kind chat.Kind, body []byte) *chat.Error {
	t.Helper()
	r, err := chat.Parse(kind, body, chat.Limits{})
	if err == nil {
		t.Fatalf("accepted %.200q as model %q", body, r.Model)
	}
	if err.Status != 400 || err.Type != "invalid_request_error" || err.Code == "" || err.Message == "" {
		t.Fatalf("%.200q: unexpected error %+v", body, err)
	}
	return err
}

// B3: what grows without end is refused at a limit, quickly and on a flat stack.
func TestOversizedBodiesAreRefusedQuickly(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20))
	nested := func(open, shut string, n int) string {
		return `{"model":"m",` + asked + `,"x":` + strings.Repeat(open, n) + "1" + strings.Repeat(shut, n) + `}`
	}
	var keys strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&keys, `"k%d":1,`, i)
	}
	tests := []struct{ name, body, code, says, param string }{
		{"depth 65 by arrays", nested("[", "]", 64), "limit_exceeded", "json_depth", ""},
		{"depth 65 by objects", nested(`{"a":`, "}", 64), "limit_exceeded", "json_depth", ""},
		{"depth 10,000", nested("[", "]", 9_999), "limit_exceeded", "json_depth", ""},
		{"depth 10,000 in a message", `{"model":"m","messages":[{"role":"user","x":` + strings.Repeat(`{"a":`, 9_999), "limit_exceeded", "json_depth", ""},
		{"4 M brackets", strings.Repeat("[", 4<<20), "invalid_type", "array", ""},
		{"4 M brackets in a member", `{"x":` + strings.Repeat("[", 4<<20), "limit_exceeded", "json_depth", ""},
		{"100k members", `{` + keys.String() + `"model":"m",` + asked + `}`, "limit_exceeded", "json_members", ""},
		{"100k members in a message", `{"model":"m","messages":[{` + keys.String() + `"role":"user"}]}`, "limit_exceeded", "json_members", "messages[0].k4096"},
		{"1 M messages", `{"model":"m","messages":[` + strings.Repeat(`{"role":"user","content":"a"},`, 1_000_000) + `0]}`, "limit_exceeded", "messages", "messages[2047]"},
		{"1 M parts", `{"model":"m","messages":[{"role":"user","content":[` + strings.Repeat(`"a",`, 1_000_000) + `"a"]}]}`, "limit_exceeded", "segments", "messages[0].content[32768]"},
		{"8 MiB key", `{"` + strings.Repeat("k", 8<<20) + `":1,"model":"m",` + asked + `}`, "limit_exceeded", "json_name_bytes", ""},
		{"8 MiB escaped key", `{"` + strings.Repeat(`\u006b`, 8<<20/6) + `":1}`, "limit_exceeded", "json_name_bytes", ""},
		{"8 MiB model", `{"model":"` + strings.Repeat("m", 8<<20) + `",` + asked + `}`, "limit_exceeded", "model_bytes", "model"},
		{"deep backslashes", `{"model":"m",` + asked + `,"x":"` + strings.Repeat(`\\`, 2<<20) + `\u0000"}`, "invalid_value", "NUL", "x"},
	}
	tries := 3
	if raceDetector {
		tries = 1 // times say nothing there
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err, body, took := (*chat.Error)(nil), []byte(tt.body), time.Hour
			for range tries { // the best counts, as others use the machine too
				started := time.Now()
				err = refusal(t, chat.Chat, body)
				took = min(took, time.Since(started))
			}
			t.Log("refused in", took)
			// the bar is 50 ms on an idle machine; ten times that still catches
			// anything that is not linear
			if took > 500*time.Millisecond && !raceDetector {
				t.Errorf("took %v", took)
			}
			if err.Code != tt.code || !strings.Contains(err.Message, tt.says) || tt.param != "" && err.Param != tt.param {
				t.Errorf("got %+v", err)
			}
			if len(err.JSON()) > 1024 {
				t.Errorf("the answer has %d bytes", len(err.JSON()))
			}
		})
	}
}

// B3: the limits themselves are still allowed, and can be set.
func TestBodiesAtTheirLimitsAreRead(t *testing.T) {
	at := func(n int) string {
		return `{"model":"m",` + asked + `,"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	parse(t, chat.Chat, at(63))
	parse(t, chat.Chat, `{"model":"m","messages":[`+strings.Repeat(`{"role":"user","content":"a"},`, 2047)+`{"role":"user","content":"a"}]}`)
	if _, err := chat.Parse(chat.Chat, []byte(at(3)), chat.Limits{Depth: 3}); err == nil || !strings.Contains(err.Message, "json_depth") || !strings.Contains(err.Message, "3") {
		t.Errorf("a depth limit of 3 gave %v", err)
	}
	if _, err := chat.Parse(chat.Chat, []byte(`{"model":"m","messages":[{"role":"user"},{"role":"user"}]}`), chat.Limits{Messages: 1}); err == nil || err.Code != "limit_exceeded" {
		t.Errorf("a message limit of 1 gave %v", err)
	}
}

// B4: a second member of the same name is refused in any object, however spelt.
func TestDuplicateMembersAreRefused(t *testing.T) {
	for body, param := range map[string]string{
		`{"model":"a","model":"b",` + asked + `}`:                                                              "model",
		`{"model":"a",` + asked + `,"mod\u0065l":"b"}`:                                                         "model",
		`{"\u006d\u006F\u0064\u0065\u006c":"a",` + asked + `,"model":"b"}`:                                     "model",
		`{"model":"a",` + asked + `,"messages":[]}`:                                                            "messages",
		`{"model":"a","messages":[{"role":"user","role":"system","content":"x"}]}`:                             "messages[0].role",
		`{"model":"a","messages":[{"role":"user","content":"x"},{"role":"user","content":"x","content":"y"}]}`: "messages[1].content",
		`{"model":"a","messages":[{"role":"user","content":[{"type":"text","text":"x","te\u0078t":"y"}]}]}`:    "messages[0].content[0].text",
		`{"model":"a",` + asked + `,"metadata":{"a":{"b":1,"b":1}}}`:                                           "metadata.a.b",
		`{"model":"a",` + asked + `,"tools":[{"function":{"parameters":{"x":1,"x":2}}}]}`:                      "tools[0].function.parameters.x",
		`{"model":"a",` + asked + `,"x":[{},{"":1,"":2}]}`:                                                     "x[1]",
		`{"model":"a",` + asked + `,"` + "\u00e9" + `":1,"\u00e9":2}`:                                          "",
	} {
		if err := refusal(t, chat.Chat, []byte(body)); err.Code != "duplicate_field" || err.Param != param {
			t.Errorf("%s: got %+v, want param %q", body, err, param)
		}
	}
}

// B4: member names are compared exactly; other spellings are carried, not read.
func TestNamesInOtherCaseAreUnknownMembers(t *testing.T) {
	body := `{"MODEL":"evil","model":"good","Messages":[{"role":"user","content":"unread"}],"messages":[{"Role":"x","role":"user","CONTENT":"other","content":"hi"}]}`
	r := parse(t, chat.Chat, body)
	if r.Model != "good" || r.Text(chat.User) != "hi" {
		t.Errorf("model %q, user text %q", r.Model, r.Text(chat.User))
	}
	if got := string(r.WithModel("x")); got != strings.Replace(body, `"good"`, `"x"`, 1) {
		t.Errorf("spliced into %s", got)
	}
	err := refusal(t, chat.Chat, []byte(`{"MODEL":"m",`+asked+`}`))
	if err.Code != "missing_required_parameter" || err.Param != "model" {
		t.Errorf("MODEL alone: got %+v", err)
	}
}

// B5: bytes that readers would take differently, or that are no JSON object.
func TestAmbiguousBytesAreRefused(t *testing.T) {
	good := `{"model":"m",` + asked + `}`
	with := func(text string) []byte {
		return []byte(`{"model":"m","messages":[{"role":"user","content":"` + text + `"}]}`)
	}
	wide := func(bom []uint16, order func(uint16) []byte) []byte {
		var b []byte
		for _, u := range append(bom, utf16.Encode([]rune(good))...) {
			b = append(b, order(u)...)
		}
		return b
	}
	little := func(u uint16) []byte { return []byte{byte(u), byte(u >> 8)} }
	big := func(u uint16) []byte { return []byte{byte(u >> 8), byte(u)} }
	utf32 := func(u uint16) []byte { return []byte{0, 0, byte(u >> 8), byte(u)} }
	tests := []struct {
		name, says string
		body       []byte
	}{
		{"byte order mark", "byte order mark", []byte("\xef\xbb\xbf" + good)},
		{"UTF-16LE", "UTF-16", wide(nil, little)},
		{"UTF-16LE with mark", "UTF-8", wide([]uint16{0xfeff}, little)},
		{"UTF-16BE", "UTF-16", wide(nil, big)},
		{"UTF-16BE with mark", "UTF-8", wide([]uint16{0xfeff}, big)},
		{"UTF-32BE", "UTF-16", wide(nil, utf32)},
		{"bad UTF-8", "valid UTF-8", with("\xff")},
		{"overlong UTF-8", "valid UTF-8", with("\xc0\xaf")},
		{"surrogate in UTF-8", "valid UTF-8", with("\xed\xa0\x80")},
		{"bad UTF-8 in a name", "valid UTF-8", []byte(`{"model":"m",` + asked + `,"` + "\xff" + `":1}`)},
		{"lone high surrogate", "surrogate", with(`\ud83d`)},
		{"lone low surrogate", "surrogate", with(`\ude00`)},
		{"two high surrogates", "surrogate", with(`\ud83d\ud83d`)},
		{"escaped NUL", "NUL", with(`a\u0000b`)},
		{"escaped NUL after a backslash", "NUL", with(`a\\\u0000b`)},
		{"escaped NUL in an unknown member", "NUL", []byte(`{"model":"m",` + asked + `,"x":{"y":["\u0000"]}}`)},
		{"escaped NUL in a name", "NUL", []byte(`{"model":"m",` + asked + `,"mod\u0000el":1}`)},
		{"raw NUL", "unexpected character", with("a\x00b")},
		{"raw line feed", "unexpected character", with("a\nb")},
		{"trailing object", "goes on", []byte(good + `{}`)},
		{"trailing NUL", "goes on", []byte(good + "\x00")},
		{"trailing comma", "unexpected character", []byte(`{"model":"m",` + asked + `,}`)},
		{"NaN", "unexpected character", []byte(`{"model":"m",` + asked + `,"temperature":NaN}`)},
		{"Infinity", "unexpected character", []byte(`{"model":"m",` + asked + `,"temperature":-Infinity}`)},
		{"leading zero", "unexpected character", []byte(`{"model":"m",` + asked + `,"seed":01}`)},
		{"comment", "unexpected character", []byte(`{"model":"m",/* a */` + asked + `}`)},
		{"line comment", "unexpected character", []byte("// a\n" + good)},
		{"single quotes", "unexpected character", []byte(`{'model':'m'}`)},
		{"name without quotes", "unexpected character", []byte(`{model:"m"}`)},
		{"number as name", "unexpected character", []byte(`{1:"m"}`)},
		{"missing value", "unexpected character", []byte(`{"model":}`)},
		{"wrong bracket", "unexpected character", []byte(`{"model":"m","messages":[}`)},
		{"wrong bracket after a message", "unexpected character", []byte(`{"model":"m","messages":[{"role":"user"}}`)},
		{"cut off", "too early", []byte(good[:len(good)-1])},
		{"cut off in a string", "too early", []byte(good[:12])},
		{"empty", "empty", nil},
		{"space only", "empty", []byte(" \r\n\t")},
		{"null", "must be an object", []byte("null")},
		{"array", "must be an object", []byte("[]")},
		{"number", "must be an object", []byte("1")},
		{"string", "must be an object", []byte(`"m"`)},
		{"boolean", "must be an object", []byte("true")},
	}
	for _, tt := range tests {
		for _, kind := range []chat.Kind{chat.Chat, chat.ByModel} {
			t.Run(tt.name+"/"+kind.String(), func(t *testing.T) {
				if err := refusal(t, kind, tt.body); !strings.Contains(err.Message, tt.says) {
					t.Errorf("got %+v, want it to say %q", err, tt.says)
				}
			})
		}
	}
}

// B5: text about an escaped NUL is no escaped NUL.
func TestEscapedBackslashBeforeU0000IsText(t *testing.T) {
	r := parse(t, chat.Chat, `{"model":"m","messages":[{"role":"user","content":"\\u0000 and \\\\u0000"}]}`)
	if got := r.Text(chat.User); got != `\u0000 and \\u0000` {
		t.Errorf("got %q", got)
	}
}

// B9: members that are missing or of the wrong type are named.
func TestErrorsNameTheField(t *testing.T) {
	tests := []struct {
		kind              chat.Kind
		body, code, param string
	}{
		{chat.Chat, `{}`, "missing_required_parameter", "model"},
		{chat.Chat, `{` + asked + `}`, "missing_required_parameter", "model"},
		{chat.Chat, `{"model":"m"}`, "missing_required_parameter", "messages"},
		{chat.Chat, `{"model":"m","messages":[]}`, "empty_array", "messages"},
		{chat.Chat, `{"model":"m","messages":null}`, "invalid_type", "messages"},
		{chat.Chat, `{"model":"m","messages":{}}`, "invalid_type", "messages"},
		{chat.Chat, `{"model":"m","messages":"hi"}`, "invalid_type", "messages"},
		{chat.Chat, `{"model":"m","messages":["hi"]}`, "invalid_type", "messages[0]"},
		{chat.Chat, `{"model":"m","messages":[null]}`, "invalid_type", "messages[0]"},
		{chat.Chat, `{"model":"m","messages":[{"content":"hi"}]}`, "missing_required_parameter", "messages[0].role"},
		{chat.Chat, `{"model":"m","messages":[{"role":1}]}`, "invalid_type", "messages[0].role"},
		{chat.Chat, `{"model":"m","messages":[{"role":""}]}`, "invalid_value", "messages[0].role"},
		{chat.Chat, `{"model":"m","messages":[{"role":"user: obey"}]}`, "invalid_value", "messages[0].role"},
		{chat.Chat, `{"model":"m","messages":[{"role":"user"},{"role":"user","content":7}]}`, "invalid_type", "messages[1].content"},
		{chat.Chat, `{"model":"m","messages":[{"role":"user","content":{}}]}`, "invalid_type", "messages[0].content"},
		{chat.Chat, `{"model":"m","messages":[{"role":"user","content":[1]}]}`, "invalid_type", "messages[0].content[0]"},
		{chat.Chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":{}}]}]}`, "invalid_type", "messages[0].content[0].text"},
		{chat.Chat, `{"model":"m","messages":[{"role":"user","content":[{"type":1}]}]}`, "invalid_type", "messages[0].content[0].type"},
		{chat.Chat, `{"model":"m","messages":[{"role":"user","name":[]}]}`, "invalid_type", "messages[0].name"},
		{chat.Chat, `{"model":"m","messages":[{"role":"user","tool_calls":"x"}]}`, "invalid_type", "messages[0].tool_calls"},
		{chat.Chat, `{"model":null,` + asked + `}`, "invalid_type", "model"},
		{chat.Chat, `{"model":["m"],` + asked + `}`, "invalid_type", "model"},
		{chat.Chat, `{"model":"",` + asked + `}`, "invalid_value", "model"},
		{chat.Chat, `{"model":"m",` + asked + `,"stream":"true"}`, "invalid_type", "stream"},
		{chat.Chat, `{"model":"m",` + asked + `,"stream_options":true}`, "invalid_type", "stream_options"},
		{chat.Chat, `{"model":"m",` + asked + `,"stream_options":{"include_usage":1}}`, "invalid_type", "stream_options.include_usage"},
		{chat.Chat, `{"model":"m",` + asked + `,"tools":{}}`, "invalid_type", "tools"},
		{chat.Chat, `{"model":"m",` + asked + `,"tools":["x"]}`, "invalid_type", "tools[0]"},
		{chat.Completions, `{"model":"m"}`, "missing_required_parameter", "prompt"},
		{chat.Completions, `{"model":"m","prompt":{}}`, "invalid_type", "prompt"},
		{chat.Completions, `{"model":"m","prompt":[]}`, "empty_array", "prompt"},
		{chat.Completions, `{"model":"m","prompt":[[]]}`, "empty_array", "prompt[0]"},
		{chat.Completions, `{"model":"m","prompt":["a",true]}`, "invalid_type", "prompt[1]"},
		{chat.Completions, `{"model":"m","prompt":[1,"a"]}`, "invalid_type", "prompt[1]"},
		{chat.Completions, `{"model":"m","prompt":"a","suffix":1}`, "invalid_type", "suffix"},
		{chat.Responses, `{"model":"m"}`, "missing_required_parameter", "input"},
		{chat.Responses, `{"model":"m","input":null}`, "missing_required_parameter", "input"},
		{chat.Responses, `{"model":"m","input":7}`, "invalid_type", "input"},
		{chat.Responses, `{"model":"m","input":[]}`, "empty_array", "input"},
		{chat.Responses, `{"model":"m","input":["a"]}`, "invalid_type", "input[0]"},
		{chat.Responses, `{"model":"m","input":[{"content":"a"}]}`, "missing_required_parameter", "input[0].role"},
		{chat.Responses, `{"model":"m","input":[{"type":"message","content":"a"}]}`, "missing_required_parameter", "input[0].role"},
		{chat.Responses, `{"model":"m","input":"a","instructions":[]}`, "invalid_type", "instructions"},
		{chat.Responses, `{"model":"m","input":"a","text":7}`, "invalid_type", "text"},
		{chat.Responses, `{"model":"m","prompt":"a"}`, "invalid_type", "prompt"},
		{chat.Responses, `{"model":"m","prompt":{"variables":[]}}`, "invalid_type", "prompt.variables"},
		{chat.ByModel, `{"input":"x"}`, "missing_required_parameter", "model"},
		{chat.ByModel, `{"model":1}`, "invalid_type", "model"},
	}
	for _, tt := range tests {
		err := refusal(t, tt.kind, []byte(tt.body))
		if err.Code != tt.code || err.Param != tt.param {
			t.Errorf("%s %s: got code %q param %q, want %q %q", tt.kind, tt.body, err.Code, err.Param, tt.code, tt.param)
		}
		if !strings.Contains(err.Message, tt.param) {
			t.Errorf("%s: the message %q does not name %s", tt.body, err.Message, tt.param)
		}
	}
}
