package router_test

import (
	"context"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// apart is a router whose heads each have a model of their own, which reads one
// window of 200 tokens, but that of one head, which reads only ten.
func apart(t *testing.T, text, short string) *router.Router {
	t.Helper()
	cfg, err := config.Parse("config.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var members []*classify.Classifier
	for _, h := range fourHeads() {
		window := 200
		if h.Name == short {
			window = 10
		}
		o := classify.DefaultOptions()
		o.MaxWindows, o.Overlap, o.Deadline = 1, 0, cfg.Classify.Deadline
		if h.Name == router.HeadPII {
			o.Patterns = pii.Find
		}
		c, err := classify.New(classifytest.New(classifytest.Options{Heads: []classifytest.Head{h}, Window: window}), o)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, c)
	}
	p, err := classify.NewPanel(members...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	r, err := router.New(cfg, p.Heads(), p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// long has a hundred words, the first of which says what it is.
func long(first string) string { return first + strings.Repeat(" filler", 99) }

// E1: what protects asks whether its own model read everything, and not whether
// those of other heads did.
func TestProtectionAsksItsOwnModelWhatWasRead(t *testing.T) {
	for _, short := range []string{router.HeadDomain, router.HeadComplexity, router.HeadPII} {
		r := apart(t, twoModels+blocks, short)
		mustPass(t, "benign, short "+short, decide(r, "small", long("hello")), "small", router.DecisionExplicit)
		mustBlock(t, "attack, short "+short, decide(r, "small", long("jailbreak")))
	}
	short := apart(t, twoModels+blocks, router.HeadJailbreak)
	d := decide(short, "small", long("hello"))
	if mustNotCheck(t, "its own", d, "unread"); d.Unread() != 90 {
		t.Errorf("%d tokens unread", d.Unread())
	}
	mustBlock(t, "found in what its own read", decide(short, "small", long("jailbreak")))

	// Nor is the policy for guards asked what routing did not read.
	open := apart(t, "classify: {on_guard_unread: allow}\n"+twoModels+blocks, router.HeadDomain)
	if d := decide(open, "small", long("hello")); d.Error != nil || len(d.GuardFailures) != 0 {
		t.Errorf("%+v", d.GuardFailures)
	}
}

// C7: a prompt that the model of the domains read is routed by all of it, whatever
// other models left, and the other way round.
func TestRoutingAsksItsOwnModelWhatWasRead(t *testing.T) {
	for _, policy := range []string{"default", "refuse"} {
		text := "classify: {on_unread: " + policy + "}\n" + guardRule("model: large", "{type: domain, name: math}")
		d := decide(apart(t, text, router.HeadJailbreak), "auto", long("integral"))
		if d.Error != nil || d.Model != "large" || d.Path != router.PathUpstream || d.Unread() != 0 {
			t.Errorf("%s, another model: %+v, %d unread", policy, d, d.Unread())
		}
		d = decide(apart(t, text, router.HeadDomain), "auto", long("integral"))
		if d.Path == router.PathUpstream || d.Unread() != 90 {
			t.Errorf("%s, its own: %+v, %d unread", policy, d, d.Unread())
		}
	}
}

// S13: what is masked was read, whole, by the model that finds personal data.
func TestMaskingAsksItsOwnModelWhatWasRead(t *testing.T) {
	for _, head := range []string{router.HeadDomain, router.HeadJailbreak} {
		d := decide(apart(t, maskWith("anything", ""), head), "auto", long("Alice"))
		if d.Error != nil || d.Mask == nil || strings.Contains(string(d.Body), "Alice") || d.Unread() != 0 {
			t.Errorf("short %s: %+v, %s", head, d.Error, d.Body)
		}
	}
	d := decide(apart(t, maskWith("anything", ""), router.HeadPII), "auto", long("Alice"))
	if d.Error == nil || d.Error.Status != 503 || d.Body != nil || d.Unread() != 90 {
		t.Errorf("%+v, %d unread", d.Error, d.Unread())
	}
}

// The count is the most that a head which was asked left, and not a sum.
func TestUnreadTokensAreThoseOfTheHeadsAsked(t *testing.T) {
	const both = guardSignals + `
  decisions:
    - {name: no attacks, priority: 100, action: block, rules: {type: jailbreak, name: attack}}
    - {name: hard, priority: 10, model: large, rules: {type: complexity, name: hard}}
`
	d := decide(apart(t, twoModels+both, router.HeadComplexity), "auto", long("hello"))
	if d.Error != nil || d.Unread() != 90 || d.Outcome != classify.OutcomePartial {
		t.Errorf("asked: %+v, %d unread", d.Error, d.Unread())
	}
	d = decide(apart(t, twoModels+both, router.HeadPII), "auto", long("hello"))
	if d.Error != nil || d.Unread() != 0 {
		t.Errorf("not asked: %+v, %d unread", d.Error, d.Unread())
	}
}
