package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/vsr-proxy/vsr-proxy/admin"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/extproc"
	"github.com/vsr-proxy/vsr-proxy/proxy"
)

// Bounds of HTTP/2 connections, small because one client is one app.
const (
	h2Streams      = 100
	h2StreamWindow = 64 << 10
	h2ConnWindow   = 1 << 20
)

// idleTimeout ends kept-alive connections that are not used.
const idleTimeout = 2 * time.Minute

// serveDoor serves HTTP/1.1 and HTTP/2 with prior knowledge. It sets no write
// timeout: that would be absolute and cut long streams; upstream.Relay sets one
// per chunk.
func (a *app) serveDoor(cfg *config.Config, door *proxy.Door) {
	if !cfg.Server.Enabled {
		return
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	a.doorServer = &http.Server{
		Handler:           door.Handler(),
		ReadHeaderTimeout: cfg.Server.Limits.HeaderTimeout,
		MaxHeaderBytes:    int(cfg.Server.Limits.HeaderBytes),
		IdleTimeout:       idleTimeout,
		Protocols:         protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          h2Streams,
			MaxReceiveBufferPerStream:     h2StreamWindow,
			MaxReceiveBufferPerConnection: h2ConnWindow,
		},
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	go func() { a.failed <- serverError(a.doorServer.Serve(a.doorListener)) }()
}

// listen takes the port of each door that is to be open.
func (a *app) listen(cfg *config.Config) (err error) {
	for _, one := range []struct {
		open    bool
		path    string
		address string
		to      *net.Listener
	}{
		{cfg.Server.Enabled, "server.listen", cfg.Server.Listen, &a.doorListener},
		{cfg.ExtProc.Enabled, "extproc.listen", cfg.ExtProc.Listen, &a.envoyListener},
		{true, "admin.listen", cfg.Admin.Listen, &a.adminListener},
	} {
		if !one.open {
			continue
		}
		if *one.to, err = net.Listen("tcp", one.address); err != nil {
			return fmt.Errorf("%s: %w", one.path, err)
		}
	}
	return nil
}

// serveEnvoy opens Envoy's door. It says NOT_SERVING, and answers that it is not
// ready, until the model is loaded.
func (a *app) serveEnvoy(cfg *config.Config) (err error) {
	if !cfg.ExtProc.Enabled {
		return nil
	}
	a.envoyServer, err = extproc.NewServer(extproc.Options{
		Config: cfg, Current: &a.current, Metrics: a.metrics, Tracing: a.tracing, Log: a.log,
	})
	if err != nil {
		return fmt.Errorf("extproc: %w", err)
	}
	go func() { a.failed <- a.envoyServer.Serve(a.envoyListener) }()
	return nil
}

// serveAdmin opens the operators' door; it answers while the model loads.
func (a *app) serveAdmin(cfg *config.Config) {
	a.adminServer = &http.Server{
		Handler: admin.Handler(admin.Options{
			Current: &a.current, Metrics: a.metrics.Handler(), Reload: a.reload,
			Status: func() admin.Status { return *a.status.Load() }, AllowedHosts: cfg.Admin.AllowedHosts,
		}),
		ReadHeaderTimeout: cfg.Server.Limits.HeaderTimeout,
		ReadTimeout:       cfg.Server.Limits.BodyTimeout,
		WriteTimeout:      time.Minute,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	go func() { a.failed <- serverError(a.adminServer.Serve(a.adminListener)) }()
}

// urls are the addresses of the doors for apps and operators, with the ports that
// were taken.
func (a *app) urls() (door, adminDoor string) {
	return "http://" + address(a.doorListener), "http://" + address(a.adminListener)
}

// address is empty for a door that is closed.
func address(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// printReady is for programs that start the proxy on free ports.
func (a *app) printReady(out io.Writer) {
	door, adminDoor := a.urls()
	ready := map[string]string{"admin_url": adminDoor}
	if a.doorListener != nil {
		ready["base_url"] = door + "/v1"
	}
	if a.envoyListener != nil {
		ready["extproc_addr"] = address(a.envoyListener)
	}
	line, _ := json.Marshal(ready, json.Deterministic(true))
	fmt.Fprintf(out, "%s\n", line)
}
