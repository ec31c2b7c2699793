package router

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
	"github.com/vsr-proxy/vsr-proxy/config"
)

// The heads of the classifier that signals ask.
const (
	HeadDomain     = "domain"     // what the text is about
	HeadJailbreak  = "jailbreak"  // whether it is an attack on the model's instructions
	HeadComplexity = "complexity" // whether it needs the strong model
	HeadPII        = "pii"        // personal data, as spans
)

// view is whose words a signal reads. A fused one joins the parts of a message
// by nothing, so that a word cut into parts is one again (E6).
type view struct {
	scope chat.Scope
	fused bool
}

// learned is a compiled signal that the encoder answers.
type learned struct {
	kind, name string
	// guards says that the signal looks for what must not pass: what was found
	// counts also when a part of the text is unread, and what was not found counts
	// only when all was read.
	guards bool
	views  []view
	head   string // that answers the signal
	judge  func(classify.Result) (matched bool, score float64)
	// counts tells, of a signal on personal data, whether a span makes it match.
	counts func(classify.Span) bool
	// explain words the judgement, without any of the text.
	explain func(classify.Result) string
}

// answered tells whether a result says what the signal asks. Spans are always
// there, if there are any.
func (s *learned) answered(res classify.Result) bool {
	_, ok := res.Verdict(s.head)
	return ok || s.kind == config.SignalPII
}

// leaves tells whether a head that was asked left a part of a text unread, and
// keeps how much. What other heads left, on models of their own, is no matter.
func (e *evaluation) leaves(res classify.Result, head string) bool {
	unread := res.UnreadOf(head)
	e.decision.unread = max(e.decision.unread, unread)
	return unread > 0
}

// heads are those of the loaded classifier.
type heads []classify.Head

func (all heads) find(name string, kind classify.Kind) (classify.Head, error) {
	var names []string
	for _, h := range all {
		if h.Name == name && h.Kind == kind {
			return h, nil
		}
		names = append(names, h.Name)
	}
	if len(names) == 0 {
		names = []string{"none"}
	}
	return classify.Head{}, fmt.Errorf("the loaded classifier has no %s head %q; its heads are %s", kind, name, strings.Join(names, ", "))
}

// types are what spans can be: the labels of the head and what is found by form.
func (all heads) types() []string {
	h, _ := all.find(HeadPII, classify.KindToken)
	out := append(h.Types(), pii.Types()...)
	slices.Sort(out)
	return slices.Compact(out)
}

// PIITypes are the types of personal data that a classifier with these heads can
// find, sorted.
func PIITypes(of []classify.Head) []string { return heads(of).types() }

// addLearned compiles the signals that need the encoder.
func (r *Router) addLearned(s *config.Signals, all heads) error {
	var wrong []error
	add := func(path string, one learned, err error) {
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", path, err))
		}
		r.learned = append(r.learned, one)
	}
	at := func(list string, i int) string { return fmt.Sprintf("routing.signals.%s[%d]", list, i) }
	for i, d := range s.Domains {
		one, errs := r.newDomain(d, all, at("domains", i))
		wrong = append(wrong, errs...)
		r.learned = append(r.learned, one)
	}
	for i, j := range s.Jailbreak {
		one, err := newTwoClass(config.SignalJailbreak, j.Name, HeadJailbreak, j.Threshold, all)
		one.guards, one.views = true, r.guardViews(*j.IncludeHistory)
		add(at("jailbreak", i), one, err)
	}
	for i, c := range s.Complexity {
		one, err := newTwoClass(config.SignalComplexity, c.Name, HeadComplexity, c.Threshold, all)
		one.views = r.routingViews()
		add(at("complexity", i), one, err)
	}
	for i, p := range s.PII {
		one, errs := newPII(p, all, at("pii", i))
		one.guards, one.views = true, r.guardViews(*p.IncludeHistory)
		wrong = append(wrong, errs...)
		r.learned = append(r.learned, one)
	}
	return errors.Join(wrong...)
}

func (r *Router) routingViews() []view { return []view{{scope: r.scope}} }

// guardViews are both ways to join the parts of messages.
func (r *Router) guardViews(history bool) []view {
	scope := r.scope
	if history {
		scope = chat.All
	}
	return []view{{scope: scope}, {scope: scope, fused: true}}
}

