package router_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
)

func mustBlock(t *testing.T, what string, d *router.Decision) {
	t.Helper()
	e := d.Error
	if e == nil || e.Status != 403 || e.Code != "content_blocked" || !e.NoRetry || d.Path != router.PathBlocked || d.Body != nil || d.Model != "" || len(d.GuardFailures) != 0 {
		t.Errorf("%s: not blocked: %+v, error %+v", what, d, e)
	}
}

func mustPass(t *testing.T, what string, d *router.Decision, model, name string) {
	t.Helper()
	if d.Error != nil || d.Model != model || d.Name != name || d.Path != router.PathUpstream || len(d.Body) == 0 || len(d.GuardFailures) != 0 {
		t.Errorf("%s: got model %q, decision %q, path %s, error %v, unchecked %v; want %s by %s", what, d.Model, d.Name, d.Path, d.Error, d.GuardFailures, model, name)
	}
}

// mustNotCheck is what becomes of a request that could not be checked.
func mustNotCheck(t *testing.T, what string, d *router.Decision, reason string) {
	t.Helper()
	e := d.Error
	if e == nil || e.Status != 503 || e.Code != "classification_failed" || !e.NoRetry || d.Path != router.PathError || d.Body != nil ||
		len(d.GuardFailures) != 1 || d.GuardFailures[0].Reason != reason || !d.GuardFailures[0].Refused || d.Name != d.GuardFailures[0].Decision {
		t.Errorf("%s: want 503 for %s: %+v, error %+v", what, reason, d, e)
	}
}

// A decision that blocks refuses what it matches, says which it is, and neither
// a score nor a word of the prompt.
func TestBlockedRequest(t *testing.T) {
	r := guard(t, twoModels+blocks)
	d := decide(r.Router, "auto", "a CANARY jailbreak")
	mustBlock(t, "attack", d)
	if d.Name != "no attacks" || !strings.Contains(d.Error.Message, `"no attacks"`) || strings.Contains(d.Error.Message, "CANARY") || strings.ContainsAny(d.Error.Message, "0123456789") {
		t.Errorf("%s: %s", d.Name, d.Error.Message)
	}
	mustPass(t, "mathematics", decide(r.Router, "auto", "an integral"), "large", "mathematics")
	mustPass(t, "anything", decide(r.Router, "auto", "hello"), "small", router.DecisionDefault)
}

// Blocking decisions take their turn by priority like all others.
func TestBlocksByPriority(t *testing.T) {
	r := guard(t, twoModels+guardSignals+`
  decisions:
    - {name: vip, priority: 9, model: large, rules: {type: keyword, name: urgent}}
    - {name: no attacks, priority: 5, action: block, rules: {type: jailbreak, name: attack}}
    - {name: hard, priority: 1, model: large, rules: {type: complexity, name: hard}}
`)
	mustPass(t, "before the block", decide(r.Router, "auto", "urgent jailbreak"), "large", "vip")
	mustBlock(t, "block before the route", decide(r.Router, "auto", "prove jailbreak"))
	mustPass(t, "after the block", decide(r.Router, "auto", "prove it"), "large", "hard")
	mustBlock(t, "a named model is not routed by the first", decide(r.Router, "small", "urgent jailbreak"))
}

