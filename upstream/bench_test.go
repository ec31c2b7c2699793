package upstream

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"
)

const benchConns = 64

// benchmarkDoor drives handler's server with 64 connections and 200-byte bodies in
// both directions.
func benchmarkDoor(b *testing.B, handler http.Handler) {
	front := httptest.NewServer(handler)
	defer front.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: benchConns, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	body := `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("x", 146) + `"}]}`
	b.SetParallelism((benchConns + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Post(front.URL+"/v1/chat/completions", "application/json", strings.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
	b.StopTimer()
}

func benchStub(b *testing.B) *url.URL {
	answer := []byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("x", 80) + `"}}],"usage":{"prompt_tokens":7,"completion_tokens":3}}`)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Write(answer)
	}))
	b.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		b.Fatal(err)
	}
	return u
}

// BenchmarkRelay is a door with nothing but Do and Relay. Compare it with
// BenchmarkReverseProxy in the same run: at least 0.85 of its throughput.
func BenchmarkRelay(b *testing.B) {
	set := newSet(b, Options{}, Endpoint{URL: benchStub(b)})
	benchmarkDoor(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		a, err := set.Do(r.Context(), Call{Pool: "p", Method: r.Method, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Header: r.Header, Body: body})
		if err != nil {
			b.Error(err)
			panic(http.ErrAbortHandler)
		}
		if _, err := Relay(w, a, RelayOptions{}); err != nil {
			b.Error(err)
			panic(http.ErrAbortHandler)
		}
	}))
}

// BenchmarkReverseProxy is the bare proxy of the standard library.
func BenchmarkReverseProxy(b *testing.B) {
	target := benchStub(b)
	transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	defer transport.CloseIdleConnections()
	benchmarkDoor(b, &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
	})
}

// BenchmarkTapEvent is the cost of reading one event of a chat stream.
func BenchmarkTapEvent(b *testing.B) {
	event := []byte(`data: {"id":"chatcmpl-1234567890","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n")
	t := newTap(200, http.Header{"Content-Type": {"text/event-stream"}}, time.Now())
	b.ReportAllocs()
	for b.Loop() {
		t.feed(event, time.Now())
	}
	if t.facts.Events != b.N {
		b.Fatalf("%d events of %d", t.facts.Events, b.N)
	}
}
