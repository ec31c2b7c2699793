package proxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

// C1: open, the default model serves and the answer says why.
func TestDegradedAnswerSaysSo(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	s.model.Set(classifytest.Knobs{Err: fmt.Errorf("no")})
	a := s.chat(prompt("auto", "some text"))
	for name, want := range map[string]string{
		"X-Vsr-Response-Path": "degraded", "X-Vsr-Degraded-Reason": "error", "X-Vsr-Selected-Model": "small",
		"X-Vsr-Selected-Decision": "default", "X-Vsr-Selected-Category": "", "X-Vsr-Confidence": "",
	} {
		if a.header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, a.header.Get(name), want)
		}
	}
	if a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// The answer says what was decided; with x-vsr-debug also by which signals.
func TestDecisionHeaders(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	a := s.chat(prompt("auto", "some math"))
	for name, want := range map[string]string{
		"X-Vsr-Response-Path": "upstream", "X-Vsr-Selected-Model": "large", "X-Vsr-Selected-Decision": "mathematics",
		"X-Vsr-Selected-Category": "math", "X-Vsr-Confidence": "0.965", "X-Vsr-Schema-Version": "1",
		"X-Vsr-Degraded-Reason": "", "X-Vsr-Unread-Tokens": "", "X-Vsr-Matched-Signals": "", "X-Vsr-Timings": "",
	} {
		if a.header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, a.header.Get(name), want)
		}
	}
	a = s.send("POST", "/v1/chat/completions", prompt("auto", "some math"), func(r *http.Request) { r.Header.Set("X-Vsr-Debug", "true") })
	if a.header.Get("X-Vsr-Matched-Signals") != "domain:math" || !strings.HasPrefix(a.header.Get("X-Vsr-Timings"), "parse=") {
		t.Errorf("debug headers %v", a.header)
	}
	if got := s.backend.last(t).values("x-vsr-debug"); len(got) != 0 {
		t.Errorf("x-vsr-debug was sent on: %q", got)
	}
}

// E2: a prompt that was read in part says how much was not.
func TestUnreadTokensAreTold(t *testing.T) {
	s := serve(t, newBackend(t, nil), "classify: {max_windows: 1}\n")
	a := s.chat(prompt("auto", strings.Repeat("math ", 600))) // of which one window holds 510
	if a.status != 200 || a.header.Get("X-Vsr-Unread-Tokens") != "90" || a.header.Get("X-Vsr-Response-Path") != "upstream" || a.header.Get("X-Vsr-Selected-Category") != "math" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if line := s.lastLine(1); line.Classification != "partial" || s.metric("vsr_unread_tokens_total") != 90 || s.metric(`vsr_classification_total{outcome="partial"}`) != 1 {
		t.Errorf("logged %+v", line)
	}
}

// An operator's names are free; in a header they are plain.
func TestOddNamesMakeNoOddHeaders(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	s.swap(strings.NewReplacer("mathematics", `"größe\r\nX-Evil: 1"`, "name: solve", `name: "söl,ve\n"`).Replace(routing))
	a := s.send("POST", "/v1/chat/completions", prompt("auto", "solve"), func(r *http.Request) { r.Header.Set("X-Vsr-Debug", "true") })
	if a.status != 200 || a.header.Get("X-Evil") != "" || a.header.Get("X-Vsr-Matched-Signals") != "keyword:s_l_ve_" ||
		a.header.Get("X-Vsr-Selected-Decision") != "gr__e__X-Evil: 1" || strings.ContainsFunc(fmt.Sprint(a.header), func(r rune) bool { return r >= 0x7f }) {
		t.Errorf("%d %v", a.status, a.header)
	}
}
