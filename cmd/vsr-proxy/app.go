package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vsr-proxy/vsr-proxy/admin"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/extproc"
	"github.com/vsr-proxy/vsr-proxy/live"
	"github.com/vsr-proxy/vsr-proxy/proxy"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

// loader reads the configuration, anew at each call.
type loader func() (*config.Config, error)

// app is a running proxy: its doors over the current generation. Those that the
// configuration leaves closed are nil.
type app struct {
	load    loader
	log     *slog.Logger
	metrics *telemetry.Metrics
	tracing *telemetry.Tracing
	current live.Current
	status  atomic.Pointer[admin.Status]

	reloading sync.Mutex // one reload at a time; guards engine and newest
	engine    *engine
	newest    *live.Generation

	doorServer, adminServer                    *http.Server
	envoyServer                                *extproc.Server
	doorListener, envoyListener, adminListener net.Listener
	failed                                     chan error // a server that ended by itself
	watching                                   sync.WaitGroup
	stopWatching                               context.CancelFunc
}

// start builds everything leaf first and opens the doors. On an error nothing
// is left open.
func start(ctx context.Context, load loader) (*app, error) {
	cfg, err := load()
	if err != nil {
		return nil, err
	}
	a := &app{load: load, log: newLogger(cfg.Log), failed: make(chan error, 3)}
	if err := a.open(ctx, cfg); err != nil {
		a.abandon()
		return nil, err
	}
	return a, nil
}

// open takes the ports before the slow part, so that a taken one is said at once;
// requests are served only when the model has answered.
func (a *app) open(ctx context.Context, cfg *config.Config) (err error) {
	a.setPhase("starting", admin.Status{})
	if a.tracing, err = telemetry.NewTracing(ctx, tracingOptions(cfg.Telemetry, a.log)); err != nil {
		return fmt.Errorf("start tracing: %w", err)
	}
	a.metrics = telemetry.NewMetrics(telemetry.MetricsOptions{Version: version, Revision: revision(), Gauges: a.gauges()})
	if err := a.listen(cfg); err != nil {
		return err
	}
	a.serveAdmin(cfg)
	if err := a.serveEnvoy(cfg); err != nil {
		return err
	}
	a.setPhase("loading_model", admin.Status{})
	if err = a.install(ctx, cfg); err != nil {
		return err
	}
	a.serveDoor(cfg, proxy.New(&a.current, a.metrics, a.tracing, a.log))
	if a.envoyServer != nil {
		a.envoyServer.SetServing(true)
	}
	a.setPhase("ready", a.engine.status())
	a.metrics.ConfigLoaded(true, time.Now())
	a.logReady()
	return nil
}

func tracingOptions(t config.Telemetry, log *slog.Logger) telemetry.TracingOptions {
	return telemetry.TracingOptions{
		Endpoint: t.OTLPEndpoint, Protocol: t.OTLPProtocol, Insecure: t.OTLPInsecure, SampleRatio: t.SampleRatio,
		ServiceName: t.ServiceName, Version: version, Log: log,
	}
}

// install builds a generation of cfg and makes it current.
func (a *app) install(ctx context.Context, cfg *config.Config) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	e := a.engine
	if e == nil || !reflect.DeepEqual(e.settings, cfg.Classify) {
		var err error
		if e, err = openEngine(ctx, cfg.Classify); err != nil {
			return err
		}
	}
	next, err := newGeneration(cfg, e, a.tracing, a.newest)
	if err != nil {
		if e != a.engine {
			e.close()
		}
		return err
	}
	a.metrics.Admit(namesOf(cfg, e.classifier.Heads()))
	a.engine, a.newest = e, next
	s := e.status()
	a.metrics.Accelerator(s.Accelerator.Provider, s.Accelerator.RuntimeVersion, s.Accelerator.Requested != "auto" && s.Accelerator.Fallback != "")
	a.current.Swap(next)
	return nil
}

// reload reads the configuration and swaps it in, or keeps the old one and says
// why.
func (a *app) reload() error {
	cfg, err := a.load()
	if err == nil {
		a.warnOfRestart(cfg)
		err = a.install(context.Background(), cfg)
	}
	a.metrics.ConfigLoaded(err == nil, time.Now())
	if err != nil {
		a.log.Error("configuration refused, the old one stays", "error", err)
		return err
	}
	a.setPhase("ready", a.engineStatus())
	a.log.Info("configuration replaced")
	return nil
}

