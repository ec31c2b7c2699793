package router_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/router"
)

const masks = guardSignals + `
  decisions:
    - {name: mask all, priority: 5, action: mask, rules: {type: pii, name: anything}}
    - {name: mathematics, priority: 1, model: large, rules: {type: domain, name: math}}
`

func maskWith(signal, more string) string {
	return twoModels + guardSignals + "  decisions:\n    - {name: d, action: mask, rules: {type: pii, name: " + signal + "}" + more + "}\n"
}

func chatRequest(body string) router.Request {
	return router.Request{Kind: chat.Chat, Body: []byte(body)}
}

// S13, E5: every place is masked, the same value by the same placeholder; all other bytes
// but the model's name stay.
func TestMaskReplacesValuesInEveryPlace(t *testing.T) {
	r := guard(t, twoModels+masks)
	d := r.Decide(context.Background(), chatRequest(`{"model":"auto", "temperature":0.10,"messages":[
		{"role":"system","content":"You help Alice today"},
		{"role":"user","name":"Alice","content":[{"type":"text","text":"a@b.example\u0021"},{"type":"text","note":"by Alice","text":"Alice again"}]},
		{"role":"assistant","tool_calls":[{"id":"c1","function":{"name":"mail","arguments":"{\"to\":\"a\\u0040b.example\",\"card\":4111111111111111}"}}]},
		{"role":"tool","tool_call_id":"c1","content":"sent to a@b.example"}],
		"tools":[{"type":"function","function":{"name":"mail","description":"Writes for Alice","parameters":{"type":"object","properties":{"to":{"enum":["a@b.example"]}}}}}],"x":[1e400]}`))
	want := `{"model":"small", "temperature":0.10,"messages":[
		{"role":"system","content":"You help <PERSON_1> today"},
		{"role":"user","name":"PERSON_1","content":[{"type":"text","text":"<EMAIL_ADDRESS_1>!"},{"type":"text","note":"by <PERSON_1>","text":"<PERSON_1> again"}]},
		{"role":"assistant","tool_calls":[{"id":"c1","function":{"name":"mail","arguments":"{\"to\":\"<EMAIL_ADDRESS_1>\",\"card\":\"<CREDIT_CARD_1>\"}"}}]},
		{"role":"tool","tool_call_id":"c1","content":"sent to <EMAIL_ADDRESS_1>"}],
		"tools":[{"type":"function","function":{"name":"mail","description":"Writes for <PERSON_1>","parameters":{"type":"object","properties":{"to":{"enum":["<EMAIL_ADDRESS_1>"]}}}}}],"x":[1e400]}`
	if d.Error != nil || string(d.Body) != want {
		t.Fatalf("%v\n got %s\nwant %s", d.Error, d.Body, want)
	}
	if d.Name != "mask all" || d.Model != "small" || d.Path != router.PathUpstream || d.Mask.Values() != 3 || d.Mask.Empty() {
		t.Errorf("decided %s for %s by %s, %d values", d.Name, d.Model, d.Path, d.Mask.Values())
	}
	if text := fmt.Sprintf("%v %+v %#v %s", d.Mask, d.Mask, d.Mask, d.Mask); strings.Contains(text, "Alice") || strings.Contains(text, "example") {
		t.Errorf("printing a mask shows values: %s", text)
	}
	u := d.Mask.Undo(false)
	if got := u.Write("Dear <PERSON_1>, <EMAIL_ADDRESS_1>") + u.Flush(); got != "Dear Alice, a@b.example" {
		t.Errorf("undone: %q", got)
	}
}

// A masked request goes to the decision's model, or to the one that it names, or
// to the default one.
func TestMaskedRequestsGoOn(t *testing.T) {
	for more, want := range map[string]map[string]string{
		"":               {"auto": "small", "gpt-4": "large", "small": "small"},
		", model: large": {"auto": "large", "gpt-4": "large", "small": "large"},
	} {
		r := guard(t, maskWith("anything", more))
		for asked, model := range want {
			d := decide(r.Router, asked, "I am Alice")
			if d.Error != nil || d.Model != model || !strings.Contains(string(d.Body), "I am <PERSON_1>") {
				t.Errorf("%q, %s: %v, %s, %s", more, asked, d.Error, d.Model, d.Body)
			}
			if d = decide(r.Router, asked, "I am nobody"); d.Mask != nil || strings.Contains(string(d.Body), "<") {
				t.Errorf("%s: masked without a match", d.Body)
			}
		}
	}
}

