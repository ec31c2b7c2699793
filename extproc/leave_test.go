package extproc_test

import (
	"strings"
	"testing"
	"time"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

const onePlace = "server: {enabled: false, limits: {concurrency: 1}}\nextproc: {enabled: true}\nclassify: {deadline: 1s}\n"

// gone checks what is left of an exchange that Envoy broke off: nothing, but a
// line that calls it the client's doing.
func (s *stack) gone(what string) {
	s.t.Helper()
	eventually(s.t, what+": one line", func() bool { return len(s.log.requests()) == 1 })
	if line := s.log.requests()[0]; !strings.Contains(line, `"status":499`) || !strings.Contains(line, `"level":"INFO"`) {
		s.t.Errorf("%s: logged %s", what, line)
	}
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"level":"WARN"`) {
			s.t.Errorf("%s: logged %s", what, line)
		}
	}
	s.settled()
	if n := s.metric(`llm_model_inflight_requests{model="large"}`); n != 0 {
		s.t.Errorf("%s: %v in flight", what, n)
	}
}

// X4: a stream that is cancelled or closed, wherever that happens, leaves nothing.
func TestStreamsThatEndEarly(t *testing.T) {
	body := sized("gpt-4", 200_000)
	for _, leaves := range []string{"cancel", "half-close"} {
		for what, until := range map[string]func(*envoy){
			"after the headers": func(e *envoy) { e.headers(chatWith(body)) },
			"in the body": func(e *envoy) {
				e.headers(chatWith(body))
				e.send(e.inbound().body(&ext.HttpBody{Body: []byte(body[:100_000])}))
			},
			"before the answer": func(e *envoy) { e.ask(chatWith(body)) },
			"in the answer": func(e *envoy) {
				e.ask(chatWith(body))
				e.send(e.outbound().headers(&ext.HttpHeaders{Headers: headerMap(reply(200, "text/event-stream", "").fields)}))
				e.receive()
				e.send(e.outbound().body(&ext.HttpBody{Body: []byte(event("a"))}))
				e.receive()
			},
		} {
			s := serve(t, onePlace)
			w, cancel := s.open()
			e := &envoy{t: t, w: w, request: fullDuplex, response: streamed}
			until(e)
			eventually(t, what+": the door has it", func() bool { return s.gates.Held() > 0 || e.routed })
			if leaves == "cancel" {
				cancel()
			} else {
				_ = w.CloseSend()
			}
			s.gone(leaves + " " + what)
		}
	}
}

// headers sends the headers of a request whose body is to come.
func (e *envoy) headers(m *message) {
	e.t.Helper()
	e.send(e.inbound().headers(&ext.HttpHeaders{Headers: headerMap(m.fields)}))
}

// X4: a stream that ends while its prompt is classified ends that, too.
func TestStreamsThatEndWhileClassified(t *testing.T) {
	s := serve(t, strings.Replace(onePlace, "deadline: 1s", "deadline: 1500ms", 1))
	s.model.Set(classifytest.Knobs{Delay: time.Hour})
	w, cancel := s.open()
	e := &envoy{t: t, w: w, request: fullDuplex, response: streamed}
	body := prompt("auto", "some text")
	e.headers(chatWith(body))
	e.send(e.inbound().body(&ext.HttpBody{Body: []byte(body), EndOfStream: true}))
	eventually(t, "the model runs", func() bool { return s.model.Counts().Runs == 1 })
	cancel()
	s.gone("while classified")
	if s.metric(`vsr_classification_total{outcome="canceled"}`) != 1 || s.metric(`vsr_degraded_requests_total{reason="canceled"}`) != 0 {
		t.Error("not counted as cancelled")
	}
}

// X8: we answer within Envoy's patience whatever the classifier does: the default
// model serves.
func TestSlowClassifier(t *testing.T) {
	s := serve(t, strings.Replace(doors, "enabled: true", "enabled: true, message_timeout: 400ms", 1)+"classify: {deadline: 300ms}\n")
	s.model.Set(classifytest.Knobs{Delay: time.Hour})
	for _, in := range []mode{fullDuplex, buffered} {
		e := s.envoy(in, streamed)
		out, answered := e.ask(chatWith(prompt("auto", "some text")))
		if answered != nil || out.get("x-selected-model") != "small" {
			t.Fatalf("%+v %+v", out, answered)
		}
		if back := e.answer(reply(200, "application/json", okBody)); back.get("x-vsr-degraded-reason") != "deadline" {
			t.Errorf("%v", back.fields)
		}
		e.done()
	}
}
