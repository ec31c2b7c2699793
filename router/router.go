// Package router turns the bytes of a request into a Decision: which model and
// pool serve it, with which body, or with which error it is refused.
//
// It promises that both doors decide alike, because everything that can go
// wrong (bad JSON, an unknown model, a failed classifier) is part of the
// Decision and not a Go error; that a request which names a known model is
// never classified; that the encoder is asked at most once, and only when a
// rule needs it; and that every byte of the body but the model's value is kept.
// Rules that choose a model fail open: without a classification the default
// model serves, and the Decision says so.
//
// It opens no socket, and it must not know which door called.
package router

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/config"
)

// Classifier gives the labels of a text. It answers or fails within its own
// deadline.
type Classifier interface {
	Classify(ctx context.Context, text string) (classify.Result, error)
}

// GatewayPool is the name of the only pool in gateway mode.
const GatewayPool = "gateway"

// Router is a compiled, immutable set of rules; it is safe for concurrent use.
type Router struct {
	classifier Classifier
	limits     chat.Limits
	scope      chat.Scope
	auto       map[string]bool
	targets    map[string]target // by name and alias
	names      []string          // of models, in the order of the file
	fallback   target
	rejects    bool // unknown models
	askUsage   bool
	onFailure  string
	onUnread   string
	keywords   []keyword
	domains    []domain
	decisions  []decision
}

// target is where a model's requests go.
type target struct{ model, sent, pool string }

// Request is what a decision may look at.
type Request struct {
	Kind chat.Kind
	// Form is the Content-Type of a multipart/form-data body, else empty.
	Form string
	Body []byte
	// Trace asks for Steps and for the signals' details.
	Trace bool
}

// New compiles the rules. labels are those of the classifier's domain head; a category that is not
// among them is an error, and all such errors are given at once.
func New(cfg *config.Config, labels []string, c Classifier) (*Router, error) {
	r := &Router{
		classifier: c,
		limits:     chat.Limits{Depth: cfg.Server.Limits.JSONDepth, Messages: cfg.Server.Limits.Messages},
		scope:      scopes[cfg.Routing.Scope],
		auto:       map[string]bool{},
		targets:    map[string]target{},
		rejects:    cfg.Routing.UnknownModel == "reject",
		askUsage:   cfg.Upstream.AskUsage,
		onFailure:  cfg.Classify.OnFailure,
		onUnread:   cfg.Classify.OnUnread,
	}
	for _, name := range cfg.Routing.AutoModels {
		r.auto[name] = true
	}
	for _, m := range cfg.Models {
		r.addModel(m, cfg.Upstream.Mode == "gateway")
	}
	r.fallback = r.targets[cfg.Routing.DefaultModel]
	for _, k := range cfg.Routing.Signals.Keywords {
		r.keywords = append(r.keywords, newKeyword(k))
	}
	if err := r.addDomains(cfg.Routing.Signals.Domains, labels); err != nil {
		return nil, err
	}
	for _, d := range cfg.Routing.Decisions {
		r.decisions = append(r.decisions, decision{name: d.Name, priority: d.Priority, to: r.targets[d.Model], when: r.compile(d.Rules)})
	}
	sort.SliceStable(r.decisions, func(i, j int) bool { return r.decisions[i].priority > r.decisions[j].priority })
	return r, nil
}

var scopes = map[string]chat.Scope{"last_user": chat.LastUser, "user": chat.User, "all": chat.All}

func (r *Router) addModel(m config.Model, gateway bool) {
	t := target{model: m.Name, sent: m.Name, pool: m.Name}
	switch {
	case gateway:
		t.pool = GatewayPool
	case m.UpstreamName != "":
		t.sent = m.UpstreamName
	}
	r.names = append(r.names, m.Name)
	for _, name := range append([]string{m.Name}, m.Aliases...) {
		r.targets[name] = t
	}
}

// Models are the configured names, in the order of the file.
func (r *Router) Models() []string { return r.names }

// Known tells whether name is a model, an alias or an auto name.
func (r *Router) Known(name string) bool {
	_, ok := r.targets[name]
	return ok || r.auto[name]
}

