// Package router turns the bytes of a request into a Decision: which model and
// pool serve it, with which body, or with which error it is refused.
//
// It promises that both doors decide alike, because everything that can go
// wrong (bad JSON, an unknown model, a failed classifier) is part of the
// Decision and not a Go error; that the encoder reads no text twice, and only
// when a rule needs it; and that every byte of the body but the model's value and
// what a decision masks is kept.
//
// Decisions that choose a model fail open: without a classification the default
// model serves, and the Decision says so. Decisions that protect fail closed:
// those that block, and those whose rules look for attacks or personal data. What
// they could not be made about is refused, unless the configuration says
// otherwise. A request that names a known model goes there; of all decisions only
// those that protect are tried for it.
//
// It opens no socket, and it must not know which door called.
package router

import (
	"context"
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
	guard      guardPolicy
	deadline   time.Duration // of all that the encoder reads of one request
	keywords   []keyword
	learned    []learned
	decisions  []decision
	protects   bool // some decision is tried for explicitly named models
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
	// Late says that Unread has decided already: the headers went on before the
	// body was here. It can only be refused any more.
	Late bool
	// AnswerUnseen says that the door will not see the answer, and so can't take
	// out of it what the client did not ask for.
	AnswerUnseen bool
}

// New compiles the rules. asked are the heads of the classifier; a signal that
// needs another head, a category that is none of its labels and a type that it
// never finds are errors, and all such errors are given at once.
func New(cfg *config.Config, asked []classify.Head, c Classifier) (*Router, error) {
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
		guard:      guardPolicy{failureAllows: cfg.Classify.OnGuardFailure == "allow", unreadAllows: cfg.Classify.OnGuardUnread == "allow"},
		deadline:   cfg.Classify.Deadline,
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
	if err := r.addLearned(&cfg.Routing.Signals, asked); err != nil {
		return nil, err
	}
	for _, d := range cfg.Routing.Decisions {
		one := r.newDecision(d)
		r.decisions = append(r.decisions, one)
		r.protects = r.protects || one.everywhere
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

// Decide reads the request and chooses. It returns within twice the classifier's
// deadline: the encoder has one, and what keywords that protect look at another.
func (r *Router) Decide(ctx context.Context, req Request) *Decision {
	start := time.Now()
	d := &Decision{Path: PathUpstream}
	defer func() { d.Elapsed.Total = time.Since(start) }()
	if d.Request, d.Error = r.parse(req); d.Error != nil {
		d.Path = PathError
		return d
	}
	d.Elapsed.Parse = time.Since(start)
	choose := r.choose
	if req.Late {
		choose = r.late
	}
	to, ok := choose(ctx, d, req.Trace)
	if !ok {
		return d
	}
	splice := time.Now()
	d.Model, d.Pool = to.model, to.pool
	d.AskedUsage = r.askUsage && !req.AnswerUnseen && d.Request.LacksUsage()
	switch {
	case d.Mask != nil:
		d.Body = d.Request.Rewritten(to.sent, d.AskedUsage, d.Mask.changes)
	case d.AskedUsage:
		d.Body = d.Request.WithModelAskingUsage(to.sent)
	default:
		d.Body = d.Request.WithModel(to.sent)
	}
	d.Elapsed.Splice = time.Since(splice)
	return d
}

func (r *Router) parse(req Request) (*chat.Request, *chat.Error) {
	if req.Form != "" {
		return chat.ParseForm(req.Form, req.Body)
	}
	return chat.ParseFor(req.Kind, req.Body, r.limits, r.reads)
}

// reads tells whether the text of requests for a model is looked at.
func (r *Router) reads(model string) bool { return r.protects || r.auto[model] }

// choose finds the target, or sets d.Error and gives false.
func (r *Router) choose(ctx context.Context, d *Decision, trace bool) (target, bool) {
	name := d.Request.Model
	if to, ok := r.targets[name]; ok {
		d.Name = DecisionExplicit
		return r.unless(ctx, d, trace, to)
	}
	if r.auto[name] {
		if d.Request.Kind == chat.ByModel {
			return d.refuse(notRoutable(name))
		}
		d.Auto, d.Name = true, DecisionDefault
		return r.walk(ctx, d, trace, r.fallback)
	}
	if r.rejects {
		return d.refuse(chat.ModelNotFound(name, r.names))
	}
	d.Name = DecisionDefault
	return r.unless(ctx, d, trace, r.fallback)
}

// unless gives the target that was named, unless a decision that protects says
// otherwise. What passes by name alone is not read.
func (r *Router) unless(ctx context.Context, d *Decision, trace bool, to target) (target, bool) {
	if !r.protects || d.Request.Kind == chat.ByModel {
		return to, true
	}
	d.Guarded = true
	return r.walk(ctx, d, trace, to)
}

func (d *Decision) refuse(e *chat.Error) (target, bool) {
	d.Error, d.Path, d.Name = e, PathError, ""
	return target{}, false
}

func notRoutable(name string) *chat.Error {
	return &chat.Error{
		Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "model_not_routable", Param: "model",
		Message: fmt.Sprintf("%q chooses a model for chat completions, completions and responses; name a model for this endpoint.", name),
	}
}
