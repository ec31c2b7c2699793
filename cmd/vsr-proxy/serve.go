package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/vsr-proxy/vsr-proxy/config"
)

const defaultConfig = "config.yaml"

func newServe() *cobra.Command {
	var file string
	var jsonReady bool
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the proxy with a configuration file",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			a, err := start(c.Context(), func() (*config.Config, error) { return config.Load(file) })
			if err != nil {
				return err
			}
			a.watch(c.Context(), file)
			if jsonReady {
				a.printReady(c.OutOrStdout())
			}
			return a.untilSignal()
		},
	}
	configFlag(c, &file)
	readyFlag(c, &jsonReady)
	return c
}

func readyFlag(c *cobra.Command, set *bool) {
	c.Flags().BoolVar(set, "json-ready", false, "print one line of JSON with the addresses when ready")
}

func configFlag(c *cobra.Command, file *string) {
	c.Flags().StringVarP(file, "config", "c", defaultConfig, "configuration `file`")
	_ = c.MarkFlagFilename("config", "yaml", "yml")
}

// untilSignal serves until the process is told to end and then drains. SIGHUP
// reloads. SIGTERM comes from an orchestrator that needs time to stop sending,
// so server.pre_stop_wait applies; Ctrl-C comes from a person, so it does not.
// A second signal ends the process at once.
func (a *app) untilSignal() error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	for {
		select {
		case err := <-a.failed:
			if err != nil {
				a.close()
				return err
			}
		case s := <-signals:
			if s == syscall.SIGHUP {
				_ = a.reload() // logged and counted there
				continue
			}
			wait := time.Duration(0)
			if s == syscall.SIGTERM {
				wait = a.preStopWait()
			}
			return a.drainUnlessPressed(signals, wait)
		}
	}
}

func (a *app) preStopWait() time.Duration {
	gen := a.current.Acquire()
	defer gen.Release()
	return gen.Config.Server.PreStopWait
}

var errCut = errors.New("requests were cut at shutdown")

// drainUnlessPressed drains, and exits at once when told to again.
func (a *app) drainUnlessPressed(signals <-chan os.Signal, wait time.Duration) error {
	whole := make(chan bool, 1)
	go func() { whole <- a.drain(context.Background(), wait) }()
	for {
		select {
		case ok := <-whole:
			if !ok {
				return errCut
			}
			return nil
		case s := <-signals:
			if s != syscall.SIGHUP {
				a.log.Warn("stopped at once by a second signal")
				os.Exit(1)
			}
		}
	}
}