// Decide reads the request and chooses. It returns within the classifier's
// deadline.
func (r *Router) Decide(ctx context.Context, req Request) *Decision {
	start := time.Now()
	d := &Decision{Path: PathUpstream}
	defer func() { d.Elapsed.Total = time.Since(start) }()
	if d.Request, d.Error = r.parse(req); d.Error != nil {
		d.Path = PathError
		return d
	}
	d.Elapsed.Parse = time.Since(start)
	to, ok := r.choose(ctx, d, req.Trace)
	if !ok {
		return d
	}
	splice := time.Now()
	d.Model, d.Pool = to.model, to.pool
	if d.AskedUsage = r.askUsage && d.Request.LacksUsage(); d.AskedUsage {
		d.Body = d.Request.WithModelAskingUsage(to.sent)
	} else {
		d.Body = d.Request.WithModel(to.sent)
	}
	d.Elapsed.Splice = time.Since(splice)
	return d
}

func (r *Router) parse(req Request) (*chat.Request, *chat.Error) {
	if req.Form != "" {
		return chat.ParseForm(req.Form, req.Body)
	}
	return chat.Parse(req.Kind, req.Body, r.limits)
}

// choose finds the target, or sets d.Error and gives false.
func (r *Router) choose(ctx context.Context, d *Decision, trace bool) (target, bool) {
	name := d.Request.Model
	if to, ok := r.targets[name]; ok {
		d.Name = DecisionExplicit
		return to, true
	}
	if r.auto[name] {
		if d.Request.Kind == chat.ByModel {
			return d.refuse(notRoutable(name))
		}
		d.Auto = true
		return r.route(ctx, d, trace)
	}
	if r.rejects {
		return d.refuse(chat.ModelNotFound(name, r.names))
	}
	d.Name = DecisionDefault
	return r.fallback, true
}

func (d *Decision) refuse(e *chat.Error) (target, bool) {
	d.Error, d.Path = e, PathError
	return target{}, false
}

func notRoutable(name string) *chat.Error {
	return &chat.Error{
		Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "model_not_routable", Param: "model",
		Message: fmt.Sprintf("%q chooses a model for chat completions, completions and responses; name a model for this endpoint.", name),
	}
}

// route evaluates the decisions in order.
func (r *Router) route(ctx context.Context, d *Decision, trace bool) (target, bool) {
	start := time.Now()
	e := &evaluation{router: r, ctx: ctx, decision: d, trace: trace}
	defer func() { d.Elapsed.Rules = time.Since(start) - d.Elapsed.Classify }()
	for i := range r.decisions {
		one := &r.decisions[i]
		matched := one.when.matches(e)
		if e.failed != nil {
			return r.withoutLabels(ctx, d, e.failed)
		}
		if trace {
			e.step("decision "+one.name, outcome(matched), 0)
		}
		if matched {
			d.Name = one.name
			return one.to, true
		}
	}
	d.Name = DecisionDefault
	return r.fallback, true
}

// withoutLabels applies the policy for a prompt that was not, or not wholly,
// classified.
func (r *Router) withoutLabels(ctx context.Context, d *Decision, cause error) (target, bool) {
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return d.refuse(clientGone)
	}
	policy, reason := r.onFailure, d.Outcome
	if errors.Is(cause, errUnread) {
		policy, reason = r.onUnread, "unread"
	}
	if policy == "refuse" && d.Outcome != classify.OutcomeNoText {
		return d.refuse(notClassified(reason))
	}
	d.Name, d.Path, d.Degraded = DecisionDefault, PathDegraded, reason
	return r.fallback, true
}

// StatusClientGone is the status logged for a client that left before the
// answer; it is never sent.
const StatusClientGone = 499

var clientGone = &chat.Error{Status: StatusClientGone, Type: "server_error", Code: "client_closed_request", Message: "The client closed the request."}

func notClassified(reason string) *chat.Error {
	return &chat.Error{
		Status: http.StatusServiceUnavailable, Type: "server_error", Code: "classification_failed", NoRetry: true,
		Message: fmt.Sprintf("The prompt could not be classified (%s) and the configuration refuses such requests.", reason),
	}
}
