package extproc_test

import (
	"fmt"
	"strings"
	"testing"
)

// sized is a chat body of exactly n bytes, as far as one can be so small.
func sized(model string, n int) string {
	body := prompt(model, "")
	if fill := n - len(body); fill > 0 {
		body = prompt(model, strings.Repeat("x", fill))
	}
	return body
}

var sizes = []int{1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1 << 20, 8 << 20}

// X1, X2: in every mode that sends the whole body it reaches the backend as it
// was, but for the model.
func TestBodiesArriveInEveryMode(t *testing.T) {
	s := serve(t, doors)
	for _, in := range []mode{buffered, partial, fullDuplex} {
		for _, n := range sizes {
			for _, sentAs := range []string{"length", "chunked", "trailers"} {
				if in == partial && sentAs == "trailers" {
					continue // what Envoy sends then can't be told from a body that was cut
				}
				body := sized("gpt-4", n)
				m := chatWith(body)
				switch sentAs {
				case "chunked":
					m.without("content-length")
				case "trailers":
					m.without("content-length").trailers = [][2]string{{"x-checksum", "1"}, {"x-selected-model", "theirs"}}
				}
				e := s.envoy(in, none)
				out, answered := e.ask(m)
				what := fmt.Sprint(in, " ", len(body), " ", sentAs)
				if answered != nil {
					t.Errorf("%s: answered %+v", what, answered)
					continue
				}
				if want := strings.Replace(body, "gpt-4", "org/large", 1); out.body != want {
					t.Errorf("%s: %d bytes arrived of %d, equal: %v", what, len(out.body), len(want), out.body == want)
				}
				if out.get("x-selected-model") != "large" || len(out.all("x-vsr-request-id")) != 1 {
					t.Errorf("%s: %v", what, out.fields)
				}
				if sentAs == "trailers" && fmt.Sprint(out.trailers) != "[[x-checksum 1]]" {
					t.Errorf("%s: trailers %v", what, out.trailers)
				}
				e.done()
			}
		}
	}
	s.settled()
}

// X1: a body of no bytes is the HTTP door's 400, in each mode that would send it.
func TestEmptyBodies(t *testing.T) {
	s := serve(t, doors)
	for _, in := range []mode{buffered, partial, fullDuplex, streamed, none} {
		_, answered := s.envoy(in, none).ask(chatWith(""))
		refused(t, in.String(), answered, 400, "invalid_json")
	}
	s.settled()
}

// X1, H1: trailers that follow the headers at once end a body of no bytes, of which
// Envoy shows nothing where it buffers. It is refused as any empty one; where Envoy is
// set up to show no trailers either, nothing in our name goes on.
func TestTrailersWithoutABody(t *testing.T) {
	s := serve(t, doors)
	ask := func(in mode, skipped bool, length string) (*envoy, *message, *immediate) {
		m := chatWith("", "x-selected-model: large", "x-vsr-debug: true", "x-gateway-model-name: large")
		if length == "" {
			m.without("content-length")
		}
		m.trailers = [][2]string{{"x-selected-model", "large"}}
		e := s.envoy(in, none)
		e.trailersSkipped = skipped
		out, answered := e.exchange(e.inbound(), m)
		return e, out, answered
	}
	for _, in := range []mode{buffered, partial, fullDuplex} {
		for _, length := range []string{"0", ""} {
			_, _, answered := ask(in, false, length)
			refused(t, fmt.Sprint(in, " of length ", length), answered, 400, "invalid_json")
		}
	}
	for _, in := range []mode{buffered, partial} {
		_, _, answered := ask(in, true, "0")
		refused(t, in.String()+" without trailers", answered, 400, "invalid_json")
		e, out, answered := ask(in, true, "")
		if answered != nil || !e.routed {
			t.Errorf("%v: answered %+v, routed anew: %v", in, answered, e.routed)
			continue
		}
		for _, name := range []string{"x-selected-model", "x-vsr-debug", "x-gateway-model-name"} {
			if out.get(name) != "" {
				t.Errorf("%v: %s: %s", in, name, out.get(name))
			}
		}
		_ = e.w.CloseSend()
	}
	s.settled()
}

