package extproc_test

import (
	"strings"
	"testing"

	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

// X3: a second end of the body, more of it behind its end, and an empty last piece
// are ignored and counted; the body goes on once.
func TestBodiesThatEndTwice(t *testing.T) {
	s := serve(t, doors)
	body := sized("gpt-4", 100_000)
	e := s.envoy(fullDuplex, streamed)
	send := func(piece string, ends bool) {
		e.send(e.inbound().body(&ext.HttpBody{Body: []byte(piece), EndOfStream: ends}))
	}
	e.headers(chatWith(body))
	send(body[:50_000], false)
	send(body[50_000:], false)
	send("", true)
	send("", true)
	send("more", false)
	send("more", true)
	if c := e.common(e.receive(), "request headers"); !c.GetClearRouteCache() {
		t.Errorf("%v", c)
	}
	var got strings.Builder
	for ended := false; !ended; {
		piece := e.common(e.receive(), "request body").GetBodyMutation().GetStreamedResponse()
		got.Write(piece.GetBody())
		ended = piece.GetEndOfStream()
	}
	if want := strings.Replace(body, "gpt-4", "org/large", 1); got.String() != want {
		t.Errorf("%d bytes of %d", got.Len(), len(want))
	}
	back := e.answer(reply(200, "application/json", okBody))
	e.done()
	if back.body != okBody || s.metric(`vsr_envoy_ignored_messages_total{kind="body_after_end"}`) != 3 {
		t.Errorf("%q, counted %v", back.body, s.metric(`vsr_envoy_ignored_messages_total{kind="body_after_end"}`))
	}
}

// X5: what no request of ours came before passes, answered in its own oneof.
func TestMessagesWithoutARequest(t *testing.T) {
	s := serve(t, doors)
	for _, m := range []mode{none, streamed, buffered, partial, fullDuplex} {
		e := s.envoy(m, m) // Envoy's own answer, before any request was seen
		if got := e.answer(reply(503, "text/plain", "no healthy upstream")); got.body != "no healthy upstream" || len(got.fields) > 3 {
			t.Errorf("%v: %+v", m, got)
		}
		e.done()

		e = s.envoy(m, m) // a body without headers, as with request_header_mode SKIP
		e.send(e.inbound().body(&ext.HttpBody{Body: []byte("text"), EndOfStream: true}))
		c := e.common(e.receive(), "request body")
		if c.GetHeaderMutation() != nil || m != fullDuplex && c.GetBodyMutation() != nil || m == fullDuplex && string(c.GetBodyMutation().GetStreamedResponse().GetBody()) != "text" {
			t.Errorf("%v: %v", m, c)
		}
		e.done()

		e = s.envoy(m, m)
		e.send(e.inbound().trailers(&ext.HttpTrailers{}))
		if got := e.receive(); got.GetRequestTrailers() == nil {
			t.Errorf("%v: %v", m, got)
		}
		e.done()
	}
	e := s.envoy(buffered, none) // a message that has nothing to be answered in
	e.send(&ext.ProcessingRequest{})
	e.done()
	if len(s.log.requests()) != 0 || s.metric(`vsr_envoy_ignored_messages_total{kind="unknown"}`) != 1 {
		t.Error(s.log.String())
	}
}

// X5, X9: requests that are not below /v1/ pass, without what they say in our name, nor
// by the route that they chose with it; one that a server could take for one below it does not.
func TestOtherPathsPass(t *testing.T) {
	s := serve(t, doors)
	for _, m := range []mode{none, streamed, buffered, partial, fullDuplex} {
		for _, path := range []string{"/", "/health", "/v2/chat/completions", "/v1", "/api/v1/x", "/metrics?x=/v1/", ""} {
			e := s.envoy(m, m)
			out, answered := e.exchange(e.inbound(), post(path, "text", "x-selected-model: theirs", "x-vsr-skip: theirs", "x_vsr_skip: theirs", "x-gateway-model-name: theirs", "x-kept: 1"))
			if answered != nil || out.body != "text" || out.get("x-kept") != "1" || strings.Contains(strings.Join(flat(out.fields), " "), "theirs") {
				t.Errorf("%v %s: %+v %+v", m, path, out, answered)
				continue
			}
			if !e.routed {
				t.Errorf("%v %s: it keeps the route that the client chose", m, path)
			}
			if back := e.answer(reply(200, "text/html", "hello", "etag: x")); back.body != "hello" || back.get("x-vsr-response-path") != "" || back.get("etag") != "x" {
				t.Errorf("%v %s: %+v", m, path, back)
			}
			e.done()
		}
		for _, path := range []string{"/v1/", "/x/../v1/chat/completions", "//v1/chat/completions", "/%76%31/chat/completions", "/V1/chat/completions", "/v1%2fchat/completions", "/%2576%2531/chat/completions", `/\v1\chat/completions`, "/./v1/completions", "/;x/v1/chat/completions"} {
			_, answered := s.envoy(m, m).ask(post(path, prompt("auto", "x")))
			refused(t, m.String()+" "+path, answered, 404, "unknown_url")
		}
	}
	e := s.envoy(buffered, none)
	if out, _ := e.exchange(e.inbound(), post("/other", "text")); out == nil || e.routed {
		t.Errorf("%+v: it is routed anew for nothing: %v", out, e.routed)
	}
	s.settled()
}

// X5: a browser's question before it sends anything passes to the gateway's CORS policy,
// and says nothing in our name; what only looks like one does not.
func TestPreflightsPass(t *testing.T) {
	s := serve(t, doors)
	ask := func(m mode, path, body string, fields ...string) (*envoy, *message, *immediate) {
		e := s.envoy(m, m)
		request := &message{body: body, fields: [][2]string{{":method", "OPTIONS"}, {":path", path}, {":authority", "a.test"}, {"origin", "https://b.test"}}}
		out, answered := e.exchange(e.inbound(), request.with(fields...))
		return e, out, answered
	}
	const asks = "access-control-request-method: POST"
	for _, m := range []mode{none, streamed, buffered, partial, fullDuplex} {
		e, out, answered := ask(m, "/v1/chat/completions", "", asks, "x-selected-model: theirs")
		if answered != nil || out.get("x-selected-model") != "" || out.get("origin") == "" || !e.routed {
			t.Errorf("%v: %+v %+v", m, out, answered)
			continue
		}
		if back := e.answer(reply(200, "text/plain", "", "access-control-allow-origin: *")); back.get("access-control-allow-origin") != "*" || back.get("x-vsr-response-path") != "" {
			t.Errorf("%v: %+v", m, back)
		}
		e.done()
	}
	_, _, answered := ask(buffered, "/v1/chat/completions", "")
	refused(t, "no preflight", answered, 405, "method_not_supported")
	_, _, answered = ask(buffered, "/v1/chat/completions", prompt("auto", "x"), asks)
	refused(t, "one with a body", answered, 405, "method_not_supported")
	_, _, answered = ask(buffered, "//v1/chat/completions", "", asks)
	refused(t, "one in disguise", answered, 404, "unknown_url")
	s.settled()
	eventually(t, "three lines", func() bool { return len(s.log.requests()) == 3 })
}

func flat(fields [][2]string) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f[0]+": "+f[1])
	}
	return out
}

