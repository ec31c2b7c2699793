package extproc_test

import (
	"fmt"
	"strings"
	"testing"
)

const private = `
models: [{name: small}]
routing:
  default_model: small
  signals:
    pii: [{name: personal}]
  decisions:
    - {name: private, action: mask, rules: {type: pii, name: personal}}
`

const usageChunk = `data: {"id":"1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}` + "\n\n"

// event is one event of a chat stream.
func event(text string) string {
	return fmt.Sprintf("data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", text)
}

func stream(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		b.WriteString(event(text))
	}
	return b.String()
}

// Usage and the times of events are read from answers in every mode in which they
// come, wherever the wire cuts them, and nothing in them changes.
func TestAnswersAreReadInPassing(t *testing.T) {
	events := stream("a", "b", "c") + usageChunk + "data: [DONE]\n\n"
	for _, out := range []mode{streamed, buffered, partial, fullDuplex} {
		for _, back := range []*message{reply(200, "application/json", okBody), reply(200, "text/event-stream", events).without("content-length")} {
			for _, size := range []int{1, 7, 1 << 20} {
				s := serve(t, doors)
				e := s.envoy(fullDuplex, out)
				e.size = 1 << 20
				e.ask(chatWith(prompt("gpt-4", "x")))
				e.size = size
				got := e.answer(back)
				if got.body != back.body || got.get("x-vsr-selected-model") != "large" {
					t.Errorf("%v: %v %q", out, got.fields, got.body)
				}
				e.done()
				s.settled()
				eventually(t, "usage", func() bool { return s.metric(`llm_model_completion_tokens_total{model="large"}`) > 0 })
				if tokens, cost := s.metric(`llm_model_completion_tokens_total{model="large"}`), s.metric(`llm_model_cost_total{currency="USD",model="large"}`); cost != tokens {
					t.Errorf("%v: %v tokens cost %v", out, tokens, cost)
				}
				if want := s.metric(`llm_model_ttft_seconds_count{model="large"}`); (back.get("content-type") == "text/event-stream") != (want == 1) {
					t.Errorf("%v: %v first tokens", out, want)
				}
			}
		}
	}
}

// With response_body_mode NONE the usage is not known, and the metric says why.
func TestAnswersThatAreNotShown(t *testing.T) {
	s := serve(t, doors)
	e := s.envoy(fullDuplex, none)
	e.ask(chatWith(prompt("gpt-4", "x")))
	if got := e.answer(reply(200, "application/json", okBody)); got.get("x-vsr-response-path") != "upstream" {
		t.Errorf("%v", got.fields)
	}
	e.done()
	eventually(t, "counted", func() bool { return s.metric(`vsr_usage_unread_total{reason="body_not_sent"}`) == 1 })
	if s.metric(`vsr_http_requests_total{code_class="2xx",route="/v1/chat/completions"}`) != 1 {
		t.Error(s.scrape())
	}
}

// S13: a masked value never reaches the backend and always the client, in every
// mode that shows the answer, and where none does the answer says so.
func TestMaskedValuesComeBack(t *testing.T) {
	const asked = "write to a.roe@corp.example please"
	for _, in := range []mode{fullDuplex, buffered} {
		for _, out := range []mode{streamed, buffered, fullDuplex, none} {
			for _, kind := range []string{"application/json", "text/event-stream"} {
				s := serveRules(t, doors, private)
				e := s.envoy(in, out)
				went, answered := e.ask(chatWith(prompt("small", asked), "accept-encoding: gzip"))
				if answered != nil || strings.Contains(went.body, "a.roe") || went.get("accept-encoding") != "identity" {
					t.Fatalf("%v: %+v %+v", in, went, answered)
				}
				said := strings.TrimSuffix(went.body[strings.Index(went.body, "write"):], `"}]}`) // the placeholder in its place
				back := reply(200, "application/json", strings.Replace(okBody, `"4"`, fmt.Sprintf("%q", said), 1), "etag: x")
				if kind != "application/json" {
					back = reply(200, kind, stream(strings.Split(said, "")...)+"data: [DONE]\n\n").without("content-length")
				}
				e.size = 5
				got := e.answer(back)
				if out == none {
					if got.get("x-vsr-not-unmasked") != "body_not_sent" || got.body != back.body {
						t.Errorf("%v %s: %v", in, kind, got.fields)
					}
				} else if text := textOf(got.body); text != asked || got.get("etag") != "" || got.get("x-vsr-masked") != "1" {
					t.Errorf("%v %v %s: %q %v", in, out, kind, got.body, got.fields)
				}
				e.done()
				s.settled()
			}
		}
	}
}

