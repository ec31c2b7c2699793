package admin_test

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/admin"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/router"
)

func prompt(model, text string) string {
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%q}]}`, model, text)
}

// A dry run decides as the door would, says why, and sends nothing: the
// endpoints of this configuration do not exist.
func TestDryRun(t *testing.T) {
	s := serve(t)
	a := s.post("/api/v1/route", prompt("auto", "some math"))
	var got admin.Routed
	a.into(t, &got)
	if a.status != 200 || got.Model != "large" || got.Pool != "large" || got.Decision != "mathematics" || got.Path != "upstream" ||
		got.Category != "math" || got.Confidence < .9 || got.Tokens != 2 || got.Windows != 1 || got.Unread != 0 || got.Error != nil || len(got.Scores) != 3 {
		t.Errorf("%d %s", a.status, a.body)
	}
	var steps []string
	for _, step := range got.Trace {
		steps = append(steps, step.What)
	}
	if want := []string{"keyword solve", "classify", "domain math", "decision mathematics"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
	for _, stage := range []string{"parse", "classify", "rules", "splice", "total"} {
		if us, ok := got.Elapsed[stage]; !ok || us < 0 || us > got.Elapsed["total"] {
			t.Errorf("%s took %v µs of %v", stage, us, got.Elapsed["total"])
		}
	}
}

// What was not worked out is not in the answer.
func TestDryRunOfANamedModel(t *testing.T) {
	s := serve(t)
	a := s.post("/api/v1/route", prompt("small", "some math"))
	for _, absent := range []string{"confidence", "category", "scores", "tokens", "windows", "unread_tokens", "degraded_reason", "error"} {
		if strings.Contains(a.body, `"`+absent+`"`) {
			t.Errorf("%s is in %s", absent, a.body)
		}
	}
	if !strings.Contains(a.body, `"trace": []`) || s.model.Counts().Tokenized != 0 {
		t.Errorf("%s, %d classified", a.body, s.model.Counts().Tokenized)
	}
}

// What all heads say of each text is shown; of spans the place, and not what
// stands there.
func TestDryRunShowsAllHeads(t *testing.T) {
	got := admin.Explain(&router.Decision{Readings: []router.Reading{{View: "all", Outcome: "ok", Result: classify.Result{
		Tokens:   5,
		Verdicts: []classify.Verdict{{Head: "jailbreak", Label: "benign", Confidence: .9, Scores: []classify.Score{{Label: "benign", P: .9}}}},
		Spans:    []classify.Span{{Type: "PERSON", From: 3, To: 9, Score: .7, Source: "pii"}},
	}}}})
	want := []admin.Reading{{
		View: "all", Outcome: "ok", Tokens: 5,
		Verdicts: []admin.Verdict{{Head: "jailbreak", Label: "benign", Confidence: .9, Scores: map[string]float64{"benign": .9}}},
		Spans:    []admin.Span{{Type: "PERSON", From: 3, To: 9, Score: .7, Source: "pii"}},
	}}
	if !reflect.DeepEqual(got.Readings, want) {
		t.Errorf("%+v", got.Readings)
	}
}

// A refusal is the dry run's result, not its failure.
func TestDryRunOfARefusedRequest(t *testing.T) {
	s := serve(t)
	for body, want := range map[string]admin.Refusal{
		"{":                      {Status: 400, Code: "invalid_json"},
		prompt("nothing", "x"):   {Status: 404, Code: "model_not_found", Param: "model"},
		`{"model":"auto"}`:       {Status: 400, Code: "missing_required_parameter", Param: "messages"},
		prompt("auto", "a\x00b"): {Status: 400, Code: "invalid_json"}, // Go's %q writes \x00, which is no JSON
		`{"model":"auto","messages":[{"role":"user","content":"a\u0000b"}]}`: {Status: 400, Code: "invalid_value", Param: "messages[0].content"},
	} {
		var got admin.Routed
		a := s.post("/api/v1/route", body)
		a.into(t, &got)
		if got.Error == nil || a.status != 200 || got.Path != "error" || got.Model != "" {
			t.Errorf("%s: %d %s", body, a.status, a.body)
			continue
		}
		if want.Message = got.Error.Message; *got.Error != want || want.Message == "" {
			t.Errorf("%s: %+v", body, *got.Error)
		}
	}
}

func TestDryRunOfOtherEndpoints(t *testing.T) {
	s := serve(t)
	for endpoint, body := range map[string]string{
		"":                     prompt("auto", "math"),
		"/v1/chat/completions": prompt("auto", "math"),
		"/v1/completions":      `{"model":"auto","prompt":"math"}`,
		"/v1/responses":        `{"model":"auto","input":"math"}`,
		"/v1/embeddings":       `{"model":"large","input":"math"}`,
	} {
		var got admin.Routed
		a := s.post("/api/v1/route?endpoint="+url.QueryEscape(endpoint), body)
		if a.into(t, &got); got.Model != "large" {
			t.Errorf("%s: %s", endpoint, a.body)
		}
	}
	if param := mustFail(t, "endpoint", s.post("/api/v1/route?endpoint=/v1/nothing", "{}"), 400, "invalid_value"); param != "endpoint" {
		t.Errorf("param %q", param)
	}
}

// C1: the dry run shows a degraded decision as the door would take it.
func TestDryRunDegraded(t *testing.T) {
	s := serve(t)
	s.model.Set(classifytest.Knobs{Err: errors.New("no")})
	var got admin.Routed
	a := s.post("/api/v1/route", prompt("auto", "some math"))
	if a.into(t, &got); got.Path != "degraded" || got.Degraded != "error" || got.Model != "small" {
		t.Errorf("%s", a.body)
	}
}

type intent struct {
	Classification struct {
		Category   string  `json:"category"`
		Confidence float64 `json:"confidence"`
		Time       float64 `json:"processing_time_ms"`
	} `json:"classification"`
	Probabilities map[string]float64 `json:"probabilities"`
	Tokens        int                `json:"tokens"`
	Windows       int                `json:"windows"`
	Unread        int                `json:"unread_tokens"`
}

func TestClassifyIntent(t *testing.T) {
	s := serve(t)
	var got intent
	s.post("/api/v1/classify/intent", `{"text":"some math"}`).into(t, &got)
	if got.Classification.Category != "math" || got.Classification.Confidence < .9 || got.Classification.Time <= 0 || got.Probabilities != nil || got.Tokens != 2 || got.Windows != 1 {
		t.Errorf("%+v", got)
	}
	got = intent{}
	s.post("/api/v1/classify/intent", `{"text":"some history","options":{"return_probabilities":true}}`).into(t, &got)
	sum := 0.0
	for _, p := range got.Probabilities {
		sum += p
	}
	if got.Classification.Category != "history" || len(got.Probabilities) != 3 || math.Abs(sum-1) > 1e-6 || got.Probabilities["history"] != got.Classification.Confidence {
		t.Errorf("%+v", got)
	}
}

// What stands behind a NUL is read like all else (a tokenizer in C would stop).
func TestClassifyIntentReadsBehindNUL(t *testing.T) {
	s := serve(t)
	var got intent
	s.post("/api/v1/classify/intent", `{"text":"some\u0000 math\u0000\u0000math"}`).into(t, &got)
	if got.Classification.Category != "math" || got.Tokens != 3 {
		t.Errorf("%+v", got)
	}
}

func TestClassifyIntentRefusals(t *testing.T) {
	s := serve(t)
	for body, want := range map[string]string{
		``:                         "400 invalid_value ",
		`[]`:                       "400 invalid_value ",
		`{"text":7}`:               "400 invalid_value ",
		`{"text":"a","text":"b"}`:  "400 invalid_value ",
		`{"Text":"a"}`:             "400 invalid_value ",
		`{"text":"a","model":"x"}`: "400 invalid_value ",
		"{\"text\":\"\xff\"}":      "400 invalid_value ",
		`{"text":"a"} {}`:          "400 invalid_value ",
		`{}`:                       "400 invalid_value text",
		`{"text":" \u200b\n"}`:     "400 invalid_value text",
		`{"text":"` + strings.Repeat("a ", 8<<10) + `"}`: "413 request_too_large ",
	} {
		var status int
		var code string
		fmt.Sscan(want, &status, &code)
		if param := mustFail(t, body[:min(len(body), 40)], s.post("/api/v1/classify/intent", body), status, code); !strings.HasSuffix(want, " "+param) {
			t.Errorf("%.40s: param %q", body, param)
		}
	}
	mustFail(t, "route", s.post("/api/v1/route", strings.Repeat(" ", 16<<10+1)), 413, "request_too_large")
	s.model.Set(classifytest.Knobs{Panic: true})
	a := s.post("/api/v1/classify/intent", `{"text":"a b c"}`)
	mustFail(t, "panic", a, 503, "classification_failed")
	if !strings.Contains(a.body, "panic") {
		t.Errorf("the answer does not say why: %s", a.body)
	}
}