// What the signal allows, or scores too low for it, is left alone.
func TestMaskHeedsItsSignal(t *testing.T) {
	const text = "Alice and a@b.example, zip code 94110"
	for signal, want := range map[string]string{
		"anything": "<PERSON_1> and <EMAIL_ADDRESS_1>, zip code <ZIP_CODE_1>",
		"personal": "Alice and <EMAIL_ADDRESS_1>, zip code <ZIP_CODE_1>",
		"sure":     "Alice and <EMAIL_ADDRESS_1>, zip code 94110",
	} {
		d := decide(guard(t, maskWith(signal, "")).Router, "auto", text)
		if d.Error != nil || !strings.Contains(string(d.Body), `"`+want+`"`) {
			t.Errorf("%s: %v, %s", signal, d.Error, d.Body)
		}
	}
	// another signal made the decision match, and this one was not even asked
	d := decide(guard(t, guardRule("action: mask", "{operator: OR, conditions: [{type: keyword, name: urgent}, {type: pii, name: personal}]}")).Router, "auto", "urgent: Alice has 4111 1111 1111 1111")
	if d.Error != nil || !strings.Contains(string(d.Body), "urgent: Alice has <CREDIT_CARD_1>") {
		t.Errorf("matched by a keyword: %v, %s", d.Error, d.Body)
	}
	d = decide(guard(t, guardRule("action: mask", "{type: keyword, name: urgent}")).Router, "auto", "urgent: Alice has 4111 1111 1111 1111")
	if d.Error != nil || !strings.Contains(string(d.Body), "urgent: <PERSON_1> has <CREDIT_CARD_1>") {
		t.Errorf("without a signal on personal data: %v, %s", d.Error, d.Body)
	}
}

// S13, E8: a signal that looks at the newest turn alone makes all turns be masked.
func TestMaskReadsAllTurns(t *testing.T) {
	r := guard(t, maskWith("sure", ""))
	d := r.Decide(context.Background(), chatRequest(`{"model":"auto","messages":[{"role":"user","content":"it is x@y.example"},{"role":"user","content":"and a@b.example"}]}`))
	if d.Error != nil || strings.Contains(string(d.Body), ".example") || d.Mask.Values() != 2 {
		t.Fatalf("%v, %s", d.Error, d.Body)
	}
}

// E6, S13: a value that is cut into parts is masked in each; what is between stays.
func TestMaskCutsWhatReachesOverPlaces(t *testing.T) {
	r := guard(t, twoModels+masks)
	d := r.Decide(context.Background(), chatRequest(`{"model":"auto","messages":[{"role":"user","content":[{"type":"text","text":"write to john@exam"},{"type":"text","text":"ple.example now"}]}]}`))
	want := `[{"type":"text","text":"write to <EMAIL_ADDRESS_1>"},{"type":"text","text":"<EMAIL_ADDRESS_2> now"}]`
	if d.Error != nil || !strings.Contains(string(d.Body), want) {
		t.Fatalf("%v, %s", d.Error, d.Body)
	}
	u := d.Mask.Undo(false)
	if got := u.Write("<EMAIL_ADDRESS_1><EMAIL_ADDRESS_2>") + u.Flush(); got != "john@example.example" {
		t.Errorf("undone: %q", got)
	}
}

// E3, S13: what nobody sees but many models read can't be written over, so it is refused.
func TestMaskRefusesTagCharacters(t *testing.T) {
	tagged := func(said string) string { return strings.Map(func(c rune) rune { return 0xe0000 + c }, said) }
	r := guard(t, twoModels+masks)
	for text, refused := range map[string]bool{"write to a@b.example": true, "nothing personal": false} {
		body := `{"model":"auto","messages":[{"role":"user","content":"Hello ` + tagged(text) + `, I am x@y.example"}]}`
		d := r.Decide(context.Background(), chatRequest(body))
		if refused && (d.Error == nil || d.Error.Code != "cannot_mask" || d.Body != nil) {
			t.Errorf("%s: path %s, error %v", text, d.Path, d.Error)
		}
		if !refused && (d.Error != nil || strings.Contains(string(d.Body), "x@y") || !strings.Contains(string(d.Body), tagged(text))) {
			t.Errorf("%s: error %v, %s", text, d.Error, d.Body)
		}
	}
}

