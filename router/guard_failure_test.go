package router_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// C1: a protecting decision fails closed, in time, whatever way the classifier
// fails; a decision that chooses a model fails open; each is told apart.
func TestProtectionFailsClosed(t *testing.T) {
	faults := map[string]classifytest.Knobs{
		classify.OutcomeError:     {Err: errors.New("boom")},
		classify.OutcomePanic:     {Panic: true},
		classify.OutcomeBadOutput: {NaN: true, Head: "jailbreak"},
		classify.OutcomeDeadline:  {Delay: time.Minute},
	}
	const deadline = 100 * time.Millisecond
	for reason, knobs := range faults {
		for _, asked := range []string{"auto", "small"} {
			r := guard(t, "classify: {deadline: 100ms}\n"+twoModels+blocks)
			r.model.Set(knobs)
			start := time.Now()
			d := decide(r.Router, asked, "hello")
			if took := time.Since(start); took > deadline+2*time.Second {
				t.Errorf("%s: took %v", reason, took)
			}
			mustNotCheck(t, reason+" for "+asked, d, reason)

			r = guard(t, "classify: {deadline: 100ms, on_guard_failure: allow}\n"+twoModels+blocks)
			r.model.Set(knobs)
			d = decide(r.Router, asked, "hello")
			if d.Error != nil || d.Model != "small" || len(d.GuardFailures) != 1 || d.GuardFailures[0].Refused || d.GuardFailures[0].Reason != reason {
				t.Errorf("%s allowed for %s: %+v", reason, asked, d)
			}
			if want := map[string]router.Path{"auto": router.PathDegraded, "small": router.PathUpstream}[asked]; d.Path != want {
				t.Errorf("%s allowed for %s: path %s", reason, asked, d.Path)
			}

			r = guard(t, "classify: {deadline: 100ms}\n"+guardRule("model: large", "{type: complexity, name: hard}"))
			r.model.Set(knobs)
			if d = decide(r.Router, "auto", "hello"); d.Error != nil || d.Path != router.PathDegraded || d.Degraded != reason || len(d.GuardFailures) != 0 {
				t.Errorf("%s while routing: %+v", reason, d)
			}
		}
	}
}

// C1: a model that hangs, and a queue that is full.
func TestProtectionFailsClosedWhenFull(t *testing.T) {
	r := guard(t, "classify: {deadline: 50ms}\n"+twoModels+blocks, func(o *classify.Options) { o.Slots, o.Queue = 1, 0 })
	r.model.Set(classifytest.Knobs{Hang: true})
	mustNotCheck(t, "hangs", decide(r.Router, "small", "hello"), classify.OutcomeDeadline)
	mustNotCheck(t, "full", decide(r.Router, "small", "hello"), classify.OutcomeQueueFull)
	r.model.Release()
}

// C1: one prompt that can't be routed is still not let past a lower decision that
// protects, and a failure that a cheaper signal makes irrelevant is none.
func TestFailureDoesNotOpenALowerGuard(t *testing.T) {
	const rules = guardSignals + `
  decisions:
    - {name: hard, priority: 9, model: large, rules: {type: complexity, name: hard}}
    - {name: no attacks, priority: 5, action: block, rules: {operator: OR, conditions: [{type: jailbreak, name: attack}, {type: keyword, name: urgent}]}}
    - {name: also hard, priority: 1, model: large, rules: {type: complexity, name: hard}}
`
	r := guard(t, twoModels+rules)
	r.model.Set(classifytest.Knobs{Err: errors.New("boom")})
	d := decide(r.Router, "auto", "hello")
	mustNotCheck(t, "failed", d, classify.OutcomeError)
	mustBlock(t, "settled by a keyword", decide(r.Router, "auto", "urgent"))

	r = guard(t, "classify: {max_windows: 2, on_unread: default}\n"+twoModels+rules)
	long := strings.Repeat("benign filler ", 50)
	mustNotCheck(t, "unread", decide(r.Router, "auto", long), "unread")
	mustBlock(t, "found in what was read", decide(r.Router, "auto", "jailbreak "+long))
}

// All texts of a request together have the deadline of one.
func TestTextsShareOneDeadline(t *testing.T) {
	r := guard(t, "classify: {deadline: 300ms}\n"+twoModels+blocks)
	r.model.Set(classifytest.Knobs{Delay: 200 * time.Millisecond})
	body := `{"model":"auto","messages":[{"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}]}`
	start := time.Now()
	d := r.Decide(context.Background(), router.Request{Kind: chat.Chat, Body: []byte(body)})
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	mustNotCheck(t, "the second text", d, classify.OutcomeDeadline)
}

// A client that left is no failure of a guard.
func TestGuardAndClientThatLeft(t *testing.T) {
	r := guard(t, twoModels+blocks)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d := r.Decide(ctx, ask("small", "hello"))
	if d.Error == nil || d.Error.Status != router.StatusClientGone || len(d.GuardFailures) != 0 {
		t.Errorf("%+v", d)
	}
}