// H1: a model that the client names is honoured, and no name gets around a decision
// that protects: one that blocks, or one that nothing but protecting signals make
// match.
func TestNamedModelsAreProtected(t *testing.T) {
	for _, c := range []struct{ action, rule, text, want string }{
		{"action: block", "{type: jailbreak, name: attack}", "jailbreak", "block"},
		{"action: block", "{type: jailbreak, name: attack}", "hello", "explicit"},
		{"action: block", "{type: domain, name: math}", "integral", "block"},
		{"action: block", "{type: keyword, name: urgent}", "urgent", "block"},
		{"action: block", "{type: complexity, name: hard}", "prove", "block"},
		{"model: large", "{type: pii, name: anything}", "Alice", "d"},
		{"model: large", "{type: pii, name: anything}", "hello", "explicit"},
		{"model: large", op("OR", "{type: pii, name: anything}", "{type: jailbreak, name: attack}"), "jailbreak", "d"},
		{"model: large", op("AND", "{type: pii, name: anything}", "{type: jailbreak, name: attack}"), "Alice jailbreak", "d"},
		{"model: large", op("NOT", "{type: pii, name: anything}"), "hello", "explicit"}, // would take every harmless request
		{"model: large", op("OR", "{type: pii, name: anything}", "{type: keyword, name: urgent}"), "Alice", "explicit"},
		{"model: large", "{type: domain, name: math}", "integral", "explicit"},
	} {
		r := guard(t, guardRule(c.action, c.rule)+"  unknown_model: default\n")
		for _, asked := range []string{"small", "unknown"} {
			d := decide(r.Router, asked, c.text)
			what := fmt.Sprintf("%s %s asked for %s with %q", c.action, c.rule, asked, c.text)
			switch {
			case c.want == "block":
				mustBlock(t, what, d)
			case c.want == "d":
				mustPass(t, what, d, "large", "d")
			case asked == "unknown":
				mustPass(t, what, d, "small", router.DecisionDefault)
			default:
				mustPass(t, what, d, "small", router.DecisionExplicit)
			}
			if d.Auto {
				t.Errorf("%s: counted as routed", what)
			}
		}
	}
}

// No signal is evaluated for a named model that no rule protects, nor for what
// passes by name alone and is never read.
func TestNamedModelsCostNothingWithoutProtection(t *testing.T) {
	r := guard(t, guardRule("model: large", "{type: complexity, name: hard}"))
	if d := decide(r.Router, "small", "prove jailbreak"); d.Guarded || len(d.Readings) != 0 || r.model.Counts().Tokenized != 0 {
		t.Errorf("%+v", d)
	}
	r = guard(t, twoModels+blocks)
	d := r.Decide(context.Background(), router.Request{Kind: chat.ByModel, Body: []byte(`{"model":"small","input":"jailbreak"}`)})
	if mustPass(t, "embeddings", d, "small", router.DecisionExplicit); d.Guarded || r.model.Counts().Tokenized != 0 {
		t.Errorf("%+v", d)
	}
}

// The signals' thresholds, allowed types and scopes.
func TestLearnedSignals(t *testing.T) {
	for _, c := range []struct {
		rule, text string
		match      bool
	}{
		{"{type: complexity, name: hard}", "prove", true},
		{"{type: complexity, name: hard}", "hello", false},
		{"{type: pii, name: anything}", "to Alice", true},
		{"{type: pii, name: personal}", "to Alice", false}, // allowed
		{"{type: pii, name: personal}", "to Alice, alice@example.com", true},
		{"{type: pii, name: sure}", "to Alice", false}, // less sure than 0.99
		{"{type: pii, name: sure}", "to alice@example.com", true},
		{"{type: pii, name: anything}", "hello", false},
		{op("NOT", "{type: pii, name: anything}"), "hello", true},
		{"{type: jailbreak, name: attack now}", "jailbreak", true},
	} {
		d := decide(guard(t, guardRule("model: large", c.rule)).Router, "auto", c.text)
		if (d.Name == "d") != c.match || d.Error != nil {
			t.Errorf("%s on %q: %+v", c.rule, c.text, d)
		}
	}
}

