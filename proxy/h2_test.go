package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// newH2Client speaks HTTP/2 with prior knowledge.
func newH2Client(t testing.TB) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: protocols}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 2 * patience}
}

// The door serves HTTP/2 without TLS: whole answers, streams and errors.
func TestHTTP2(t *testing.T) {
	s := serve(t, newBackend(t, func(w *wire) {
		for r := w.read(); r != nil; r = w.read() {
			if strings.Contains(r.body, `"stream":true`) {
				w.write(streamHead, chunked(event("a")), chunked(event("b")), chunked("data: [DONE]\n\n"), streamEnd)
			} else {
				w.write(ok)
			}
		}
	}), small)
	s.client = newH2Client(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for body, want := range map[string]string{
				prompt("small", "x"): okBody,
				strings.Replace(prompt("small", "x"), "{", `{"stream":true,`, 1): event("a") + event("b") + "data: [DONE]\n\n",
			} {
				resp, err := s.client.Post("http://"+s.addr+"/v1/chat/completions", "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.ProtoMajor != 2 || resp.StatusCode != 200 || string(text) != want || err != nil {
					t.Errorf("%s %d %s %v", resp.Proto, resp.StatusCode, text, err)
				}
			}
		})
	}
	all.Wait()
	mustFail(t, "bad body", s.chat("{"), 400, "invalid_json")
	mustFail(t, "unknown path", s.send("GET", "/nothing", "", nil), 404, "unknown_url")
	mustFail(t, "reserved", s.send("POST", "/v1/chat/completions", prompt("small", "x"), func(r *http.Request) { r.Header.Set("x_selected_model", "theirs") }), 400, "reserved_header")
	mustFail(t, "too large", s.chat(padded(64<<10+1)), 413, "request_too_large")
	if a := s.chat(prompt("small", "x")); a.status != 200 {
		t.Errorf("after a refusal: %d", a.status)
	}
}

// H4: what HTTP/2 allows in a target and HTTP/1 does not never becomes a second
// request of the backend's connection.
func TestHTTP2TargetsAreNotSmuggled(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	s.client = newH2Client(t)
	ask := func(change func(*http.Request)) (answer, error) {
		req, _ := http.NewRequest("POST", "http://"+s.addr+"/v1/chat/completions", strings.NewReader(prompt("small", "x")))
		change(req)
		resp, err := s.client.Do(req)
		if err != nil {
			return answer{}, err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return answer{resp.StatusCode, resp.Header, string(text), err}, nil
	}
	for _, query := range []string{"a b", "a HTTP/1.1", "a#b", "\u00e9", "a HTTP/1.1\r\nX: y"} {
		a, err := ask(func(r *http.Request) { r.URL.RawQuery = query })
		if err == nil { // else net/http has refused it for us
			mustFail(t, query, a, 400, "invalid_url")
		}
	}
	if s.backend.hits() != 0 {
		t.Errorf("%d requests at the backend", s.backend.hits())
	}
	for name, value := range map[string]string{"Transfer-Encoding": "chunked", "Content-Length": "3"} {
		before := s.backend.hits()
		_, _ = ask(func(r *http.Request) { r.Header.Set(name, value) }) // refused by either side, or ignored
		if n := s.backend.hits() - before; n > 1 {
			t.Errorf("%s: %d requests at the backend", name, n)
		}
	}
}
