package router

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/config"
)

// decision is a compiled decision.
type decision struct {
	name     string
	priority int
	to       target
	when     rule
}

// rule is a node of a decision's tree.
type rule interface {
	matches(e *evaluation) bool
	// cost orders the conditions of a node: the cheap ones first, so that the
	// encoder is asked only when they do not settle it.
	cost() int
}

type (
	allOf      []rule
	anyOf      []rule
	not        struct{ rule }
	keywordRef int // index into Router.keywords
	domainRef  int // index into Router.domains
)

const (
	costKeyword = 1
	costEncoder = 1000
)

func (r *Router) compile(c config.Rule) rule {
	switch c.Type {
	case "keyword":
		for i := range r.keywords {
			if r.keywords[i].name == c.Name {
				return keywordRef(i)
			}
		}
	case "domain":
		for i := range r.domains {
			if r.domains[i].name == c.Name {
				return domainRef(i)
			}
		}
	}
	parts := make([]rule, len(c.Conditions))
	for i, one := range c.Conditions {
		parts[i] = r.compile(one)
	}
	sort.SliceStable(parts, func(i, j int) bool { return parts[i].cost() < parts[j].cost() })
	switch c.Operator {
	case "NOT":
		return not{parts[0]}
	case "OR":
		return anyOf(parts)
	default:
		return allOf(parts)
	}
}

func (all allOf) matches(e *evaluation) bool {
	for _, one := range all {
		if !one.matches(e) {
			return false
		}
	}
	return true
}

func (some anyOf) matches(e *evaluation) bool {
	for _, one := range some {
		if one.matches(e) {
			return true
		}
	}
	return false
}

func (n not) matches(e *evaluation) bool        { return !n.rule.matches(e) }
func (k keywordRef) matches(e *evaluation) bool { return e.keyword(int(k)) }
func (d domainRef) matches(e *evaluation) bool  { return e.domain(int(d)) }

func (all allOf) cost() int    { return sum(all) }
func (some anyOf) cost() int   { return sum(some) }
func (n not) cost() int        { return n.rule.cost() }
func (k keywordRef) cost() int { return costKeyword }
func (d domainRef) cost() int  { return costEncoder }

func sum(rules []rule) int {
	total := 0
	for _, r := range rules {
		total += r.cost()
	}
	return total
}

// evaluation is the state of one request's walk through the rules: each signal
// is worked out at most once.
type evaluation struct {
	router   *Router
	ctx      context.Context
	decision *Decision
	trace    bool

	text, folded string
	haveText     bool
	asked        bool  // the encoder
	failed       error // why there are no labels; ends the walk
}

// errUnread ends the walk when only a part of the prompt was read and the
// policy is not to route by it.
var errUnread = errors.New("prompt read in part")

func (e *evaluation) input() (string, string) {
	if !e.haveText {
		e.text = e.decision.Request.Text(e.router.scope)
		e.folded = strings.ToLower(e.text)
		e.haveText = true
	}
	return e.text, e.folded
}

func (e *evaluation) keyword(i int) bool {
	k := &e.router.keywords[i]
	if s, ok := e.known("keyword", k.name); ok {
		return s.Matched
	}
	start := time.Now()
	matched, word := k.matches(e.input())
	s := Signal{Type: "keyword", Name: k.name, Matched: matched, Elapsed: time.Since(start)}
	if e.trace && word != "" {
		s.Detail = fmt.Sprintf("settled by %q", word)
	}
	e.add(s)
	return matched
}

func (e *evaluation) domain(i int) bool {
	if !e.classify() {
		return false
	}
	d := &e.router.domains[i]
	if s, ok := e.known("domain", d.name); ok {
		return s.Matched
	}
	verdict := e.decision.domain()
	matched, mass := d.matches(verdict)
	s := Signal{Type: "domain", Name: d.name, Matched: matched, Elapsed: e.decision.Elapsed.Classify}
	if e.trace {
		s.Detail = fmt.Sprintf("best label %s, probability of the categories %.3f, threshold %.3f", verdict.Label, mass, d.threshold)
	}
	e.add(s)
	return matched
}

// known gives a signal that was worked out before.
func (e *evaluation) known(kind, name string) (Signal, bool) {
	for _, s := range e.decision.Signals {
		if s.Type == kind && s.Name == name {
			return s, true
		}
	}
	return Signal{}, false
}

// classify asks the encoder once and tells whether there are labels to go by.
func (e *evaluation) classify() bool {
	if e.asked {
		return e.failed == nil
	}
	e.asked = true
	text, _ := e.input()
	start := time.Now()
	res, err := e.router.classifier.Classify(e.ctx, text)
	d := e.decision
	d.Classified, d.Result, d.Outcome = true, res, classify.Outcome(err, res)
	d.Elapsed.Classify = time.Since(start)
	if err == nil && res.UnreadTokens > 0 && e.router.onUnread != "route" {
		err = errUnread
	}
	e.failed = err
	if e.trace {
		e.step("classify", describe(res, d.Outcome), d.Elapsed.Classify)
	}
	return err == nil
}

func describe(res classify.Result, outcome string) string {
	v, ok := res.Verdict(HeadDomain)
	if !ok {
		return outcome
	}
	return fmt.Sprintf("%s: %s %.3f (%d tokens in %d windows, %d unread)", outcome, v.Label, v.Confidence, res.Tokens, res.Windows, res.UnreadTokens)
}

func (e *evaluation) add(s Signal) {
	e.decision.Signals = append(e.decision.Signals, s)
	if e.trace {
		text := outcome(s.Matched)
		if s.Detail != "" {
			text += " (" + s.Detail + ")"
		}
		e.step(s.Type+" "+s.Name, text, s.Elapsed)
	}
}

func (e *evaluation) step(what, outcome string, elapsed time.Duration) {
	e.decision.Steps = append(e.decision.Steps, Step{What: what, Outcome: outcome, Elapsed: elapsed})
}

func outcome(matched bool) string {
	if matched {
		return "match"
	}
	return "no match"
}
