//go:build e2e

package envoy_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// toClients are the headers of answers in which the doors may differ, and why.
// docs/envoy.md has the same list.
var toClients = map[string]string{
	"Date":                          "the time",
	"Server":                        "Envoy names itself",
	"X-Envoy-Upstream-Service-Time": "Envoy's own",
	"Content-Length":                "framing: Envoy sends chunks where the processor may change the body",
	"Transfer-Encoding":             "framing",
	"Connection":                    "of one connection",
	"X-Request-Id":                  "Envoy gives its own at the edge; compared as being there",
	"X-Vsr-Timings":                 "times; compared as being there",
	"Set-Cookie":                    "the origin is the gateway's, not ours",
	"Strict-Transport-Security":     "the same",
	"Alt-Svc":                       "the same",
}

// toBackends are the headers of requests in which the doors may differ, and why.
var toBackends = map[string]string{
	"X-Request-Id":             "Envoy gives its own at the edge; compared as being there",
	"X-Vsr-Request-Id":         "the same",
	"X-Forwarded-For":          "Envoy says who called it",
	"X-Forwarded-Proto":        "the same",
	"X-Envoy-External-Address": "the same",
	"Content-Length":           "framing",
	"Traceparent":              "each hop adds its span",
	"Accept-Encoding":          "where an answer must be readable",
}

// patient has a busy machine classify every prompt, so that both doors come to the
// same decision.
const patient = "classify: {deadline: 30s, max_windows: 8}\n"

// X10: the same 2,000 requests by both doors get the same status, model, headers
// and body, and the backends get the same.
func TestDoorsAreEqual(t *testing.T) {
	p := processor(t, doors+patient+strings.Replace(guarded, "listen: EXTPROC", "listen: EXTPROC, message_timeout: 60s", 1))
	lenient := func(g *rig.Gateway) { g.MaxHeaders, g.Processor.MessageTimeout = 200, "60s" }
	e := gateway(t, p.Addr, lenient)
	duplex := gateway(t, p.Addr, lenient, reading("FULL_DUPLEX_STREAMED"))
	base := strings.TrimSuffix(p.Base, "/v1")
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := make(map[int]int)
	jobs := make(chan int)
	calls := corpus(2000)
	for range 4 {
		wg.Go(func() {
			for i := range jobs {
				through := e
				if i%2 == 1 {
					through = duplex
				}
				status, differences := compareDoors(base, through.URL, calls[i])
				mu.Lock()
				seen[status]++
				mu.Unlock()
				for _, d := range differences {
					t.Errorf("%d: %s %s %.120q %v: %s", i, calls[i].method, calls[i].path, calls[i].body, calls[i].header, d)
				}
			}
		})
	}
	for i := range calls {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	t.Log("answers by status: ", seen)
	for _, status := range []int{200, 400, 401, 403, 404, 405, 415, 422, 429, 431, 500, 503} {
		if seen[status] == 0 {
			t.Errorf("no request was answered with %d", status)
		}
	}
	quiet(t, e)
	quiet(t, duplex)
}

var digits = regexp.MustCompile(`[0-9]+`)

func compareDoors(http, envoy string, c call) (status int, differences []string) {
	differ := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	a, err1 := c.try(http)
	b, err2 := c.try(envoy)
	if err1 != nil || err2 != nil {
		differ("%v; %v", err1, err2)
		return 0, differences
	}
	if a.status != b.status {
		differ("status %d, and %d through Envoy: %.200s %.200s", a.status, b.status, a.body, b.body)
	}
	if a.status == 431 { // it says how many fields there are, and Envoy adds some of its own
		a.body, b.body = digits.ReplaceAll(a.body, nil), digits.ReplaceAll(b.body, nil)
	}
	if !bytes.Equal(a.body, b.body) {
		differ("body %.200q, and %.200q through Envoy", a.body, b.body)
	}
	for _, d := range headersDiffer(a.header, b.header, toClients) {
		differ("answer: %s", d)
	}
	in, through := arrived(a.id), arrived(b.id)
	if len(in) != len(through) || len(in) > 1 {
		differ("%d arrivals, and %d through Envoy", len(in), len(through))
		return a.status, differences
	}
	for i, x := range in {
		y := through[i]
		x.Header.Del(rig.HeaderTest)
		y.Header.Del(rig.HeaderTest)
		if x.Pool != y.Pool || x.Method != y.Method || x.URI != y.URI {
			differ("%s %s %s, and %s %s %s through Envoy", x.Pool, x.Method, x.URI, y.Pool, y.Method, y.URI)
		}
		if !bytes.Equal(x.Body, y.Body) {
			differ("arrived %.300q, and %.300q through Envoy", x.Body, y.Body)
		}
		for _, d := range headersDiffer(x.Header, y.Header, toBackends) {
			differ("request: %s", d)
		}
	}
	return a.status, differences
}

// headersDiffer compares all headers but those that may differ. The ids and times
// that do must be there in both.
func headersDiffer(a, b http.Header, may map[string]string) (out []string) {
	names := slices.Sorted(maps.Keys(a))
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if may[name] == "" && !slices.Equal(a[name], b[name]) {
			out = append(out, fmt.Sprintf("%s: %q, and %q through Envoy", name, a[name], b[name]))
		}
		if strings.Contains(may[name], "being there") && (len(a[name]) != 1 || len(b[name]) != 1) {
			out = append(out, fmt.Sprintf("%s: %q, and %q through Envoy", name, a[name], b[name]))
		}
	}
	return out
}