// X1: a body that does not come whole before the headers must go is refused, or
// goes to the default model; nothing is guessed from half of it.
func TestUnreadBodies(t *testing.T) {
	body := sized("gpt-4", 100_000)
	for _, in := range []mode{none, streamed, partial} {
		s := serve(t, doors)
		e := s.envoy(in, streamed)
		e.limit = 50_000
		_, answered := e.ask(chatWith(body).without("content-length"))
		refused(t, in.String(), answered, 400, "body_not_sent")
		s.settled()

		s = serve(t, strings.Replace(doors, "enabled: true", "enabled: true, on_unread_body: default", 1))
		e = s.envoy(in, streamed)
		e.limit = 50_000
		out, answered := e.ask(chatWith(body).without("content-length"))
		if answered != nil {
			t.Errorf("%v: answered %+v", in, answered)
			continue
		}
		want := body
		if in == streamed { // the model's name goes with the last piece
			want = strings.Replace(body, "gpt-4", "small", 1)
		}
		if out.body != want || out.get("x-selected-model") != "small" {
			t.Errorf("%v: %v, equal: %v", in, out.fields, out.body == want)
		}
		back := e.answer(reply(200, "application/json", okBody))
		if back.get("x-vsr-response-path") != "degraded" || back.get("x-vsr-degraded-reason") != "body_unread" || back.get("x-vsr-selected-model") != "small" {
			t.Errorf("%v: %v", in, back.fields)
		}
		e.done()
		s.settled()
		if s.metric(`vsr_degraded_requests_total{reason="body_unread"}`) != 1 {
			t.Errorf("%v: not counted", in)
		}
	}
}

// X1: where the length is known, a cut body that is whole all the same is read.
func TestWholeInOnePiece(t *testing.T) {
	s := serve(t, doors)
	body := prompt("auto", "solve")
	e := s.envoy(partial, none)
	m := chatWith(body)
	m.trailers = [][2]string{{"x-t", "1"}} // and so no end_of_stream
	out, answered := e.ask(m)
	if answered != nil || out.get("x-selected-model") != "large" {
		t.Errorf("%+v %+v", out, answered)
	}
}

// A version of Envoy that does not tell its modes is taken to buffer.
func TestModesThatAreNotTold(t *testing.T) {
	s := serve(t, doors)
	for _, in := range []mode{buffered, partial} {
		e := s.envoy(in, none)
		e.old = true
		out, answered := e.ask(chatWith(prompt("auto", "solve")))
		if answered != nil || out.get("x-selected-model") != "large" || !strings.Contains(out.body, "org/large") {
			t.Errorf("%v: %+v %+v", in, out, answered)
		}
	}
	e := s.envoy(streamed, none)
	e.old = true
	_, answered := e.ask(chatWith(sized("auto", 40_000)).without("content-length"))
	refused(t, "streamed", answered, 400, "body_not_sent")
}

const stops = `
models: [{name: small}]
routing:
  default_model: small
  signals:
    jailbreak: [{name: attack}]
  decisions:
    - {name: stop, action: block, rules: {type: jailbreak, name: attack}}
`

// What protects is tried even where the headers had to go first, and a request of
// which nothing is read is not let past it.
func TestUnreadBodiesAndProtection(t *testing.T) {
	on := strings.Replace(doors, "enabled: true", "enabled: true, on_unread_body: default", 1)
	for _, in := range []mode{none, streamed, partial} {
		s := serveRules(t, on, stops)
		e := s.envoy(in, none)
		e.limit = 10
		_, answered := e.ask(chatWith(prompt("small", "hello")).without("content-length"))
		refused(t, in.String(), answered, 503, "classification_failed")
	}
	s := serveRules(t, on+"classify: {on_guard_unread: allow}\n", stops)
	_, answered := s.envoy(streamed, none).ask(chatWith(prompt("small", "a jailbreak")))
	refused(t, "an attack in a late body", answered, 403, "content_blocked")
	e := s.envoy(streamed, none)
	if out, answered := e.ask(chatWith(prompt("auto", "hello"))); answered != nil || out.body != prompt("small", "hello") {
		t.Errorf("%+v %+v", out, answered)
	}
	e.done()
	s.settled()
}
