package admin_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

// fourHeads answer by words: "math", "history" and "other" for the domain,
// "jailbreak" is an attack, "prove" needs the strong model, "Alice" is a person.
func fourHeads() []classifytest.Head {
	two := func(name, negative, positive string, merge classify.Merge, word string) classifytest.Head {
		return classifytest.Head{Head: classify.Head{
			Name: name, Kind: classify.KindSequence, Labels: []string{negative, positive},
			Temperature: 1, Merge: merge, Positive: positive, Threshold: .9,
		}, Words: map[string]string{word: positive}}
	}
	return []classifytest.Head{
		{Head: classifytest.Domain("math", "history", "other")},
		two("jailbreak", "benign", "jailbreak", classify.MergeMax, "jailbreak"),
		two("complexity", "weak", "strong", classify.MergeMean, "prove"),
		{Head: classify.Head{Name: "pii", Kind: classify.KindToken, Labels: []string{"O", "B-PERSON", "I-PERSON"}, Temperature: 1},
			Words: map[string]string{"alice": "B-PERSON"}},
	}
}

type found struct {
	Type       string  `json:"type"`
	Value      string  `json:"value"`
	Confidence float64 `json:"confidence"`
	Start      *int    `json:"start_position"`
	End        *int    `json:"end_position"`
	Masked     string  `json:"masked_value"`
	Source     string  `json:"source"`
}

// places writes entities as TYPE:start-end.
func places(all []found) string {
	var out []string
	for _, e := range all {
		if e.Start == nil || e.End == nil {
			out = append(out, e.Type)
			continue
		}
		out = append(out, fmt.Sprintf("%s:%d-%d", e.Type, *e.Start, *e.End))
	}
	return strings.Join(out, " ")
}

type personal struct {
	HasPII         bool    `json:"has_pii"`
	Entities       []found `json:"entities"`
	MaskedText     string  `json:"masked_text"`
	Recommendation string  `json:"security_recommendation"`
	Time           float64 `json:"processing_time_ms"`
	Tokens         int     `json:"tokens"`
	Windows        int     `json:"windows"`
	Unread         int     `json:"unread_tokens"`
}

// Positions are in code points, as clients index, and the value stays out of the
// answer unless it was asked for.
func TestClassifyPII(t *testing.T) {
	s := serveHeads(t, fourHeads())
	const text = `naïve 😀 Alice and alice@example.com, Alice`
	var got personal
	a := s.post("/api/v1/classify/pii", `{"text":"`+text+`","options":{"return_positions":true}}`)
	a.into(t, &got)
	if !got.HasPII || got.Recommendation != "block" || places(got.Entities) != "PERSON:8-13 EMAIL_ADDRESS:18-35 PERSON:37-42" || got.MaskedText != "" || got.Tokens == 0 {
		t.Errorf("%s", a.body)
	}
	if strings.Contains(a.body, "Alice") || strings.Contains(a.body, "example") || strings.Count(a.body, "[DETECTED]") != 3 {
		t.Errorf("the answer shows what was found: %s", a.body)
	}
	got = personal{}
	a = s.post("/api/v1/classify/pii", `{"text":"`+text+`","options":{"mask_entities":true,"reveal_entity_text":true}}`)
	a.into(t, &got)
	if want := "naïve 😀 <PERSON_1> and <EMAIL_ADDRESS_1>, <PERSON_1>"; got.MaskedText != want || got.Entities[0].Masked != "<PERSON_1>" || got.Entities[1].Value != "alice@example.com" || places(got.Entities) != "PERSON EMAIL_ADDRESS PERSON" {
		t.Errorf("%s", a.body)
	}
	for options, want := range map[string]string{
		`{"entity_types":["PERSON"]}`:   "PERSON PERSON",
		`{"entity_types":["US_SSN"]}`:   "",
		`{"confidence_threshold":0.99}`: "EMAIL_ADDRESS",
		`{}`:                            "PERSON EMAIL_ADDRESS PERSON",
		`{"entity_types":[],"confidence_threshold":0}`: "PERSON EMAIL_ADDRESS PERSON",
	} {
		got = personal{}
		s.post("/api/v1/classify/pii", `{"text":"`+text+`","options":`+options+`}`).into(t, &got)
		if places(got.Entities) != want || got.HasPII != (want != "") {
			t.Errorf("%s: %+v", options, got)
		}
	}
	got = personal{}
	if a = s.post("/api/v1/classify/pii", `{"text":"nobody"}`); !strings.Contains(a.body, `"entities": []`) {
		t.Errorf("%s", a.body)
	}
	if a.into(t, &got); got.HasPII || got.Recommendation != "allow" {
		t.Errorf("%s", a.body)
	}
}