// S13: what was seen once is masked wherever it stands again, as a whole word.
func TestMaskSpreadsWhatWasFound(t *testing.T) {
	r := guard(t, twoModels+masks)
	d := decide(r.Router, "auto", "zip code 94110. I said 94110, not 941101 and not x94110.")
	if d.Error != nil || !strings.Contains(string(d.Body), "zip code <ZIP_CODE_1>. I said <ZIP_CODE_1>, not 941101 and not x94110.") {
		t.Fatalf("%v, %s", d.Error, d.Body)
	}
}

// S14: what a client wrote that looks like a placeholder stays what it is.
func TestMaskTellsPlaceholdersFromTheClients(t *testing.T) {
	r := guard(t, twoModels+masks)
	d := r.Decide(context.Background(), chatRequest(`{"model":"auto","messages":[{"role":"user","content":"Alice not <PERSON_1>"}],
		"tools":[{"type":"function","function":{"name":"PERSON_2","parameters":{"properties":{"PERSON_3":{}}}}}]}`))
	if d.Error != nil || !strings.Contains(string(d.Body), "<PERSON_4> not <PERSON_1>") {
		t.Fatalf("%v, %s", d.Error, d.Body)
	}
	u := d.Mask.Undo(false)
	if got := u.Write("PERSON_2 PERSON_3 <PERSON_4>") + u.Flush(); got != "PERSON_2 PERSON_3 Alice" {
		t.Errorf("undone: %q", got)
	}
}

// S13: where a value can't be replaced, or nobody can tell whether there is one, the
// request is refused; never is it sent as it is.
func TestWhatCannotBeMaskedIsRefused(t *testing.T) {
	const allow = "classify: {on_guard_failure: allow, on_guard_unread: allow}\n"
	for name, tc := range map[string]struct {
		kind   chat.Kind
		body   string
		code   string
		status int
	}{
		"a tool's name":    {chat.Chat, `{"model":"auto","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"Alice"}}]}`, "cannot_mask", 400},
		"a parameter":      {chat.Chat, `{"model":"auto","messages":[{"role":"user","content":"Alice"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"a@b.example":{}}}}}]}`, "cannot_mask", 400},
		"broken arguments": {chat.Chat, `{"model":"auto","messages":[{"role":"user","content":"Alice"},{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\"a\":NaN,\"b\":\"a\\u0040b.example\"}"}}]}]}`, "cannot_mask", 400},
		"unknown part":     {chat.Chat, `{"model":"auto","messages":[{"role":"user","content":[{"type":"text","text":"Alice"},{"type":"new","said":"Alice"}]}]}`, "classification_failed", 503},
		"token ids":        {chat.Completions, `{"model":"auto","prompt":["Alice",[1,2,3]]}`, "classification_failed", 503},
		"earlier turns":    {chat.Responses, `{"model":"auto","input":"Alice","previous_response_id":"r1"}`, "cannot_mask", 400},
	} {
		d := guard(t, allow+twoModels+masks).Decide(context.Background(), router.Request{Kind: tc.kind, Body: []byte(tc.body)})
		if d.Error == nil || d.Error.Code != tc.code || d.Error.Status != tc.status || d.Body != nil || d.Mask != nil || d.Path != router.PathError || d.Name != "mask all" {
			t.Errorf("%s: %+v, %s", name, d.Error, d.Body)
			continue
		}
		if text := d.Error.Error(); strings.Contains(text, "Alice") || strings.Contains(text, "example") {
			t.Errorf("%s: the error quotes the request: %s", name, text)
		}
	}
}

