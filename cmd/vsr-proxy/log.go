package main

import (
	"log/slog"
	"os"

	"github.com/vsr-proxy/vsr-proxy/config"
)

// newLogger writes to standard error, one line per event; both handlers quote
// control characters.
func newLogger(c config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // validated with the configuration
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
