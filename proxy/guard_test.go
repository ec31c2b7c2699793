package proxy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

const guardRouting = `
models:
  - {name: small, endpoints: [{url: "http://BACKEND"}]}
routing:
  default_model: small
  signals:
    jailbreak: [{name: attack}]
    pii: [{name: personal}]
  decisions:
    - {name: no attacks, priority: 2, action: block, rules: {type: jailbreak, name: attack}}
    - {name: no leaks, priority: 1, action: block, rules: {type: pii, name: personal}}
`

// serveProtected runs a door whose classifier has heads for attacks ("jailbreak")
// and names ("Alice").
func serveProtected(t *testing.T, sections string) *stack {
	t.Helper()
	s := serve(t, newBackend(t, nil), "")
	s.model = classifytest.New(classifytest.Options{Heads: []classifytest.Head{
		{Head: classifytest.Domain("math", "other"), Words: map[string]string{"integral": "math"}},
		{Head: classify.Head{
			Name: "jailbreak", Kind: classify.KindSequence, Labels: []string{"benign", "jailbreak"}, Temperature: 1,
			Merge: classify.MergeMax, Positive: "jailbreak", Threshold: .9,
		}, Words: map[string]string{"jailbreak": "jailbreak"}},
		{Head: classify.Head{Name: "pii", Kind: classify.KindToken, Labels: []string{"O", "B-PERSON", "I-PERSON"}, Temperature: 1},
			Words: map[string]string{"alice": "B-PERSON"}},
	}})
	s.metrics.Admit(telemetry.Names{Decisions: []string{"no attacks", "no leaks"}, Signals: []string{"attack", "personal"}, PIITypes: []string{"PERSON"}})
	s.swap(sections + guardRouting)
	return s
}

func code(t *testing.T, a answer) string {
	t.Helper()
	var e struct {
		Error struct{ Message, Type, Code string }
	}
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || e.Error.Message == "" || e.Error.Type == "" || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return e.Error.Code
}

// H1, S2: a blocked request is answered with 403 in OpenAI's shape, which SDKs
// don't try again, whatever headers came with it. It reaches no backend, is
// counted, and leaves a line with ids, scores and sizes and not a word of the
// prompt.
func TestBlockedRequest(t *testing.T) {
	const canary = "CANARY81c4"
	s := serveProtected(t, "")
	for i, headers := range []map[string]string{
		nil,
		{"X-Selected-Model": "small", "X-Vsr-Selected-Decision": "explicit", "X-Vsr-Looper-Request": "true", "X-Vsr-Response-Path": "upstream"},
		{"X-Vsr-Debug": "true"},
	} {
		for _, model := range []string{"auto", "small"} {
			a := s.send("POST", "/v1/chat/completions", prompt(model, canary+" jailbreak"), func(r *http.Request) {
				for name, value := range headers {
					r.Header.Set(name, value)
				}
			})
			if a.status != 403 || code(t, a) != "content_blocked" || strings.Contains(a.body, canary) {
				t.Fatalf("%d %s", a.status, a.body)
			}
			for name, want := range map[string]string{
				"X-Should-Retry": "false", "X-Vsr-Response-Path": "blocked", "X-Vsr-Selected-Decision": "no attacks",
				"X-Vsr-Selected-Model": "", "X-Vsr-Selected-Category": "", "X-Vsr-Confidence": "",
				"X-Vsr-Matched-Signals": map[bool]string{true: "jailbreak:attack"}[i == 2],
			} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		}
	}
	if s.backend.hits() != 0 {
		t.Errorf("%d requests reached the backend", s.backend.hits())
	}
	line := s.lastLine(6)
	if line.Status != 403 || line.Decision != "no attacks" || line.Path != "blocked" || line.Refused != "content_blocked" || line.Level != "INFO" {
		t.Errorf("logged %+v", line)
	}
	raw := s.log.requests()[5]
	if !strings.Contains(raw, `"signals":["jailbreak:attack=0.9`) || !strings.Contains(raw, `"read":["all:ok"]`) || !strings.Contains(raw, `"tokens":2`) || strings.Contains(s.log.String(), canary) {
		t.Errorf("logged %s", raw)
	}
	for series, want := range map[string]float64{
		`vsr_blocked_requests_total{decision_name="no attacks"}`:                 6,
		`llm_decision_match_total{decision_name="no attacks"}`:                   6,
		`llm_signal_match_total{signal_name="attack",signal_type="jailbreak"}`:   6,
		`llm_request_errors_total{model="small",reason="content_blocked"}`:       3,
		`vsr_http_requests_total{code_class="4xx",route="/v1/chat/completions"}`: 6,
		`vsr_guard_failures_total{reason="error",result="refused"}`:              0,
		`llm_model_requests_total{model="small"}`:                                0,
		`vsr_classification_total{outcome="ok"}`:                                 6,
	} {
		if got := s.metric(series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

// Personal data is counted by its type.
func TestPersonalDataIsCountedByType(t *testing.T) {
	s := serveProtected(t, "")
	if a := s.chat(prompt("small", "write to Alice")); a.status != 403 || a.header.Get("X-Vsr-Selected-Decision") != "no leaks" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	if a := s.chat(prompt("small", "hello")); a.status != 200 || a.header.Get("X-Vsr-Selected-Decision") != "explicit" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	s.lastLine(2)
	if got := s.metric(`vsr_pii_spans_total{pii_type="PERSON"}`); got != 1 {
		t.Errorf("%v persons", got)
	}
}

// C1: what could not be checked is refused without a retry, counted, and named in
// the log; unless the configuration lets it through, which is counted too.
func TestUncheckedRequest(t *testing.T) {
	for policy, status := range map[string]int{"refuse": 503, "allow": 200} {
		s := serveProtected(t, "classify: {on_guard_failure: "+policy+"}\n")
		s.model.Set(classifytest.Knobs{Err: errors.New("boom")})
		a := s.chat(prompt("small", "hello"))
		if a.status != status {
			t.Fatalf("%s: %d %s", policy, a.status, a.body)
		}
		result, failures := "allowed", 2.0
		if policy == "refuse" {
			result, failures = "refused", 1
			if code(t, a) != "classification_failed" || a.header.Get("X-Should-Retry") != "false" || a.header.Get("X-Vsr-Response-Path") != "error" || s.backend.hits() != 0 {
				t.Errorf("%s %v, %d hits", a.body, a.header, s.backend.hits())
			}
		}
		s.lastLine(1)
		if got := s.metric(fmt.Sprintf(`vsr_guard_failures_total{reason="error",result=%q}`, result)); got != failures {
			t.Errorf("%s: %v failures", policy, got)
		}
		if line := s.log.requests()[0]; !strings.Contains(line, `"unchecked":["no attacks:error"`) {
			t.Errorf("%s: logged %s", policy, line)
		}
	}
}

// E7: media that nothing reads is counted where a rule protects, too.
func TestMediaOfAGuardedRequestIsCounted(t *testing.T) {
	s := serveProtected(t, "")
	a := s.chat(`{"model":"small","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://h/x.png"}}]}]}`)
	s.lastLine(1)
	if got := s.metric(`vsr_unread_media_total{kind="image"}`); a.status != 200 || got != 1 {
		t.Errorf("%d %s, %v images", a.status, a.body, got)
	}
}