// Whoever forwards masked_text gets a text whenever masking was asked for, and none
// that only looks masked when it was not.
func TestMaskedTextIsThereIfMaskingWasAskedFor(t *testing.T) {
	s := serveHeads(t, fourHeads())
	for _, test := range []struct{ text, options, want string }{
		{"Who is nobody?", `{"mask_entities":true}`, "Who is nobody?"},
		{"Alice wrote <PERSON_1>", `{"mask_entities":true,"entity_types":["US_SSN"]}`, "Alice wrote <PERSON_1>"},
		{"Alice is here", `{"mask_entities":true}`, "<PERSON_1> is here"},
		{"Who is nobody?", `{}`, ""},
		{"Alice is here", `{"mask_entities":false}`, ""},
	} {
		alone := s.post("/api/v1/classify/pii", `{"text":"`+test.text+`","options":`+test.options+`}`)
		among := s.post("/api/v1/classify/combined", `{"text":"`+test.text+`","pii_options":`+test.options+`}`)
		var one personal
		var all combined
		alone.into(t, &one)
		among.into(t, &all)
		if one.MaskedText != test.want || all.PII.MaskedText != test.want || strings.Contains(alone.body+among.body, "masked_text") != (test.want != "") {
			t.Errorf("%q with %s: %s %s", test.text, test.options, alone.body, among.body)
		}
	}
}

type attack struct {
	IsJailbreak    bool     `json:"is_jailbreak"`
	Risk           float64  `json:"risk_score"`
	Types          []string `json:"detection_types"`
	Confidence     float64  `json:"confidence"`
	Recommendation string   `json:"recommendation"`
	Reasoning      string   `json:"reasoning"`
	Patterns       []string `json:"patterns_detected"`
	Time           float64  `json:"processing_time_ms"`
	Tokens         int      `json:"tokens"`
	Windows        int      `json:"windows"`
	Unread         int      `json:"unread_tokens"`
}

func TestClassifySecurity(t *testing.T) {
	s := serveHeads(t, fourHeads())
	var got attack
	s.post("/api/v1/classify/security", `{"text":"a jailbreak","options":{"include_reasoning":true,"sensitivity":"high","detection_types":["jailbreak"]}}`).into(t, &got)
	if !got.IsJailbreak || got.Risk < .9 || got.Confidence != got.Risk || got.Recommendation != "block" || !reflect.DeepEqual(got.Types, []string{"jailbreak"}) || !strings.Contains(got.Reasoning, "jailbreak") || got.Tokens != 2 {
		t.Errorf("%+v", got)
	}
	got = attack{}
	s.post("/api/v1/classify/security", `{"text":"hello"}`).into(t, &got)
	if got.IsJailbreak || got.Risk >= .9 || got.Recommendation != "allow" || len(got.Types) != 0 || got.Reasoning != "" || got.Risk+got.Confidence < .999 {
		t.Errorf("%+v", got)
	}
}

type combined struct {
	Intent     *intent   `json:"intent"`
	PII        *personal `json:"pii"`
	Security   *attack   `json:"security"`
	Complexity *struct {
		Category      string             `json:"category"`
		Confidence    float64            `json:"confidence"`
		Probabilities map[string]float64 `json:"probabilities"`
		Time          float64            `json:"processing_time_ms"`
	} `json:"complexity"`
	Time    float64 `json:"processing_time_ms"`
	Tokens  int     `json:"tokens"`
	Windows int     `json:"windows"`
	Unread  int     `json:"unread_tokens"`
}

// All heads answer from one reading; one that the model lacks is null.
func TestClassifyCombined(t *testing.T) {
	s := serveHeads(t, fourHeads())
	var got combined
	s.post("/api/v1/classify/combined", `{"text":"Alice can prove math","intent_options":{"return_probabilities":true},"pii_options":{"return_positions":true},"security_options":{}}`).into(t, &got)
	if got.Intent.Classification.Category != "math" || len(got.Intent.Probabilities) != 3 || places(got.PII.Entities) != "PERSON:0-5" ||
		got.Security.IsJailbreak || got.Complexity.Category != "strong" || got.Tokens != 4 || s.model.Counts().Runs != 1 {
		t.Errorf("%+v after %d runs", got, s.model.Counts().Runs)
	}
	s = serve(t)
	got = combined{}
	a := s.post("/api/v1/classify/combined", `{"text":"math"}`)
	if a.into(t, &got); got.Intent == nil || got.PII != nil || got.Security != nil || got.Complexity != nil || !strings.Contains(a.body, `"security": null`) {
		t.Errorf("%s", a.body)
	}
}

// A question that the loaded model was not trained for is an error that names
// its heads.
func TestMissingHeads(t *testing.T) {
	s := serve(t)
	for path, body := range map[string]string{
		"pii": `{"text":"a"}`, "security": `{"text":"a"}`,
		"batch": `{"texts":["a"],"task_type":"complexity"}`,
	} {
		a := s.post("/api/v1/classify/"+path, body)
		mustFail(t, path, a, 501, "head_not_loaded")
		if !strings.Contains(a.body, "its heads are domain") || a.header.Get("X-Should-Retry") != "false" {
			t.Errorf("%s %v", a.body, a.header)
		}
	}
	for _, path := range []string{"pii", "security", "combined", "batch"} {
		mustFail(t, path, s.post("/api/v1/classify/"+path, `{"text":7}`), 400, "invalid_value")
		mustFail(t, path, s.post("/api/v1/classify/"+path, `{"text":"a","odd":1}`), 400, "invalid_value")
	}
	if param := mustFail(t, "no text", s.post("/api/v1/classify/combined", `{"text":" "}`), 400, "invalid_value"); param != "text" {
		t.Errorf("param %q", param)
	}
}
