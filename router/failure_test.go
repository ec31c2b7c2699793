package router_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/router"
)

// C1: whatever way the classifier fails, the policy decides: open sends to the
// default model and says so, closed answers 503 and tells SDKs not to try again.
func TestClassifierFailure(t *testing.T) {
	for _, c := range []struct {
		err     error
		outcome string
	}{
		{classify.ErrQueueFull, classify.OutcomeQueueFull},
		{classify.ErrDeadline, classify.OutcomeDeadline},
		{classify.ErrPanic, classify.OutcomePanic},
		{classify.ErrBadOutput, classify.OutcomeBadOutput},
		{classify.ErrClosed, classify.OutcomeClosed},
		{errors.New("boom"), classify.OutcomeError},
		{fmt.Errorf("wrapped: %w", classify.ErrDeadline), classify.OutcomeDeadline},
	} {
		t.Run(c.outcome, func(t *testing.T) {
			s := &stub{err: c.err}
			d := decide(build(t, "classify: {on_failure: default}\n"+twoModels+rules, s), "auto", "some text")
			if d.Error != nil || d.Path != router.PathDegraded || d.Degraded != c.outcome || d.Outcome != c.outcome ||
				d.Model != "small" || d.Name != router.DecisionDefault || len(d.Body) == 0 || s.calls() != 1 {
				t.Errorf("open: %+v", d)
			}
			d = decide(build(t, "classify: {on_failure: refuse}\n"+twoModels+rules, s), "auto", "some text")
			if e := d.Error; e == nil || e.Status != 503 || !e.NoRetry || e.Code != "classification_failed" || d.Path != router.PathError || d.Body != nil {
				t.Errorf("closed: %+v, error %+v", d, e)
			}
			if d.Degraded != "" {
				t.Errorf("closed: a refused request is not a degraded one, but says %q", d.Degraded)
			}
		})
	}
}

// A failure does not matter where a cheap signal settles the rule, and does
// where a rule would hold because of it: NOT of unknown is unknown.
func TestFailureMattersOnlyWhereAsked(t *testing.T) {
	s := &stub{err: classify.ErrDeadline}
	if d := decide(build(t, twoModels+rules, s), "auto", "solve it"); d.Path != router.PathUpstream || d.Model != "large" || s.calls() != 0 {
		t.Errorf("settled by a keyword: %+v", d)
	}
	if d := decide(build(t, withRule(op("NOT", math)), s), "auto", "x"); d.Path != router.PathDegraded || d.Name != router.DecisionDefault {
		t.Errorf("NOT of a failed signal: %+v", d)
	}
}

// A prompt of which a part was not read is routed by that part, sent to the
// default model, or refused: never cut in silence.
func TestUnreadPrompt(t *testing.T) {
	for policy, want := range map[string]struct {
		model    string
		path     router.Path
		degraded string
	}{
		"route":   {"large", router.PathUpstream, ""},
		"default": {"small", router.PathDegraded, "unread"},
		"refuse":  {"", router.PathError, ""},
	} {
		d := decide(build(t, "classify: {on_unread: "+policy+", on_failure: refuse}\n"+twoModels+rules, &stub{p: mathematics, unread: 12}), "auto", "long")
		if d.Model != want.model || d.Path != want.path || d.Degraded != want.degraded || d.Result.UnreadTokens != 12 || d.Outcome != classify.OutcomePartial {
			t.Errorf("%s: %+v", policy, d)
		}
		if policy == "refuse" && (d.Error == nil || d.Error.Status != 503 || !d.Error.NoRetry) {
			t.Errorf("refuse: %+v", d.Error)
		}
	}
}

// A prompt without text (an image alone) has nothing to judge: the default model
// serves it under either policy.
func TestPromptWithoutText(t *testing.T) {
	for _, policy := range []string{"default", "refuse"} {
		d := decide(build(t, "classify: {on_failure: "+policy+"}\n"+twoModels+rules, &stub{err: classify.ErrNoText}), "auto", "")
		if d.Error != nil || d.Path != router.PathDegraded || d.Degraded != classify.OutcomeNoText || d.Model != "small" {
			t.Errorf("%s: %+v", policy, d)
		}
	}
}

// L4: a client that left is neither degraded nor an error of ours.
func TestClientThatLeft(t *testing.T) {
	for _, policy := range []string{"default", "refuse"} {
		ctx, cancel := context.WithCancel(context.Background())
		s := &stub{wait: true}
		r := build(t, "classify: {on_failure: "+policy+"}\n"+twoModels+rules, s)
		cancel()
		d := r.Decide(ctx, ask("auto", "x"))
		if d.Error == nil || d.Error.Status != router.StatusClientGone || d.Degraded != "" || d.Body != nil {
			t.Errorf("%s: %+v", policy, d)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 0) // a deadline is no departure
	defer cancel()
	d := build(t, twoModels+rules, &stub{err: classify.ErrDeadline}).Decide(ctx, ask("auto", "x"))
	if d.Path != router.PathDegraded || d.Degraded != classify.OutcomeDeadline {
		t.Errorf("deadline: %+v", d)
	}
}