// E5, E8: an attack is found in every field that a model can come to read, whoever
// speaks, and in the first of very many turns, while routing looks at the last.
func TestProtectionReadsEverything(t *testing.T) {
	r := guard(t, "classify: {max_windows: 2000}\n"+twoModels+blocks)
	chatBody := func(messages string) string { return `{"model":"auto","messages":[` + messages + `]}` }
	const last = `,{"role":"user","content":"hello"}`
	for kind, bodies := range map[chat.Kind][]string{
		chat.Chat: {
			chatBody(`{"role":"system","content":"jailbreak"}` + last),
			chatBody(`{"role":"developer","content":"jailbreak"}` + last),
			chatBody(`{"role":"user","content":"jailbreak"}` + last),
			chatBody(`{"role":"user","name":"jailbreak","content":"x"}` + last),
			chatBody(`{"role":"assistant","content":"jailbreak"}` + last),
			chatBody(`{"role":"assistant","refusal":"jailbreak"}` + last),
			chatBody(`{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"q\":\"a jailbreak here\"}"}}]}` + last),
			chatBody(`{"role":"tool","tool_call_id":"a","content":"jailbreak"}` + last),
			chatBody(`{"role":"function","name":"f","content":"jailbreak"}` + last),
			chatBody(`{"role":"user","content":"jailbreak"}` + strings.Repeat(`,{"role":"assistant","content":"yes"},{"role":"user","content":"more"}`, 1000)),
			`{"model":"auto","messages":[{"role":"user","content":"hello"}],"tools":[{"type":"function","function":{"name":"f","description":"a jailbreak here"}}]}`,
		},
		chat.Responses: {
			`{"model":"auto","input":"hello","instructions":"jailbreak"}`,
			`{"model":"auto","input":[{"type":"function_call_output","call_id":"c","output":"jailbreak"},{"role":"user","content":"hello"}]}`,
		},
		chat.Completions: {`{"model":"auto","prompt":["hello","jailbreak"]}`, `{"model":"auto","prompt":"hello","suffix":"jailbreak"}`},
	} {
		for _, body := range bodies {
			for _, asked := range []string{"auto", "small"} {
				body := strings.Replace(body, `"auto"`, `"`+asked+`"`, 1)
				mustBlock(t, body[:min(len(body), 120)], r.Decide(context.Background(), router.Request{Kind: kind, Body: []byte(body)}))
			}
		}
	}
}

// E8: a signal without history reads what routing reads.
func TestProtectionWithoutHistory(t *testing.T) {
	const body = `{"model":"auto","messages":[{"role":"user","content":"jailbreak"},{"role":"user","content":"hello"}]}`
	r := guard(t, guardRule("action: block", "{type: jailbreak, name: attack now}"))
	d := r.Decide(context.Background(), router.Request{Kind: chat.Chat, Body: []byte(body)})
	if mustPass(t, "last turn", d, "small", router.DecisionDefault); len(d.Readings) != 1 || d.Readings[0].View != "last_user" {
		t.Errorf("read %+v", d.Readings)
	}
	d = guard(t, guardRule("action: block", "{type: jailbreak, name: attack}")).Decide(context.Background(), router.Request{Kind: chat.Chat, Body: []byte(body)})
	if mustBlock(t, "all turns", d); len(d.Readings) != 1 || d.Readings[0].View != "all" {
		t.Errorf("read %+v", d.Readings)
	}
}

// E6: an attack cut into parts is read joined; one cut by turns stands in one
// window with the rest. Cut down to one letter each it is a word spelt letter by
// letter, which is read at once.
func TestProtectionJoinsParts(t *testing.T) {
	parts := func(texts ...string) string {
		for i, text := range texts {
			texts[i] = fmt.Sprintf(`{"type":"text","text":"%s"}`, text)
		}
		return strings.Join(texts, ",")
	}
	for _, rule := range []string{"{type: jailbreak, name: attack}", "{type: jailbreak, name: attack now}"} {
		r := guard(t, guardRule("action: block", rule))
		for _, test := range []struct {
			parts, view string // view: what ends the name of the last that is read
			readings    int
		}{
			{parts("a jail", "break"), "_fused", 2},
			{parts("a", " ", "ja", "il", "b", "r", "e", "a", "k"), "_fused", 2},
			{parts(strings.Split("a jailbreak", "")...), "", 1},
		} {
			body := `{"model":"auto","messages":[{"role":"user","content":[` + test.parts + `]}]}`
			d := r.Decide(context.Background(), router.Request{Kind: chat.Chat, Body: []byte(body)})
			mustBlock(t, body, d)
			if n := len(d.Readings); n != test.readings || !strings.HasSuffix(d.Readings[n-1].View, test.view) {
				t.Errorf("%s: read %+v", body, d.Readings)
			}
		}
	}
}

