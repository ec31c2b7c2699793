package router_test

import (
	"context"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// fourHeads answer by words: "integral" is mathematics, "jailbreak" an attack,
// "prove" needs the strong model, "Alice" is a person. Where no word speaks, the
// fake's probabilities stay below the thresholds.
func fourHeads() []classifytest.Head {
	two := func(name, negative, positive string, merge classify.Merge) classify.Head {
		return classify.Head{
			Name: name, Kind: classify.KindSequence, Labels: []string{negative, positive},
			Temperature: 1, Merge: merge, Positive: positive, Threshold: .9,
		}
	}
	return []classifytest.Head{
		{Head: classifytest.Domain("math", "history", "law", "other"), Words: map[string]string{"integral": "math"}},
		{Head: two("jailbreak", "benign", "jailbreak", classify.MergeMax), Words: map[string]string{"jailbreak": "jailbreak"}},
		{Head: two("complexity", "weak", "strong", classify.MergeMean), Words: map[string]string{"prove": "strong"}},
		{Head: classify.Head{Name: "pii", Kind: classify.KindToken, Labels: []string{"O", "B-PERSON", "I-PERSON"}, Temperature: 1},
			Words: map[string]string{"alice": "B-PERSON"}},
	}
}

// guarded is a router over a real classifier over a fake model.
type guarded struct {
	*router.Router
	model *classifytest.Fake
}

func guard(t testing.TB, text string, change ...func(*classify.Options)) guarded {
	t.Helper()
	cfg, err := config.Parse("config.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	fake := classifytest.New(classifytest.Options{Heads: fourHeads(), Window: 16})
	o := classify.DefaultOptions()
	o.Overlap, o.Patterns, o.Deadline, o.MaxWindows = 4, pii.Find, cfg.Classify.Deadline, cfg.Classify.MaxWindows
	for _, f := range change {
		f(&o)
	}
	c, err := classify.New(fake, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	r, err := router.New(cfg, c.Heads(), c)
	if err != nil {
		t.Fatal(err)
	}
	return guarded{r, fake}
}

const guardSignals = `
  signals:
    keywords: [{name: urgent, operator: OR, keywords: [urgent]}]
    domains: [{name: math, categories: [math], threshold: 0.5}]
    jailbreak: [{name: attack}, {name: attack now, include_history: false}]
    pii: [{name: personal, pii_types_allowed: [PERSON]}, {name: anything}, {name: sure, threshold: 0.99, include_history: false}]
    complexity: [{name: hard}]
`

const blocks = guardSignals + `
  decisions:
    - {name: no attacks, priority: 100, action: block, rules: {type: jailbreak, name: attack}}
    - {name: mathematics, priority: 10, model: large, rules: {type: domain, name: math}}
`

func guardRule(action, rule string) string {
	return twoModels + guardSignals + "  decisions:\n    - {name: d, " + action + ", rules: " + rule + "}\n"
}
