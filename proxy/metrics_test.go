package proxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

// S5: what clients make up opens no series.
func TestInventedNamesOpenNoSeries(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	series := func() int { return strings.Count(s.scrape(), "\n") }
	ask := func(i int) {
		name := fmt.Sprint("made-up-", i)
		s.send("POST", "/v1/chat/completions", prompt(name, name), func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+name)
			r.Host = name + ".example"
		})
		s.send("GET", "/"+name, "", nil)
		s.send(strings.ToUpper(fmt.Sprintf("M%c%c", 'A'+i%26, 'A'+i/26%26)), "/v1/models/"+name, "", nil)
		s.send("POST", "/v1/embeddings", `{"model":"`+name+`"}`, nil)
		s.chat(strings.Replace(prompt("small", "x"), "user", name, 1))
	}
	ask(0)
	eventually(t, "five logged", func() bool { return len(s.log.requests()) == 5 })
	before := series()
	for i := range 100 {
		ask(i + 1)
	}
	eventually(t, "all logged", func() bool { return len(s.log.requests()) == 505 })
	if after := series(); after != before || after > 700 { // lines, comments included
		t.Errorf("%d lines of metrics became %d", before, after)
	}
	if strings.Contains(s.scrape(), "made-up") || s.metric(`llm_request_errors_total{model="other",reason="model_not_found"}`) != 202 {
		t.Errorf("metrics:\n%s", s.scrape())
	}
}

// The metrics of an answer: tokens, times and what routing changed, with the
// classification inside the time to the first token.
func TestMetricsOfAnAnswer(t *testing.T) {
	usage := `data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}` + "\n\n"
	s := serve(t, newBackend(t, func(w *wire) {
		for r := w.read(); r != nil; r = w.read() {
			if strings.Contains(r.body, `"stream":true`) {
				w.write(streamHead, chunked(event("a")))
				time.Sleep(100 * time.Millisecond)
				w.write(chunked(event("b")), chunked(event("c")), chunked(usage), chunked("data: [DONE]\n\n"), streamEnd)
			} else {
				w.write(ok)
			}
		}
	}), "classify: {deadline: 10s}\n")
	s.model.Set(classifytest.Knobs{Delay: 50 * time.Millisecond})
	s.chat(prompt("auto", "some math"))
	s.chat(strings.Replace(prompt("auto", "some math"), "{", `{"stream":true,`, 1))
	s.model.Set(classifytest.Knobs{Err: fmt.Errorf("no")})
	s.chat(prompt("auto", "some math"))
	s.chat(prompt("nothing", "x"))
	eventually(t, "all logged", func() bool { return len(s.log.requests()) == 4 })
	for series, want := range map[string]float64{
		`llm_model_requests_total{model="large"}`:                                         2,
		`llm_model_requests_total{model="small"}`:                                         1,
		`llm_model_inflight_requests{model="large"}`:                                      0,
		`llm_model_prompt_tokens_total{model="large"}`:                                    18,
		`llm_model_completion_tokens_total{model="large"}`:                                8,
		`llm_model_tokens_total{model="large"}`:                                           26,
		`llm_model_cost_total{currency="EUR",model="large"}`:                              17,
		`llm_model_ttft_seconds_count{model="large"}`:                                     1,
		`llm_model_tpot_seconds_count{model="large"}`:                                     1,
		`llm_model_completion_latency_seconds_count{model="large"}`:                       2,
		`llm_model_routing_modifications_total{source_model="auto",target_model="large"}`: 2,
		`llm_model_routing_modifications_total{source_model="auto",target_model="small"}`: 1,
		`llm_model_routing_latency_seconds_count`:                                         4,
		`llm_signal_extraction_total{signal_name="math",signal_type="domain"}`:            2,
		`llm_signal_match_total{signal_name="math",signal_type="domain"}`:                 2,
		`llm_signal_extraction_total{signal_name="solve",signal_type="keyword"}`:          3,
		`llm_signal_match_total{signal_name="solve",signal_type="keyword"}`:               0,
		`llm_decision_match_total{decision_name="mathematics"}`:                           2,
		`llm_decision_match_total{decision_name="default"}`:                               1,
		`llm_request_errors_total{model="other",reason="model_not_found"}`:                1,
		`vsr_classification_total{outcome="ok"}`:                                          2,
		`vsr_classification_total{outcome="error"}`:                                       1,
		`vsr_classification_seconds_count`:                                                3,
		`vsr_degraded_requests_total{reason="error"}`:                                     1,
		`vsr_tpot_estimated_total`:                                                        0,
		`vsr_http_requests_total{code_class="2xx",route="/v1/chat/completions"}`:          3,
		`vsr_http_requests_total{code_class="4xx",route="/v1/chat/completions"}`:          1,
	} {
		if got := s.metric(series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	if ttft := s.metric(`llm_model_ttft_seconds_sum{model="large"}`); ttft < .05 || ttft > 5 {
		t.Errorf("time to the first token is %vs: it begins with the request, so before the 50 ms of classification", ttft)
	}
	if tpot := s.metric(`llm_model_tpot_seconds_sum{model="large"}`); tpot < .01 || tpot > 5 {
		t.Errorf("time per token is %vs, of 100 ms over two tokens", tpot)
	}
}

// C1: a refusal because of the classifier is an error, not a degraded request.
func TestRefusedIsNotDegraded(t *testing.T) {
	s := serve(t, newBackend(t, nil), "classify: {on_failure: refuse}\n")
	s.model.Set(classifytest.Knobs{Panic: true})
	a := s.chat(prompt("auto", "some text"))
	mustFail(t, "refused", a, 503, "classification_failed")
	if a.header.Get("X-Should-Retry") != "false" || s.backend.hits() != 0 {
		t.Errorf("%v, %d at the backend", a.header, s.backend.hits())
	}
	s.lastLine(1)
	if s.metric(`vsr_degraded_requests_total{reason="panic"}`) != 0 || s.metric(`vsr_classification_total{outcome="panic"}`) != 1 ||
		s.metric(`llm_request_errors_total{model="auto",reason="classification_failed"}`) != 1 {
		t.Errorf("metrics:\n%s", s.scrape())
	}
}

// What the classifier can't read is counted by kind.
func TestUnreadMediaAreCounted(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	a := s.chat(`{"model":"auto","messages":[{"role":"user","content":[{"type":"text","text":"some math"},{"type":"image_url","image_url":{"url":"http://127.0.0.1:1/x.png"}},{"type":"input_audio","input_audio":{"data":"","format":"wav"}}]}]}`)
	s.send("POST", "/v1/completions", `{"model":"auto","prompt":[1,2,3]}`, nil)
	s.send("POST", "/v1/responses", `{"model":"auto","input":"math","previous_response_id":"r"}`, nil)
	s.lastLine(3)
	for kind, want := range map[string]float64{"image": 1, "audio": 1, "file": 0, "token_prompt": 1, "stored_context": 1} {
		if got := s.metric(`vsr_unread_media_total{kind="` + kind + `"}`); got != want {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
	if a.header.Get("X-Vsr-Selected-Model") != "large" {
		t.Errorf("%d %v", a.status, a.header)
	}
}
