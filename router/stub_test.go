package router_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
)

var labels = []string{"math", "history", "law", "other"}

var heads = []classify.Head{classifytest.Domain(labels...)}

// stub is a Classifier that answers as it is told and counts what it was asked.
type stub struct {
	p      []float64 // of the labels, in their order
	unread int
	err    error
	wait   bool // until the context ends

	mu    sync.Mutex
	texts []string
}

func (s *stub) Classify(ctx context.Context, text string) (classify.Result, error) {
	s.mu.Lock()
	s.texts = append(s.texts, text)
	s.mu.Unlock()
	if s.wait {
		<-ctx.Done()
		return classify.Result{}, ctx.Err()
	}
	if s.err != nil {
		return classify.Result{}, s.err
	}
	return result(s.p, s.unread), nil
}

func (s *stub) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.texts)
}

func result(p []float64, unread int) classify.Result {
	v := classify.Verdict{Head: router.HeadDomain}
	for i, label := range labels {
		v.Scores = append(v.Scores, classify.Score{Label: label, P: p[i]})
		if p[i] > v.Confidence {
			v.Label, v.Confidence = label, p[i]
		}
	}
	return classify.Result{Verdicts: []classify.Verdict{v}, Tokens: 7, UnreadTokens: unread, Windows: 1}
}

// Scores with one clear winner.
var (
	mathematics = []float64{.9, .05, .03, .02}
	historical  = []float64{.05, .9, .03, .02}
)

const twoModels = `
models:
  - name: small
    endpoints: [{url: "http://127.0.0.1:9/v1"}]
  - name: large
    aliases: [gpt-4, big/one]
    upstream_name: org/large:70b
    endpoints: [{url: "http://127.0.0.1:9/v1"}]
routing:
  default_model: small
`

// rules is what routes mathematics to large.
const rules = `
  signals:
    keywords:
      - {name: solve, operator: OR, keywords: [solve, equation]}
      - {name: urgent, operator: OR, keywords: [urgent]}
    domains:
      - {name: math, categories: [math], threshold: 0.5}
      - {name: past, categories: [history, law], threshold: 0.5}
  decisions:
    - name: mathematics
      priority: 10
      rules:
        operator: OR
        conditions:
          - {type: domain, name: math}
          - {type: keyword, name: solve}
      model: large
`

func build(t testing.TB, text string, c router.Classifier) *router.Router {
	t.Helper()
	cfg, err := config.Parse("config.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := router.New(cfg, heads, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ask(model, text string) router.Request {
	body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%q}]}`, model, text)
	return router.Request{Kind: chat.Chat, Body: []byte(body)}
}

func decide(r *router.Router, model, text string) *router.Decision {
	return r.Decide(context.Background(), ask(model, text))
}