// C1, S13: a classifier that fails, or doesn't get through the text, lets nothing pass
// that a decision would mask, whatever it does to requests that nobody knows of.
func TestMaskFailsClosed(t *testing.T) {
	long := "Alice " + strings.Repeat("word ", 400) + `"}`
	body := `{"model":"auto","messages":[{"role":"user","content":"` + long + `]}`
	r := guard(t, "classify: {max_windows: 2, on_guard_unread: allow}\n"+twoModels+masks)
	if d := r.Decide(context.Background(), chatRequest(body)); d.Error == nil || d.Error.Status != 503 || d.Body != nil {
		t.Errorf("read in part: %+v", d.Error)
	}
	// the second text, that of the other turns, is the one that fails
	r = guard(t, "classify: {on_guard_failure: allow}\n"+maskWith("sure", ""))
	turns := `{"model":"auto","messages":[{"role":"user","content":"I am Alice"},{"role":"user","content":"a@b.example"}]}`
	runs := 0
	r.model.OnRun(func([][]uint32) {
		if runs++; runs == 2 {
			panic("no more")
		}
	})
	d := r.Decide(context.Background(), chatRequest(turns))
	if d.Error == nil || d.Error.Status != 503 || d.Error.Code != "classification_failed" || d.Body != nil || len(d.GuardFailures) != 1 || !d.GuardFailures[0].Refused {
		t.Errorf("failed: %+v, %+v", d.Error, d.GuardFailures)
	}
	// before it is known whether there is anything, the policy for guards holds
	r = guard(t, twoModels+masks)
	r.model.Set(classifytest.Knobs{Err: errors.New("broken")})
	if d := decide(r.Router, "auto", "I am Alice"); d.Error == nil || d.Error.Status != 503 || d.Body != nil {
		t.Errorf("failed at once: %+v", d.Error)
	}
}

// The rest of the walk is as ever where the decision doesn't match.
func TestMaskThatDoesNotMatchLeavesRouting(t *testing.T) {
	r := guard(t, twoModels+masks)
	if d := decide(r.Router, "auto", "an integral"); d.Name != "mathematics" || d.Mask != nil {
		t.Errorf("decided %s, %v", d.Name, d.Mask)
	}
}

// S2, S13: wherever addresses stand in a chat of any spelling, none is in what is sent.
func TestMaskedBodiesHoldNoValue(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	r := guard(t, twoModels+masks, func(o *classify.Options) { o.MaxWindows = 10_000 })
	for i := range 300 {
		canary := func() string { return fmt.Sprintf("canary%d.%d@b.example", i, rng.IntN(3)) }
		escaped := func(s string) string {
			var b strings.Builder
			for _, c := range s {
				if rng.IntN(3) == 0 {
					fmt.Fprintf(&b, `\u%04x`, c)
				} else {
					b.WriteRune(c)
				}
			}
			return b.String()
		}
		inner := `{"` + canary() + `":["` + escaped(canary()) + `",{"n":1}]}`
		quoted, _ := json.Marshal(inner)
		var messages []string
		for range 1 + rng.IntN(4) {
			switch rng.IntN(4) {
			case 0:
				messages = append(messages, `{"role":"user","content":"`+escaped("to "+canary()+", please")+`"}`)
			case 1:
				messages = append(messages, `{"role":"user","content":[{"type":"text","text":"`+escaped(canary())+`"},{"type":"text","text":"and `+canary()+`"}],"x":{"y":["`+canary()+`"]}}`)
			case 2:
				messages = append(messages, `{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":`+string(quoted)+`}}]}`)
			default:
				messages = append(messages, `{"role":"tool","tool_call_id":"1","content":`+string(quoted)+`}`)
			}
		}
		d := r.Decide(context.Background(), chatRequest(`{"model":"auto","messages":[`+strings.Join(messages, ",")+`]}`))
		if d.Error != nil {
			t.Fatalf("%v: %s", d.Error, messages)
		}
		plain, err := chat.Parse(chat.Chat, d.Body, chat.Limits{})
		if err != nil {
			t.Fatalf("%v: %s", err, d.Body)
		}
		layout, _ := plain.Layouts()
		if strings.Contains(string(d.Body), "canary") || strings.Contains(layout.Text, "canary") {
			t.Fatalf("%s\nfrom %s", d.Body, messages)
		}
	}
}