// newDomain makes the signal that holds when the best label is one of the
// categories and their probabilities sum to the threshold.
func (r *Router) newDomain(d config.Domain, all heads, path string) (learned, []error) {
	one := learned{kind: config.SignalDomain, name: d.Name, views: r.routingViews(), head: HeadDomain}
	head, err := all.find(HeadDomain, classify.KindSequence)
	if err != nil {
		return one, []error{fmt.Errorf("%s: %w", path, err)}
	}
	var wrong []error
	var at []int
	for j, category := range d.Categories {
		i := slices.Index(head.Labels, category)
		if i < 0 {
			wrong = append(wrong, fmt.Errorf("%s.categories[%d]: %q is not a label of the classifier; its labels are %s",
				path, j, category, strings.Join(head.Labels, ", ")))
		}
		at = append(at, i)
	}
	one.judge = func(res classify.Result) (bool, float64) {
		v, _ := res.Verdict(HeadDomain)
		var mass float64
		var best bool
		for _, i := range at {
			mass += v.Scores[i].P
			best = best || v.Scores[i].Label == v.Label
		}
		return best && mass >= d.Threshold, mass
	}
	one.explain = func(res classify.Result) string {
		v, _ := res.Verdict(HeadDomain)
		_, mass := one.judge(res)
		return fmt.Sprintf("best label %s, probability of the categories %.3f, threshold %.3f", v.Label, mass, d.Threshold)
	}
	return one, wrong
}

// newTwoClass makes the signal that holds when the positive label of a head is
// at least as probable as the threshold, 0 being the head's own.
func newTwoClass(kind, name, headName string, threshold float64, all heads) (learned, error) {
	one := learned{kind: kind, name: name, head: headName}
	head, err := all.find(headName, classify.KindSequence)
	switch {
	case err != nil:
		return one, err
	case head.Positive == "":
		return one, fmt.Errorf("the head %q of the loaded classifier names no positive label", headName)
	case threshold == 0:
		threshold = head.Threshold
	}
	one.judge = func(res classify.Result) (bool, float64) {
		v, _ := res.Verdict(headName)
		p := v.P(head.Positive)
		return p >= threshold, p
	}
	one.explain = func(res classify.Result) string {
		_, p := one.judge(res)
		return fmt.Sprintf("probability of %s %.3f, threshold %.3f", head.Positive, p, threshold)
	}
	return one, nil
}

// newPII makes the signal that holds when there is a span of a type that is not
// allowed.
func newPII(p config.PII, all heads, path string) (learned, []error) {
	one := learned{kind: config.SignalPII, name: p.Name, head: HeadPII}
	if _, err := all.find(HeadPII, classify.KindToken); err != nil {
		return one, []error{fmt.Errorf("%s: %w", path, err)}
	}
	var wrong []error
	known := all.types()
	for j, kind := range p.TypesAllowed {
		if !slices.Contains(known, kind) {
			wrong = append(wrong, fmt.Errorf("%s.pii_types_allowed[%d]: %q is not a type that the classifier finds; its types are %s",
				path, j, kind, strings.Join(known, ", ")))
		}
	}
	one.counts = func(s classify.Span) bool {
		return s.Score >= p.Threshold && !slices.Contains(p.TypesAllowed, s.Type)
	}
	one.judge = func(res classify.Result) (matched bool, top float64) {
		for _, s := range res.Spans {
			if one.counts(s) {
				matched, top = true, max(top, s.Score)
			}
		}
		return matched, top
	}
	one.explain = func(res classify.Result) string {
		return fmt.Sprintf("%s; threshold %.3f", describeSpans(res.Spans, p), p.Threshold)
	}
	return one, wrong
}

// describeSpans counts spans by type, and says which of them don't count.
func describeSpans(spans []classify.Span, p config.PII) string {
	counts := map[string]int{}
	for _, s := range spans {
		why := ""
		switch {
		case slices.Contains(p.TypesAllowed, s.Type):
			why = " allowed"
		case s.Score < p.Threshold:
			why = " below the threshold"
		}
		counts[s.Type+why]++
	}
	if len(counts) == 0 {
		return "none found"
	}
	var out []string
	for what, n := range counts {
		out = append(out, fmt.Sprintf("%d %s", n, what))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
