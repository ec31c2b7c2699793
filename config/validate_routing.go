package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxRuleDepth bounds the nesting of a decision's tree.
const maxRuleDepth = 16

var isCurrency = regexp.MustCompile(`^[A-Z]{3}$`)

func (p Pricing) validate(found *problems, path string) {
	if p.Currency != "" && !isCurrency.MatchString(p.Currency) {
		found.add(path+".currency", "%q is no currency: three capital letters, such as USD", p.Currency)
	}
	notNegative(found, path+".prompt_per_1m", p.PromptPer1M)
	notNegative(found, path+".completion_per_1m", p.CompletionPer1M)
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func (c *Config) validateModels(found *problems) {
	if len(c.Models) == 0 {
		found.add("models", "at least one model is needed")
	}
	names := map[string]bool{}
	for i, m := range c.Models {
		path := index("models", i)
		modelName(found, path+".name", m.Name, names)
		for j, alias := range m.Aliases {
			modelName(found, index(path+".aliases", j), alias, names)
		}
		sendable(found, path+".upstream_name", m.UpstreamName)
		if m.UpstreamName != "" && c.Upstream.Mode == "gateway" {
			found.add(path+".upstream_name", "has no effect in gateway mode, which sends the model's own name")
		}
		c.validateEndpoints(found, path+".endpoints", m.Endpoints)
		m.Pricing.validate(found, path+".pricing")
	}
	for i, name := range c.Routing.AutoModels {
		modelName(found, index("routing.auto_models", i), name, names)
	}
}

func (c *Config) validateEndpoints(found *problems, path string, endpoints []Endpoint) {
	switch {
	case c.Upstream.Mode == "gateway":
		if len(endpoints) > 0 {
			found.add(path, "has no effect in gateway mode: the gateway picks the endpoint")
		}
		return
	case len(endpoints) == 0 && c.Server.Enabled:
		found.add(path, "at least one endpoint is needed in direct mode")
	}
	for j := range endpoints {
		endpoints[j].validate(found, index(path, j), c.Upstream.AllowLinkLocal)
	}
}

// modelName refuses a name that is empty, repeated or can't be sent.
func modelName(found *problems, path, name string, seen map[string]bool) {
	sendable(found, path, name)
	unique(found, path, name, seen)
}

// sendable refuses what can't stand in a header value, and what could end a part
// of a form.
func sendable(found *problems, path, name string) {
	if len(name) > 256 || strings.HasPrefix(name, "--") ||
		strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ',' }) {
		found.add(path, "%q is not a model name: up to 256 visible ASCII characters without a comma, not starting with --", name)
	}
}

func (c *Config) validateRouting(found *problems) {
	r := &c.Routing
	oneOf(found, "routing.unknown_model", r.UnknownModel, "reject", "default")
	oneOf(found, "routing.scope", r.Scope, "last_user", "user", "all")
	if len(r.AutoModels) == 0 {
		found.add("routing.auto_models", "at least one name is needed")
	}
	c.knownModel(found, "routing.default_model", r.DefaultModel)
	signals := r.Signals.validate(found)
	names := map[string]bool{}
	for i := range r.Decisions {
		d, path := &r.Decisions[i], index("routing.decisions", i)
		unique(found, path+".name", d.Name, names)
		c.validateOutcome(found, path, d)
		d.Rules.validate(found, path+".rules", signals, 1)
	}
}

// validateOutcome holds a decision to exactly one of a model and an action, but
// for the action that goes with a model.
func (c *Config) validateOutcome(found *problems, path string, d *Decision) {
	switch {
	case d.Action == ActionRoute:
		c.knownModel(found, path+".model", d.Model)
		return
	case d.Action == ActionMask:
		if d.Model != "" {
			c.knownModel(found, path+".model", d.Model)
		}
		return
	case d.Model != "":
		found.add(path, "has either a model or an action, not both")
	}
	oneOf(found, path+".action", d.Action, ActionBlock, ActionMask)
}

func (c *Config) knownModel(found *problems, path, name string) {
	var known []string
	for _, m := range c.Models {
		if m.Name != "" {
			known = append(known, m.Name)
		}
	}
	switch {
	case len(known) == 0: // said where the models are
	case name == "":
		found.add(path, "missing; the models are %s", strings.Join(known, ", "))
	case !slices.Contains(known, name):
		found.add(path, "%q is not a model; the models are %s", name, strings.Join(known, ", "))
	}
}

func (r *Rule) validate(found *problems, path string, signals map[string]bool, depth int) {
	leaf := r.Type != "" || r.Name != ""
	switch {
	case depth > maxRuleDepth:
		found.add(path, "nested deeper than %d", maxRuleDepth)
	case leaf && (r.Operator != "" || len(r.Conditions) > 0):
		found.add(path, "is either a signal (type, name) or an operator over conditions, not both")
	case leaf:
		oneOf(found, path+".type", r.Type, SignalKeyword, SignalDomain, SignalJailbreak, SignalPII, SignalComplexity)
		if !signals[r.Type+" "+r.Name] {
			found.add(path+".name", "no %s signal is named %q", r.Type, r.Name)
		}
	default:
		r.validateBranch(found, path, signals, depth)
	}
}

func (r *Rule) validateBranch(found *problems, path string, signals map[string]bool, depth int) {
	oneOf(found, path+".operator", r.Operator, "AND", "OR", "NOT")
	switch n := len(r.Conditions); {
	case n == 0:
		found.add(path+".conditions", "at least one condition is needed")
	case r.Operator == "NOT" && n != 1:
		found.add(path+".conditions", "NOT takes one condition, got %d", n)
	}
	for i := range r.Conditions {
		r.Conditions[i].validate(found, index(path+".conditions", i), signals, depth+1)
	}
}
