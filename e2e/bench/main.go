// Command bench holds the built proxy against a bare httputil.ReverseProxy in
// front of the same stub backend, in one run, and measures start and memory.
//
// Every process is its own, on loopback. Rounds alternate between the two, so
// that a machine whose speed drifts treats them alike; the figures to quote are
// the ratios of the medians. It needs Linux for the CPU time and memory of the
// processes.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

type options struct {
	binary      string
	connections int
	rounds      int
	round       time.Duration
	body        int
	reply       int
}

func main() {
	var o options
	role := flag.String("role", "compare", "compare; or, for its own children, stub or reverseproxy")
	target := flag.String("target", "", "backend of role reverseproxy")
	flag.StringVar(&o.binary, "binary", "bin/vsr-proxy", "the proxy")
	flag.IntVar(&o.connections, "connections", 64, "connections kept busy")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds per proxy")
	flag.DurationVar(&o.round, "round", 3*time.Second, "length of a round")
	flag.IntVar(&o.body, "body", 200, "request body in bytes")
	flag.IntVar(&o.reply, "reply", 400, "response body in bytes")
	flag.Parse()
	switch *role {
	case "stub":
		serve(stub(o.reply))
	case "reverseproxy":
		to, err := url.Parse(*target)
		if err != nil {
			log.Fatal(err)
		}
		serve(bare(to))
	default:
		if err := compare(o); err != nil {
			log.Fatal("bench: ", err)
		}
	}
}

// serve prints the address it listens on, as its parent expects.
func serve(h http.Handler) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", l.Addr())
	log.Fatal(http.Serve(l, h))
}

// stub answers every request with the same chat completion of about size bytes.
func stub(size int) http.Handler {
	const frame = `{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18}}`
	text := make([]byte, max(0, size-len(frame)))
	for i := range text {
		text[i] = 'a'
	}
	reply := fmt.Appendf(nil, frame, text)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := discard(r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(reply)
	})
}

// bare is the peer: the standard library's proxy with as many idle connections
// as are needed, and nothing else.
func bare(to *url.URL) http.Handler {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 256, 256
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: transport,
		ErrorLog:  log.New(os.Stderr, "", 0),
	}
}
