package router

import (
	"sort"

	"github.com/vsr-proxy/vsr-proxy/config"
)

// decision is a compiled decision.
type decision struct {
	name     string
	priority int
	action   string
	to       target // where it names a model
	when     rule
	pii      []int // indexes into Router.learned of the signals that it masks by
	// guards says that the decision fails closed: what it asks for could let pass
	// what it is there to stop. It blocks, or a rule of it looks for an attack or
	// for personal data.
	guards bool
	// everywhere says that it is tried for explicitly named models too. It
	// blocks, or nothing but such signals makes it match, none of them negated
	// (which would draw every harmless request away from its model).
	everywhere bool
}

func (r *Router) newDecision(c config.Decision) decision {
	acts := c.Action != config.ActionRoute
	if acts || namesGuard(c.Rules) {
		r.guardKeywords(c.Rules)
	}
	return decision{
		name: c.Name, priority: c.Priority, action: c.Action, to: r.targets[c.Model], when: r.compile(c.Rules), pii: r.piiOf(c.Rules),
		guards:     acts || namesGuard(c.Rules),
		everywhere: acts || onlyGuards(c.Rules),
	}
}

// guardKeywords marks the keyword signals that a rule asks.
func (r *Router) guardKeywords(c config.Rule) {
	for i := range r.keywords {
		if k := &r.keywords[i]; c.Type == config.SignalKeyword && k.name == c.Name {
			k.guards = true
		}
	}
	for _, one := range c.Conditions {
		r.guardKeywords(one)
	}
}

// piiOf finds the signals on personal data that a rule asks.
func (r *Router) piiOf(c config.Rule) []int {
	var out []int
	for i := range r.learned {
		if one := &r.learned[i]; c.Type == config.SignalPII && one.kind == c.Type && one.name == c.Name {
			out = append(out, i)
		}
	}
	for _, one := range c.Conditions {
		out = append(out, r.piiOf(one)...)
	}
	return out
}

func isGuard(kind string) bool { return kind == config.SignalJailbreak || kind == config.SignalPII }

func namesGuard(c config.Rule) bool {
	if isGuard(c.Type) {
		return true
	}
	for _, one := range c.Conditions {
		if namesGuard(one) {
			return true
		}
	}
	return false
}

func onlyGuards(c config.Rule) bool {
	if len(c.Conditions) == 0 {
		return isGuard(c.Type)
	}
	for _, one := range c.Conditions {
		if !onlyGuards(one) {
			return false
		}
	}
	return c.Operator != "NOT"
}

// truth is what is known of a rule, with the three values of Kleene's logic: a
// rule whose signals could not be had may still be settled by the others.
type truth uint8

const (
	no truth = iota
	yes
	unknown
)

func (t truth) String() string { return [...]string{"no match", "match", "unknown"}[t] }

func truthOf(matched bool) truth {
	if matched {
		return yes
	}
	return no
}

// rule is a node of a decision's tree.
type rule interface {
	holds(e *evaluation) truth
	// cost orders the conditions of a node: the cheap ones first, so that the
	// encoder is asked only when they do not settle it.
	cost() int
}

type (
	allOf      []rule
	anyOf      []rule
	not        struct{ rule }
	keywordRef int // index into Router.keywords
	learnedRef int // index into Router.learned
)

const (
	costKeyword = 1
	costEncoder = 1000
)

func (r *Router) compile(c config.Rule) rule {
	if c.Type == config.SignalKeyword {
		for i := range r.keywords {
			if r.keywords[i].name == c.Name {
				return keywordRef(i)
			}
		}
	}
	for i := range r.learned {
		if one := &r.learned[i]; one.kind == c.Type && one.name == c.Name {
			return learnedRef(i)
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

func (all allOf) holds(e *evaluation) truth    { return settledBy(all, no, yes, e) }
func (some anyOf) holds(e *evaluation) truth   { return settledBy(some, yes, no, e) }
func (k keywordRef) holds(e *evaluation) truth { return e.keyword(int(k)) }
func (l learnedRef) holds(e *evaluation) truth { return e.learned(int(l)) }
func (n not) holds(e *evaluation) truth {
	switch n.rule.holds(e) {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

// settledBy gives settles as soon as one rule does, else unknown if one is, else
// otherwise.
func settledBy(rules []rule, settles, otherwise truth, e *evaluation) truth {
	out := otherwise
	for _, one := range rules {
		switch one.holds(e) {
		case settles:
			return settles
		case unknown:
			out = unknown
		}
	}
	return out
}

func (all allOf) cost() int    { return sum(all) }
func (some anyOf) cost() int   { return sum(some) }
func (n not) cost() int        { return n.rule.cost() }
func (k keywordRef) cost() int { return costKeyword }
func (l learnedRef) cost() int { return costEncoder }

func sum(rules []rule) int {
	total := 0
	for _, r := range rules {
		total += r.cost()
	}
	return total
}