// warnOfRestart names changed values that only a restart can apply.
func (a *app) warnOfRestart(next *config.Config) {
	a.reloading.Lock()
	old := a.newest.Config
	a.reloading.Unlock()
	for _, one := range []struct {
		path    string
		changed bool
	}{
		{"server.enabled", old.Server.Enabled != next.Server.Enabled},
		{"extproc", !sameEnvoyDoor(old, next)},
		{"server.listen", old.Server.Listen != next.Server.Listen},
		{"admin", !sameAdmin(old.Admin, next.Admin)},
		{"telemetry", old.Telemetry != next.Telemetry},
		{"log", old.Log != next.Log},
		{"server.limits.header_bytes", old.Server.Limits.HeaderBytes != next.Server.Limits.HeaderBytes},
		{"server.limits.header_timeout", old.Server.Limits.HeaderTimeout != next.Server.Limits.HeaderTimeout},
	} {
		if one.changed {
			a.log.Warn("changed value takes effect at the next start", "path", one.path)
		}
	}
}

// sameEnvoyDoor leaves out the same, and counts what the size of a message and of
// a connection were made from.
func sameEnvoyDoor(old, next *config.Config) bool {
	a, b := old.ExtProc, next.ExtProc
	b.MessageTimeout, b.OnUnreadBody = a.MessageTimeout, a.OnUnreadBody
	limits, now := old.Server.Limits, next.Server.Limits
	return a == b && (!a.Enabled || limits.BodyBytes == now.BodyBytes && limits.Concurrency == now.Concurrency)
}

// sameAdmin leaves out what is read from the configuration in use.
func sameAdmin(a, b config.Admin) bool {
	a.BatchTexts, b.BatchTexts = 0, 0
	return reflect.DeepEqual(a, b)
}

func (a *app) engineStatus() admin.Status {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	if a.engine == nil {
		return admin.Status{}
	}
	return a.engine.status()
}

func (a *app) setPhase(phase string, s admin.Status) {
	s.Phase, s.Ready = phase, phase == "ready"
	a.status.Store(&s)
}

// gauges read what is true now; before the model is loaded they are 0.
func (a *app) gauges() telemetry.Gauges {
	of := func(read func(*live.Generation) float64) func() float64 {
		return func() float64 {
			gen := a.current.Acquire()
			if gen == nil {
				return 0
			}
			defer gen.Release()
			return read(gen)
		}
	}
	stats := func(gen *live.Generation) classify.Stats { return gen.Classifier.(traced).inner.Stats() }
	return telemetry.Gauges{
		QueueDepth: of(func(g *live.Generation) float64 { return float64(stats(g).Waiting) }),
		SlotsInUse: of(func(g *live.Generation) float64 { return float64(stats(g).InUse) }),
		Slots:      of(func(g *live.Generation) float64 { return float64(stats(g).Slots) }),
		BodyBytes:  of(func(g *live.Generation) float64 { return float64(g.Gates.Held()) }),
	}
}

// abandon closes what a failed start had opened.
func (a *app) abandon() {
	if a.envoyServer != nil {
		a.envoyServer.Close()
	}
	for _, l := range []net.Listener{a.doorListener, a.envoyListener, a.adminListener} {
		if l != nil {
			_ = l.Close()
		}
	}
	if a.adminServer != nil {
		_ = a.adminServer.Close()
	}
	a.current.Swap(nil)
	_ = a.tracing.Shutdown(context.Background())
}

func (a *app) logReady() {
	s := a.engine.status()
	a.log.Info("ready",
		"listen", address(a.doorListener), "extproc", address(a.envoyListener), "admin", address(a.adminListener),
		"model", s.Model.Name, "accelerator", s.Accelerator.Provider, "onnxruntime", s.Accelerator.RuntimeVersion)
	if why := s.Accelerator.Fallback; why != "" && s.Accelerator.Requested != "auto" {
		a.log.Warn("the accelerator asked for is not the one that runs", "asked", s.Accelerator.Requested, "why", why)
	} else if why != "" {
		a.log.Info("no accelerator was found, the CPU runs", "tried", why)
	}
}

func serverError(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
