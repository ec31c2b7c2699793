//go:build e2e

// Package envoy_test sends requests through a real Envoy to bin/vsr-proxy as its
// external processor, in front of two pools of stub backends: each promise about
// that path, and the hazards X1 to X11, with the processes as they are deployed.
//
// Counts are small by default; VSR_E2E_LONG=1 takes those of the list of hazards.
package envoy_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// The pools, and the models they serve. The first is the default one.
const (
	llama = "llama3-8b"
	phi   = "phi4-mini"
)

// doors is a configuration with both doors open, and what all of them share.
// LLAMA and PHI stand for the pools' addresses.
const doors = `
server:
  listen: 127.0.0.1:0
  limits: {body_bytes: 10MiB}
  pre_stop_wait: 100ms
admin: {listen: "127.0.0.1:0"}
log: {format: json}
models:
  - {name: llama3-8b, endpoints: [{url: "http://LLAMA"}]}
  - {name: phi4-mini, aliases: [phi], endpoints: [{url: "http://PHI"}]}
`

// routes is the guide's routing.
const routes = `
extproc: {enabled: true, listen: EXTPROC}
routing:
  default_model: llama3-8b
  signals:
    domains: [{name: math, categories: [math], threshold: 0.5}]
  decisions:
    - {name: math, priority: 100, model: phi4-mini, rules: {type: domain, name: math}}
`

// mathPrompt is one that the embedded classifier knows for what it is, and
// plainPrompt one that is none.
const (
	mathPrompt  = "What is the derivative of x^3 + 2x with respect to x?"
	plainPrompt = "Who was the first emperor of Rome?"
)

// world is what all tests share: two pools, and folders. What a test changes or
// ends it starts for itself.
var world struct {
	folder, envoy, proxy string
	llama, phi           *rig.Backend
	shared               sync.Once
	processor            *rig.Processor
	gateway              *rig.Envoy
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	w := &world
	var err error
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if w.proxy, err = rig.Find("../..", "bin/vsr-proxy", "build"); err != nil {
		return fail(err)
	}
	if w.envoy, err = rig.Find("../..", rig.Binary, "e2e-envoy"); err != nil {
		return fail(err)
	}
	if w.folder, err = os.MkdirTemp("", "vsr-envoy-"); err != nil {
		return fail(err)
	}
	defer os.RemoveAll(w.folder)
	if w.llama, err = rig.StartBackend(llama, false); err != nil {
		return fail(err)
	}
	defer w.llama.Close()
	if w.phi, err = rig.StartBackend(phi, false); err != nil {
		return fail(err)
	}
	defer w.phi.Close()
	defer func() {
		if w.gateway != nil {
			w.gateway.Stop()
		}
		if w.processor != nil {
			w.processor.Stop()
		}
	}()
	return m.Run()
}

// long is the count of the list of hazards where the long form is asked for.
func long(short, long int) int {
	if os.Getenv("VSR_E2E_LONG") != "" {
		return long
	}
	return short
}

func settings(text string) string {
	return strings.NewReplacer("LLAMA", world.llama.Addr, "PHI", world.phi.Addr).Replace(text)
}

// processor starts one of the test's own.
func processor(t *testing.T, text string) *rig.Processor {
	t.Helper()
	p, err := rig.StartProcessor(world.folder, world.proxy, settings(text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Stop()
		sane(t, p)
	})
	return p
}

// sane looks for what no log of the processor may hold.
func sane(t *testing.T, p *rig.Processor) {
	t.Helper()
	for line := range strings.Lines(p.Log()) {
		if strings.Contains(line, "panic") || strings.Contains(line, "DATA RACE") || strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("the processor's log: %s", line)
		}
	}
}

// gateway starts an Envoy of the test's own; change may change what is shipped.
func gateway(t *testing.T, addr string, change ...func(*rig.Gateway)) *rig.Envoy {
	t.Helper()
	e, err := rig.StartEnvoy(world.folder, world.envoy, setup(addr, change...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	return e
}

// asShipped stands for the two filters of the manifests, in place of a mode.
const asShipped = ""

// reading has one filter, whose request_body_mode is mode.
func reading(mode string) func(*rig.Gateway) {
	return func(g *rig.Gateway) { g.Processor.RequestBody = mode }
}

func setup(addr string, change ...func(*rig.Gateway)) rig.Gateway {
	g := rig.Gateway{Processor: rig.Shipped(addr), Pools: []rig.Pool{{Name: llama, Addr: world.llama.Addr}, {Name: phi, Addr: world.phi.Addr}}}
	for _, c := range change {
		c(&g)
	}
	return g
}

// shared is a processor and a gateway as shipped, for tests that change nothing.
func shared(t *testing.T) (*rig.Processor, *rig.Envoy) {
	t.Helper()
	world.shared.Do(func() {
		p, err := rig.StartProcessor(world.folder, world.proxy, settings(doors+routes))
		if err != nil {
			t.Fatal(err)
		}
		world.processor = p
		if world.gateway, err = rig.StartEnvoy(world.folder, world.envoy, setup(p.Addr)); err != nil {
			t.Fatal(err)
		}
	})
	if world.processor == nil || world.gateway == nil {
		t.Fatal("the shared processor or gateway did not start")
	}
	return world.processor, world.gateway
}

var ids atomic.Int64

// newID is a test id that nobody else has.
func newID() string { return fmt.Sprintf("t%d", ids.Add(1)) }

// arrived gives what both pools got under a test id.
func arrived(id string) []rig.Arrival { return append(world.llama.Take(id), world.phi.Take(id)...) }

// eventually waits until what holds, and says why it doesn't.
func eventually(t *testing.T, what func() error) {
	t.Helper()
	for deadline := time.Now().Add(rig.Patience); ; time.Sleep(20 * time.Millisecond) {
		err := what()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", rig.Patience, err)
		}
	}
}

// quiet fails if Envoy counted anything that went wrong between it and the
// processor.
func quiet(t *testing.T, e *rig.Envoy) {
	t.Helper()
	stats, err := e.Stats("ext_proc")
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	for name, n := range stats {
		seen = seen || strings.HasSuffix(name, "streams_started")
		for _, bad := range []string{"spurious_msgs_received", "streams_failed", "message_timeouts", "failure_mode_allowed", "rejected_header_mutations", "http_not_ok_resp_received"} {
			if strings.HasSuffix(name, bad) && n != 0 {
				t.Errorf("Envoy counted %s: %d", name, n)
			}
		}
	}
	if !seen {
		t.Errorf("Envoy has no counters of its filter: %v", stats)
	}
}

// within waits for a channel to be closed.
func within(t *testing.T, done <-chan struct{}, why string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(rig.Patience):
		t.Fatal(why)
	}
}