// X6: in observability_mode requests are decided and recorded, and nothing is
// answered, because nobody waits for it.
func TestObservabilityMode(t *testing.T) {
	s := serve(t, doors)
	for _, model := range []string{"auto", "unknown"} {
		e := s.envoy(streamed, streamed)
		look := func(m *ext.ProcessingRequest) {
			m.ObservabilityMode = true
			e.send(m)
		}
		body := prompt(model, "solve")
		look(e.inbound().headers(&ext.HttpHeaders{Headers: headerMap(chatWith(body).fields)}))
		look(e.inbound().body(&ext.HttpBody{Body: []byte(body[:10])}))
		look(e.inbound().body(&ext.HttpBody{Body: []byte(body[10:]), EndOfStream: true}))
		if model == "auto" {
			back := reply(200, "application/json", okBody)
			look(e.outbound().headers(&ext.HttpHeaders{Headers: headerMap(back.fields)}))
			look(e.outbound().body(&ext.HttpBody{Body: []byte(okBody), EndOfStream: true}))
		}
		e.done()
	}
	s.settled()
	eventually(t, "two lines", func() bool { return len(s.log.requests()) == 2 })
	if s.metric(`llm_decision_match_total{decision_name="mathematics"}`) != 1 || s.metric(`llm_model_completion_tokens_total{model="large"}`) != 5 ||
		!strings.Contains(s.log.String(), `"refused":"model_not_found"`) {
		t.Error(s.log.String())
	}
}

// X6: no mode is asked to change, and a stream whose body Envoy sends without
// waiting for the headers' reply is answered in the order of HTTP.
func TestBodySentWithoutWaiting(t *testing.T) {
	s := serve(t, strings.Replace(doors, "enabled: true", "enabled: true, on_unread_body: default", 1))
	e := s.envoy(streamed, streamed)
	body := prompt("auto", "hello")
	e.headers(chatWith(body))
	e.send(e.inbound().body(&ext.HttpBody{Body: []byte(body[:10])}))
	e.send(e.inbound().body(&ext.HttpBody{Body: []byte(body[10:]), EndOfStream: true}))
	e.common(e.receive(), "request headers")
	e.common(e.receive(), "request body")
	if c := e.common(e.receive(), "request body"); string(c.GetBodyMutation().GetBody()) != prompt("small", "hello") {
		t.Errorf("%v", c)
	}
	e.done()
}