// E1, E2: wherever in a long text an attack stands, it is found, and what is
// beyond the windows is not passed in silence.
func TestProtectionReadsLongTexts(t *testing.T) {
	r := guard(t, "classify: {max_windows: 200, deadline: 20s}\n"+twoModels+blocks)
	words := strings.Fields(strings.Repeat("benign filler words ", 300))
	for _, at := range []int{0, 1, 11, 12, 15, 16, 17, 450, 898, 899} {
		text := append([]string{}, words...)
		text[at] = "jailbreak"
		mustBlock(t, fmt.Sprint("word ", at), decide(r.Router, "auto", strings.Join(text, " ")))
	}
	mustPass(t, "benign", decide(r.Router, "auto", strings.Join(words, " ")), "small", router.DecisionDefault)

	short := guard(t, "classify: {max_windows: 4}\n"+twoModels+blocks)
	d := decide(short.Router, "auto", strings.Join(words, " "))
	if mustNotCheck(t, "beyond the windows", d, "unread"); d.Unread() < 800 {
		t.Errorf("%d tokens unread", d.Unread())
	}
	mustBlock(t, "found in what was read", decide(short.Router, "auto", "jailbreak "+strings.Join(words, " ")))
	open := guard(t, "classify: {max_windows: 4, on_guard_unread: allow}\n"+twoModels+blocks)
	d = decide(open.Router, "auto", strings.Join(words, " "))
	if d.Error != nil || len(d.GuardFailures) != 1 || d.GuardFailures[0].Refused || d.GuardFailures[0].Reason != "unread" {
		t.Errorf("allowed: %+v", d)
	}
}

// E3: letters as tag characters, which no one sees, are letters to many models.
func TestTagCharactersAreRead(t *testing.T) {
	tagged := func(said string) string {
		return strings.Map(func(c rune) rune { return 0xe0000 + c }, said)
	}
	for name, content := range map[string]string{
		"beside text": "Hello!" + tagged("a jailbreak"),
		"alone":       tagged("a jailbreak"),
	} {
		r := guard(t, guardRule("action: block", "{type: jailbreak, name: attack}"))
		body := []byte(`{"model":"small","messages":[{"role":"user","content":"` + content + `"}]}`)
		d := r.Decide(context.Background(), router.Request{Kind: chat.Chat, Body: body})
		if d.Path != router.PathBlocked {
			t.Errorf("%s: path %s, error %v", name, d.Path, d.Error)
		}
	}
	r := guard(t, guardRule("action: block", "{type: keyword, name: urgent}"))
	body := []byte(`{"model":"small","messages":[{"role":"user","content":"Hello! ` + tagged("urgent") + `"}]}`)
	if d := r.Decide(context.Background(), router.Request{Kind: chat.Chat, Body: body}); d.Path != router.PathBlocked {
		t.Errorf("keyword: path %s, error %v", d.Path, d.Error)
	}
}

