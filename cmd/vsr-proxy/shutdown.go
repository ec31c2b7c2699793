package main

import (
	"context"
	"time"

	"github.com/vsr-proxy/vsr-proxy/admin"
)

// drain takes the app down in the reverse order of its start: not ready first,
// then, after wait, no new connections, then every started request to its end
// or to the drain limit, then the rest. It gives false if requests were cut.
func (a *app) drain(ctx context.Context, wait time.Duration) bool {
	a.setPhase("draining", a.engineStatus())
	if a.envoyServer != nil {
		a.envoyServer.SetServing(false)
	}
	a.log.Info("draining", "listener_stays_open_for", wait)
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	limit := a.limit()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	whole := a.drainDoors(ctx)
	if !whole {
		a.log.Warn("requests were cut at the drain limit", "limit", limit)
	}
	a.close()
	return whole
}

// drainDoors waits for the requests of both doors at once.
func (a *app) drainDoors(ctx context.Context) bool {
	envoy := make(chan bool, 1)
	go func() { envoy <- a.envoyServer == nil || a.envoyServer.Shutdown(ctx) }()
	whole := a.doorServer == nil || a.doorServer.Shutdown(ctx) == nil
	if !whole {
		_ = a.doorServer.Close()
	}
	return <-envoy && whole
}

// limit is server.drain of the current generation.
func (a *app) limit() time.Duration {
	gen := a.current.Acquire()
	defer gen.Release()
	return gen.Config.Server.Drain
}

// close ends what is left when no request is.
func (a *app) close() {
	if a.stopWatching != nil {
		a.stopWatching()
	}
	a.watching.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	a.setPhase("stopped", admin.Status{})
	_ = a.adminServer.Shutdown(ctx)
	a.current.Swap(nil)
	if err := a.tracing.Shutdown(ctx); err != nil {
		a.log.Warn("traces were lost at shutdown", "error", err)
	}
	a.log.Info("stopped")
}
