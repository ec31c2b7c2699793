package router_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/router"
)

func blocksWords(operator string, words ...string) string {
	quoted, err := json.Marshal(words)
	if err != nil {
		panic(err)
	}
	return twoModels + `
  signals: {keywords: [{name: k, operator: ` + operator + `, keywords: ` + string(quoted) + `}]}
  decisions: [{name: d, action: block, rules: {type: keyword, name: k}}]
`
}

// E3: a keyword that the classifier passes over is looked for in the text as it is, and is not in every text.
func TestBlockingKeywordsMayBeInvisible(t *testing.T) {
	for _, word := range []string{"\u200b", "\u00ad", "\u2800", "\U000e0041"} {
		r := build(t, blocksWords("OR", word), &stub{})
		mustPass(t, "without it", askFor(r, t.Context(), "an ordinary prompt"), "small", router.DecisionDefault)
		mustBlock(t, "with it", askFor(r, t.Context(), "an ordi"+word+"nary prompt"))
		both := build(t, blocksWords("AND", word, "urgent"), &stub{})
		mustPass(t, "one of two", askFor(both, t.Context(), "an urgent prompt"), "small", router.DecisionDefault)
		mustBlock(t, "two of two", askFor(both, t.Context(), word+" an urg\u200dent prompt"))
		none := build(t, blocksWords("NOR", word), &stub{})
		mustPass(t, "not none", askFor(none, t.Context(), "an ordi"+word+"nary prompt"), "small", router.DecisionDefault)
	}
}

// C7: a text that grows as it is read for keywords is not read for longer than the deadline, and is not passed in silence.
func TestBlockingKeywordsHaveADeadline(t *testing.T) {
	long := strings.Repeat("\ufdfa", 1<<20) // some seconds
	r := build(t, "classify: {deadline: 20ms}\n"+blocksWords("OR", "urgent"), &stub{})
	d := askFor(r, t.Context(), long)
	mustNotCheck(t, "too long", d, "deadline")
	if len(d.Signals) != 0 {
		t.Errorf("known: %+v", d.Signals)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if d := askFor(build(t, blocksWords("OR", "urgent"), &stub{}), cancelled, long); d.Path != router.PathError {
		t.Errorf("a client that is gone: path %s", d.Path)
	}
}

// C1: a classifier that took all of its time leaves keywords theirs.
func TestBlockingKeywordsDoNotWaitForTheClassifier(t *testing.T) {
	r := build(t, "classify: {deadline: 30ms}\n"+twoModels+`
  signals:
    keywords: [{name: k, operator: OR, keywords: [urgent]}]
    domains: [{name: math, categories: [math], threshold: 0.5}]
  decisions:
    - {name: first, priority: 9, model: large, rules: {type: domain, name: math}}
    - {name: d, action: block, rules: {type: keyword, name: k}}
`, late{})
	if d := askFor(r, t.Context(), "urg\u200bent"); d.Name != "d" {
		t.Errorf("decision %s, %v", d.Name, d.GuardFailures)
	}
}

// late is a Classifier that ends by its deadline.
type late struct{}

func (late) Classify(context.Context, string) (classify.Result, error) {
	time.Sleep(40 * time.Millisecond)
	return classify.Result{}, classify.ErrDeadline
}

func askFor(r *router.Router, ctx context.Context, text string) *router.Decision {
	body, err := json.Marshal(map[string]any{"model": "auto", "messages": []map[string]string{{"role": "user", "content": text}}})
	if err != nil {
		panic(err)
	}
	return r.Decide(ctx, router.Request{Kind: chat.Chat, Body: body})
}
