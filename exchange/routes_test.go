package exchange_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/exchange"
)

// S9: the routes are these and no others.
func TestRoutesAreAClosedSet(t *testing.T) {
	var got []string
	for _, r := range exchange.Routes() {
		got = append(got, r.Method+" "+r.Pattern)
	}
	slices.Sort(got)
	want := []string{
		"GET /v1/models",
		"GET /v1/models/*",
		"POST /v1/audio/speech",
		"POST /v1/audio/transcriptions",
		"POST /v1/audio/translations",
		"POST /v1/chat/completions",
		"POST /v1/completions",
		"POST /v1/embeddings",
		"POST /v1/images/edits",
		"POST /v1/images/generations",
		"POST /v1/images/variations",
		"POST /v1/moderations",
		"POST /v1/rerank",
		"POST /v1/responses",
		"POST /v1/score",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// H9: a path is a route as it came, or it is none.
func TestPathsAreNotCleaned(t *testing.T) {
	for target, want := range map[string]int{
		"/v1/chat/completions": 0, "/v1/chat/completions?a=/x": 0,
		"/v1/chat/completions/": 404, "/v1//chat/completions": 404, "/v1/./chat/completions": 404, "/v1/chat%2Fcompletions": 404,
		"/v1/%63hat/completions": 404, "/V1/chat/completions": 404, "/v1": 404, "/v1/": 404, "/": 404, "/v1/models": 405, "/v1/models/x": 405,
	} {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		_, refusal := exchange.Find("POST", u)
		got := 0
		if refusal != nil {
			got = refusal.Status
		}
		if got != want {
			t.Errorf("%s: %d, want %d", target, got, want)
		}
	}
}