// textOf joins what a body says, whole or in events.
func textOf(body string) string {
	var b strings.Builder
	for _, part := range strings.Split(body, `"content":"`)[1:] {
		text, _, _ := strings.Cut(part, `"`)
		b.WriteString(text)
	}
	return b.String()
}

// What was asked for on a client's behalf is taken out again, and not asked for
// where it could not be.
func TestUsageThatNobodyAskedFor(t *testing.T) {
	body := strings.Replace(prompt("gpt-4", "x"), "{", `{"stream":true,`, 1)
	for _, out := range []mode{streamed, buffered, fullDuplex, none} {
		s := serve(t, doors+"upstream: {ask_usage: true}\n")
		e := s.envoy(fullDuplex, out)
		went, _ := e.ask(chatWith(body))
		if asks := strings.Contains(went.body, "include_usage"); asks != (out != none) {
			t.Errorf("%v: sent %s", out, went.body)
		}
		e.size = 9
		got := e.answer(reply(200, "text/event-stream", stream("a")+usageChunk+"data: [DONE]\n\n").without("content-length"))
		if want := stream("a") + "data: [DONE]\n\n"; out != none && got.body != want {
			t.Errorf("%v: %q", out, got.body)
		}
		e.done()
		s.settled()
	}
}

// A text that is held back leaves before the trailers of an answer.
func TestAnswersWithTrailers(t *testing.T) {
	s := serveRules(t, doors, private)
	for _, out := range []mode{fullDuplex, buffered, streamed} {
		e := s.envoy(fullDuplex, out)
		e.ask(chatWith(prompt("small", "to a.roe@corp.example")))
		back := reply(200, "text/event-stream", stream("a", "b")).without("content-length")
		back.trailers = [][2]string{{"x-kept", "1"}, {"x-vsr-theirs", "1"}}
		got := e.answer(back)
		if textOf(got.body) != "ab" || fmt.Sprint(got.trailers) != "[[x-kept 1]]" {
			t.Errorf("%v: %q %v", out, got.body, got.trailers)
		}
		e.done()
	}
	s.settled()
}

// H6: what a backend says in our name goes no further; what it says of its origin
// is the gateway's business, and so is what Envoy adds itself.
func TestBackendsCanNotSetOurHeaders(t *testing.T) {
	s := serve(t, doors)
	e := s.envoy(buffered, streamed)
	e.ask(chatWith(prompt("gpt-4", "x")))
	got := e.answer(reply(200, "application/json", okBody, "x-vsr-selected-model: theirs", "x-vsr-other: theirs", "x_vsr_other: theirs",
		"x-selected-model: theirs", "x-gateway-destination-endpoint: theirs", "x-request-id: of-upstream", "set-cookie: a=b", "x-envoy-upstream-service-time: 5"))
	for _, f := range got.fields {
		if f[1] == "theirs" {
			t.Errorf("%s: %s", f[0], f[1])
		}
	}
	if got.get("x-vsr-selected-model") != "large" || got.get("x-request-id") != "of-upstream" || got.get("set-cookie") != "a=b" || got.get("x-envoy-upstream-service-time") != "5" {
		t.Errorf("%v", got.fields)
	}
	e.done()
}