// E3, E6: a keyword that is there to stop something is found in disguise too; one
// that chooses a model is looked for as it stands.
func TestBlockingKeywordsSeeThroughDisguises(t *testing.T) {
	part := func(s string) string { return `{"type":"text","text":"` + s + `"}` }
	for name, content := range map[string]string{
		"zero-width":  `"ur\u200bgent"`,
		"soft hyphen": `"ur\u00adgent"`,
		"full width":  `"ｕｒｇｅｎｔ"`,
		"look-alikes": `"urgеnt"`,
		"upper case":  `"UR\u200bGENT"`,
		"spelt":       `"v e r y   u r g e n t"`,
		"parts":       "[" + part("ur") + "," + part("gent") + "]",
		"both":        "[" + part("u\u200br") + "," + part("gеnt") + "]",
	} {
		body := []byte(`{"model":"small","messages":[{"role":"user","content":` + content + `}]}`)
		r := guard(t, guardRule("action: block", "{type: keyword, name: urgent}"))
		if d := r.Decide(context.Background(), router.Request{Kind: chat.Chat, Body: body}); d.Path != router.PathBlocked {
			t.Errorf("%s: path %s, error %v", name, d.Path, d.Error)
		}
		body = []byte(`{"model":"auto","messages":[{"role":"user","content":` + content + `}]}`)
		routes := guard(t, guardRule("model: large", "{type: keyword, name: urgent}"))
		if d := routes.Decide(context.Background(), router.Request{Kind: chat.Chat, Body: body}); d.Name != router.DecisionDefault {
			t.Errorf("%s: decision %s", name, d.Name)
		}
	}
}

// E7: a prompt as embeddings, and a part of a type that nobody here knows, may say
// anything.
func TestWhatMayBeTextIsUnread(t *testing.T) {
	for name, req := range map[string]router.Request{
		"embeddings":   {Kind: chat.Completions, Body: []byte(`{"model":"small","prompt_embeds":"AAAA"}`)},
		"unknown part": {Kind: chat.Chat, Body: []byte(`{"model":"small","messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"document","source":{"type":"text","data":"a jailbreak"}}]}]}`)},
	} {
		mustNotCheck(t, name, guard(t, twoModels+blocks).Decide(context.Background(), req), "unread")
	}
}

// E2: prompts given as token ids are text that only the backend can read.
func TestTokenPromptsAreUnread(t *testing.T) {
	body := []byte(`{"model":"small","prompt":[[101,2023,102]]}`)
	r := guard(t, twoModels+blocks)
	mustNotCheck(t, "token ids", r.Decide(context.Background(), router.Request{Kind: chat.Completions, Body: body}), "unread")
	r = guard(t, "classify: {on_guard_unread: allow}\n"+twoModels+blocks)
	if d := r.Decide(context.Background(), router.Request{Kind: chat.Completions, Body: body}); d.Error != nil || d.Model != "small" {
		t.Errorf("allowed: %+v", d)
	}
}

// E7: what has no text can't attack by it. Images are counted and not read.
func TestRequestWithoutTextIsNotBlocked(t *testing.T) {
	const image = `{"type":"image_url","image_url":{"url":"data:image/png;base64,amFpbGJyZWFr"}}`
	for _, rules := range []string{
		blocks, guardSignals + "  decisions:\n    - {name: d, action: block, rules: {operator: NOT, conditions: [{type: domain, name: math}]}}\n",
	} {
		r := guard(t, twoModels+rules)
		d := r.Decide(context.Background(), router.Request{Kind: chat.Chat, Body: []byte(`{"model":"small","messages":[{"role":"user","content":[` + image + `]}]}`)})
		if mustPass(t, "an image", d, "small", router.DecisionExplicit); d.Request.Media.Images != 1 {
			t.Errorf("%+v", d.Request.Media)
		}
	}
	r := guard(t, twoModels+blocks)
	d := r.Decide(context.Background(), router.Request{Kind: chat.Chat, Body: []byte(`{"model":"auto","messages":[{"role":"system","content":"jailbreak"},{"role":"user","content":[` + image + `]}]}`)})
	mustBlock(t, "an image beside an attack", d)
}

