//go:build e2e

package envoy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// spoofs are lines by which a client might try to choose the pool itself.
var spoofs = []string{
	"x-selected-model: phi4-mini",
	"X-Selected-Model: phi4-mini",
	"X-SELECTED-MODEL: phi4-mini",
	"x-selected-model:phi4-mini",
	"x-selected-model: phi4-mini\r\nx-selected-model: phi4-mini",
	"x-selected-model: llama3-8b\r\nX-Selected-Model: phi4-mini",
	"x-selected-model: phi4-mini, llama3-8b",
	"x-selected-model: phi4-mini\r\nConnection: x-selected-model",
	"x_selected_model: phi4-mini",
	"X-Selected_Model: phi4-mini",
	"x-vsr-selected-model: phi4-mini",
	"x-vsr-request-id: chosen",
	"x-gateway-model-name: phi4-mini",
	"x-gateway-destination-endpoint: 127.0.0.1:1",
	"x-gateway-inference-objective: mine",
	"x-envoy-original-path: /v1/x\r\nx-selected-model: phi4-mini",
}

// X9, H1: a client's own header chooses no pool and reaches no backend, in
// whatever spelling, over HTTP/1.1 and HTTP/2, with the processor up and down.
func TestClientCannotChooseThePool(t *testing.T) {
	p := processor(t, doors+routes)
	open := gateway(t, p.Addr)
	duplex := gateway(t, p.Addr, reading("FULL_DUPLEX_STREAMED"))
	for _, up := range []bool{true, false} {
		if !up {
			p.Kill()
		}
		for _, e := range []*rig.Envoy{open, duplex} {
			for _, line := range spoofs {
				spoof(t, e, line, up)
			}
		}
	}
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
}

// spoof asks for the default model, and says with a header that it wants another.
func spoof(t *testing.T, e *rig.Envoy, line string, up bool) {
	t.Helper()
	body := chat(llama, plainPrompt)
	id := newID()
	c := dial(t, e.Addr)
	c.head(t, id, len(body), line)
	c.write(t, string(body))
	judgeSpoof(t, line, c.reply(t, id), up)
	c.Close()

	header := make(http.Header)
	for one := range strings.SplitSeq(line, "\r\n") {
		name, value, _ := strings.Cut(one, ":")
		if !strings.EqualFold(name, "connection") { // HTTP/2 has no such header
			header.Add(name, strings.TrimSpace(value))
		}
	}
	req, id, err := call{body: body, header: header}.request(t.Context(), e.URL)
	if err != nil {
		t.Fatal(err)
	}
	judgeSpoof(t, "h2 "+line, overHTTP2(t, req, id), up)
}

// overHTTP2 sends a request in a connection of its own.
func overHTTP2(t *testing.T, req *http.Request, id string) reply {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{id: id, status: resp.StatusCode, header: resp.Header, body: body}
}

// H1, X1: nothing passes in trailers that only the router may say, whichever filter
// takes the request; and trailers behind no body at all are no way around it.
func TestClientCannotSpeakInTrailers(t *testing.T) {
	p := processor(t, doors+routes)
	for _, mode := range []string{asShipped, "BUFFERED", "FULL_DUPLEX_STREAMED"} {
		e := gateway(t, p.Addr, reading(mode), func(g *rig.Gateway) {
			for i := range g.Pools {
				g.Pools[i].HTTP2 = true
			}
		})
		for _, chunked := range []bool{false, true} {
			req, id := withTrailers(t, e, call{body: chat("auto", mathPrompt), chunked: chunked})
			r := overHTTP2(t, req, id)
			a := arrived(id)
			wantArrival(t, r, a, phi, chat(phi, mathPrompt))
			for name, values := range a[0].Trailer {
				if kept := name == "X-Kept"; kept != (len(values) > 0) {
					t.Errorf("%q, chunked %v: trailer %s %q", mode, chunked, name, values)
				}
			}
			if a[0].Trailer["X-Kept"] == nil {
				t.Errorf("%q, chunked %v: no trailers reached the backend: %v", mode, chunked, a[0].Trailer)
			}
		}
		req, id := withTrailers(t, e, call{body: []byte{}, chunked: true, header: http.Header{"X-Selected-Model": {phi}}})
		wantRefusal(t, overHTTP2(t, req, id), arrived(id), 400, "invalid_json")
		quiet(t, e)
	}
}

// X5, X9: a browser's preflight passes to the gateway, by the route for requests that
// nothing was decided about, whatever it says in the router's name.
func TestPreflightPasses(t *testing.T) {
	p := processor(t, doors+routes)
	for _, mode := range []string{asShipped, "BUFFERED"} {
		e := gateway(t, p.Addr, reading(mode), func(g *rig.Gateway) { g.Unstripped = true })
		header := http.Header{"Origin": {"https://b.test"}, "Access-Control-Request-Method": {"POST"}, "X-Selected-Model": {phi}}
		r := call{method: http.MethodOptions, header: header}.do(t, e.URL)
		if a := arrived(r.id); r.status != 200 || r.model() != "" || len(a) != 1 || a[0].Pool != llama || a[0].Header["X-Selected-Model"] != nil {
			t.Errorf("%q: %v, arrivals %+v", mode, r, a)
		}
		delete(header, "Access-Control-Request-Method")
		r = call{method: http.MethodOptions, header: header}.do(t, e.URL)
		wantRefusal(t, r, arrived(r.id), 405, "method_not_supported")
		quiet(t, e)
	}
}

// withTrailers adds trailers that speak in the router's name, and one that is the
// client's own.
func withTrailers(t *testing.T, e *rig.Envoy, c call) (*http.Request, string) {
	t.Helper()
	req, id, err := c.request(t.Context(), e.URL)
	if err != nil {
		t.Fatal(err)
	}
	req.Trailer = http.Header{
		"X-Selected-Model": {phi}, "X-Vsr-Request-Id": {"chosen"}, "X-Gateway-Model-Name": {phi},
		"X-Gateway-Destination-Endpoint": {"127.0.0.1:1"}, "X-Kept": {"1"},
	}
	return req, id
}

func judgeSpoof(t *testing.T, line string, r reply, up bool) {
	t.Helper()
	a := arrived(r.id)
	switch {
	case up && strings.Contains(line, "_"):
		if r.status != 400 || len(a) > 0 {
			t.Errorf("%q: %v, %d arrivals", line, r, len(a))
		}
		return
	case !up && r.status == 503 && len(a) == 0: // in full duplex Envoy cannot fail open
		return
	case r.status != 200 || len(a) != 1 || a[0].Pool != llama:
		t.Errorf("%q, up %v: %v, arrivals %+v", line, up, r, a)
		return
	}
	for name, values := range a[0].Header {
		folded := strings.ReplaceAll(strings.ToLower(name), "_", "-")
		ours := up && len(values) == 1 && (folded == "x-selected-model" && values[0] == llama || folded == "x-vsr-request-id" && values[0] != "chosen")
		reserved := folded == "x-selected-model" || strings.HasPrefix(folded, "x-vsr-") || strings.HasPrefix(folded, "x-gateway-")
		if reserved && !ours && (up || !strings.Contains(name, "_")) { // without the processor nobody sees through underscores
			t.Errorf("%q, up %v: %s %q reached the backend", line, up, name, values)
		}
	}
}
