package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/vsr-proxy/vsr-proxy/cmd/vsr-proxy/internal/simulate"
	"github.com/vsr-proxy/vsr-proxy/config"
)

//go:embed demo.yaml
var demoYAML string

type demoOptions struct {
	listen, admin string
	delay         time.Duration
	jsonReady     bool
}

func newDemo() *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run the proxy with two built-in, simulated backends",
		Long:  "Demo needs no configuration and no backend: classification, routing and streaming\nare real; llama3-8b and phi4-mini are simulated inside the process, and their\nanswers say so.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return demo(c.Context(), c.OutOrStdout(), o) },
	}
	c.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8801", "`host:port` for apps")
	c.Flags().StringVar(&o.admin, "admin", "127.0.0.1:8802", "`host:port` for operators")
	c.Flags().DurationVar(&o.delay, "token-delay", 15*time.Millisecond, "pause of the simulated backends between two tokens")
	readyFlag(c, &o.jsonReady)
	return c
}

func demo(ctx context.Context, out io.Writer, o demoOptions) error {
	backends := map[string]string{}
	for _, name := range []string{"llama3-8b", "phi4-mini"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("start simulated %s: %w", name, err)
		}
		server := &http.Server{Handler: simulate.New(name, simulate.Options{TokenDelay: o.delay}), ReadHeaderTimeout: 5 * time.Second}
		defer server.Close()
		go server.Serve(l)
		backends[name] = "http://" + l.Addr().String()
	}
	a, err := start(ctx, func() (*config.Config, error) {
		return demoConfig(o.listen, o.admin, backends["llama3-8b"], backends["phi4-mini"])
	})
	if err != nil {
		return err
	}
	if o.jsonReady {
		a.printReady(out)
	} else {
		door, adminDoor := a.urls()
		fmt.Fprintf(out, demoText, door, door, door, door, adminDoor)
	}
	return a.untilSignal()
}

const demoText = `
vsr-proxy demo: real classifier, real routing; the two models are simulated.

  export OPENAI_BASE_URL=%s/v1

Try, in another terminal:

  curl -i %s/v1/chat/completions -H 'content-type: application/json' -d '{"model":"auto","messages":[{"role":"user","content":"What is 2+2 * (5-1)?"}]}'
  curl -i %s/v1/chat/completions -H 'content-type: application/json' -d '{"model":"auto","messages":[{"role":"user","content":"Why did the Roman Empire fall?"}]}'
  curl -N %s/v1/chat/completions -H 'content-type: application/json' -d '{"model":"llama3-8b","stream":true,"messages":[{"role":"user","content":"Hello!"}]}'

Look at x-vsr-selected-model and x-vsr-selected-category in the answers.
Metrics and health: %s/metrics, /readyz. Stop with Ctrl-C.
`

// demoConfig fills the demo's file in. The demo stops without waiting for load
// balancers, since there are none.
func demoConfig(listen, admin, llama, phi string) (*config.Config, error) {
	values := map[string]string{"LISTEN": listen, "ADMIN": admin, "LLAMA3_8B": llama, "PHI4_MINI": phi}
	return config.Parse("demo", []byte(os.Expand(demoYAML, func(name string) string { return values[name] })))
}