// A text that two signals look at is read once, and both views and both scopes
// of a plain request are one text.
func TestEachTextIsReadOnce(t *testing.T) {
	r := guard(t, twoModels+guardSignals+`
  decisions:
    - {name: a, action: block, rules: {type: jailbreak, name: attack}}
    - {name: b, action: block, rules: {type: pii, name: personal}}
    - {name: c, action: block, rules: {type: jailbreak, name: attack now}}
    - {name: d, model: large, rules: {operator: AND, conditions: [{type: domain, name: math}, {type: complexity, name: hard}]}}
`)
	d := decide(r.Router, "auto", "prove the integral")
	mustPass(t, "one turn", d, "large", "d")
	if n := r.model.Counts().Runs; n != 1 || len(d.Readings) != 1 || d.Category() != "math" || !d.Classified {
		t.Errorf("%d runs, readings %+v, category %s", n, d.Readings, d.Category())
	}
	d = r.Decide(context.Background(), router.Request{Kind: chat.Chat, Body: []byte(`{"model":"auto","messages":[{"role":"system","content":"be kind"},{"role":"user","content":"prove the integral"}]}`)})
	mustPass(t, "two turns", d, "large", "d")
	if n := r.model.Counts().Runs; n != 3 || len(d.Readings) != 2 {
		t.Errorf("%d runs, readings %+v", n, d.Readings)
	}
}

// A signal on a head that the loaded model lacks, or a type that it never finds,
// is an error that says so; all at once.
func TestSignalsNeedTheirHeads(t *testing.T) {
	cfg, err := config.Parse("config.yaml", []byte(twoModels+`
  signals:
    domains: [{name: a, categories: [math]}]
    jailbreak: [{name: a}]
    pii: [{name: a}]
    complexity: [{name: a}]
`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = router.New(cfg, heads, &stub{})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{
		`routing.signals.jailbreak[0]: the loaded classifier has no sequence head "jailbreak"; its heads are domain`,
		`routing.signals.pii[0]: the loaded classifier has no token head "pii"`,
		`routing.signals.complexity[0]: the loaded classifier has no sequence head "complexity"`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	if _, err = router.New(cfg, nil, &stub{}); err == nil || !strings.Contains(err.Error(), `routing.signals.domains[0]: the loaded classifier has no sequence head "domain"; its heads are none`) {
		t.Errorf("no heads: %v", err)
	}
	cfg, err = config.Parse("config.yaml", []byte(twoModels+"  signals:\n    pii: [{name: a, pii_types_allowed: [PERSN, EMAIL_ADDRESS]}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	var asked []classify.Head
	for _, h := range fourHeads() {
		asked = append(asked, h.Head)
	}
	_, err = router.New(cfg, asked, &stub{})
	if err == nil || !strings.Contains(err.Error(), `routing.signals.pii[0].pii_types_allowed[0]: "PERSN"`) || strings.Contains(err.Error(), "allowed[1]") || !strings.Contains(err.Error(), "PERSON") {
		t.Errorf("a type that is none: %v", err)
	}
}

// The trace shows what protected, with scores and types, and never the text.
func TestTraceOfAGuard(t *testing.T) {
	req := ask("small", "mail alice@example.com to Alice about a jailbreak")
	req.Trace = true
	r := guard(t, twoModels+guardSignals+`
  decisions:
    - {name: leak, action: block, rules: {type: pii, name: personal}}
`)
	d := r.Decide(context.Background(), req)
	mustBlock(t, "leak", d)
	var got []string
	for _, s := range d.Steps {
		got = append(got, s.What+": "+s.Outcome)
	}
	text := strings.Join(got, "\n")
	for _, part := range []string{"classify all turns: ok", "pii personal: match (1 EMAIL_ADDRESS, 1 PERSON allowed; threshold 0.000)", "decision leak: match"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
	if strings.Contains(text, "example") || strings.Contains(text, "Alice") {
		t.Errorf("the trace quotes the text:\n%s", text)
	}
	if spans := d.Spans(); len(spans) != 2 {
		t.Errorf("spans %+v", spans)
	}
}
