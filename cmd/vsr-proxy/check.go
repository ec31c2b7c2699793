package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

func newCheck() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "check",
		Short: "Check a configuration file and list everything wrong with it",
		Long:  "Check reads the file as serve would, with the categories of the classifier that it\nnames. It exits with 0 when serve could start with it and with 1 when not.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := config.Load(file)
			if err != nil {
				return err
			}
			if err := checkParts(c.Context(), cfg); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: ok (%d models, %d decisions, upstream mode %s)\n",
				file, len(cfg.Models), len(cfg.Routing.Decisions), cfg.Upstream.Mode)
			return err
		},
	}
	configFlag(c, &file)
	return c
}

// checkParts builds what serve would build of the configuration, but for the
// sessions of the models: rules against the labels of the models that would be
// loaded, upstreams, tracing. It lists all errors.
func checkParts(ctx context.Context, cfg *config.Config) error {
	bundles, err := loadBundles(cfg.Classify)
	if err != nil {
		return err
	}
	_, wrongRules := router.New(cfg, headsOf(bundles), (*classify.Panel)(nil))
	pools, wrongPools := newPools(cfg)
	if wrongPools == nil {
		pools.Close()
	}
	tracing, wrongTracing := telemetry.NewTracing(ctx, tracingOptions(cfg.Telemetry, nil))
	if wrongTracing == nil {
		_ = tracing.Shutdown(ctx)
	}
	return errors.Join(wrongRules, wrongPools, wrongTracing)
}
