package main

import (
	"fmt"
	"net/url"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
	"github.com/vsr-proxy/vsr-proxy/upstream"
)

// newGeneration puts the parts of one configuration together. It takes the
// gates of the generation before where their size is the same, so that a reload
// doesn't double what may be in flight.
func newGeneration(cfg *config.Config, e *engine, tracing *telemetry.Tracing, before *live.Generation) (*live.Generation, error) {
	classifier := traced{inner: e.classifier, tracing: tracing}
	rules, err := router.New(cfg, e.classifier.Heads(), classifier)
	if err != nil {
		return nil, err
	}
	pools, err := newPools(cfg)
	if err != nil {
		return nil, err
	}
	gates := live.NewGates(cfg.Server.Limits)
	if before != nil && sameGates(before.Config.Server.Limits, cfg.Server.Limits) {
		gates = before.Gates
	}
	e.use()
	return &live.Generation{
		Config: cfg, Router: rules, Upstream: pools, Gates: gates,
		Classifier: classifier, Heads: e.classifier.Heads(), Slots: slotsOf(cfg.Classify),
		Close: func() {
			pools.Close()
			e.done()
		},
	}, nil
}

func newPools(cfg *config.Config) (*upstream.Set, error) {
	set, err := upstream.New(poolsOf(cfg), upstream.Options{
		DialTimeout:    cfg.Upstream.Timeouts.Dial,
		TLSTimeout:     cfg.Upstream.Timeouts.TLS,
		HeaderTimeout:  cfg.Upstream.Timeouts.ResponseHeader,
		IdleTimeout:    cfg.Upstream.Timeouts.Silence,
		WriteTimeout:   cfg.Upstream.Timeouts.Write,
		AllowLinkLocal: cfg.Upstream.AllowLinkLocal,
	})
	if err != nil {
		return nil, fmt.Errorf("build upstream: %w", err)
	}
	return set, nil
}

func sameGates(a, b config.Limits) bool {
	return a.Concurrency == b.Concurrency && a.BodyMemory == b.BodyMemory
}

// poolsOf is the closed table of upstreams. The configuration was validated, so
// its URLs parse.
func poolsOf(cfg *config.Config) []upstream.Pool {
	if cfg.Upstream.Mode == "gateway" {
		return []upstream.Pool{{Name: router.GatewayPool, Endpoints: endpointsOf([]config.Endpoint{cfg.Upstream.Gateway})}}
	}
	var out []upstream.Pool
	for _, m := range cfg.Models {
		if len(m.Endpoints) == 0 { // with server.enabled: false, where nothing is sent from here
			continue
		}
		out = append(out, upstream.Pool{Name: m.Name, Endpoints: endpointsOf(m.Endpoints)})
	}
	return out
}

func endpointsOf(list []config.Endpoint) []upstream.Endpoint {
	out := make([]upstream.Endpoint, len(list))
	for i, e := range list {
		target, _ := url.Parse(e.URL)
		out[i] = upstream.Endpoint{URL: target, Key: e.Key(), ForwardAuth: e.ForwardAuth, Weight: max(e.Weight, 1)}
	}
	return out
}

// namesOf are the label values that a configuration and a classifier with these
// heads allow in metrics.
func namesOf(cfg *config.Config, heads []classify.Head) telemetry.Names {
	names := telemetry.Names{
		Models:    append([]string{}, cfg.Routing.AutoModels...),
		Decisions: []string{router.DecisionDefault, router.DecisionExplicit},
		Signals:   cfg.Routing.Signals.Names(),
		PIITypes:  router.PIITypes(heads),
	}
	for _, m := range cfg.Models {
		names.Models = append(append(names.Models, m.Name), m.Aliases...)
	}
	for _, d := range cfg.Routing.Decisions {
		names.Decisions = append(names.Decisions, d.Name)
	}
	for _, p := range poolsOf(cfg) {
		names.Pools = append(names.Pools, p.Name)
	}
	return names
}
