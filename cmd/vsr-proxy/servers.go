package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/vsr-proxy/vsr-proxy/admin"
	"github.com/vsr-proxy/vsr-proxy/config"
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

// urls are the addresses of both doors, with the ports that were taken.
func (a *app) urls() (door, adminDoor string) {
	return "http://" + a.doorListener.Addr().String(), "http://" + a.adminListener.Addr().String()
}

// printReady is for programs that start the proxy on free ports.
func (a *app) printReady(out io.Writer) {
	door, adminDoor := a.urls()
	line, _ := json.Marshal(map[string]string{"base_url": door + "/v1", "admin_url": adminDoor}, json.Deterministic(true))
	fmt.Fprintf(out, "%s\n", line)
}
