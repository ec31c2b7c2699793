package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// The ways that requests take. Bare is the one all others are held against, and
// peer the one that the bars are made of.
const (
	bare    = "no processor"
	shipped = "vsr-proxy as shipped" // buffered, for bodies of these sizes
	duplex  = "vsr-proxy full duplex"
	request = "vsr-proxy answers unseen" // as shipped but for the answers, which the peer does not see either
	peer    = "body-based router"
)

// way is an Envoy with what stands behind it.
type way struct {
	name      string
	envoy     *rig.Envoy
	processor *rig.Process // nil without one

	cpu, own, p50 []float64 // figures of each round
}

// settings are the guide's routing, at the log level of the other benchmarks.
const settings = `
server: {enabled: false}
extproc: {enabled: true, listen: EXTPROC}
admin: {listen: "127.0.0.1:0"}
log: {level: warn}
models: [{name: llama3-8b}, {name: phi4-mini}]
routing:
  default_model: llama3-8b
  signals: {domains: [{name: math, categories: [math], threshold: 0.5}]}
  decisions:
    - {name: math, priority: 100, model: phi4-mini, rules: {type: domain, name: math}}
`

// open starts everything.
func open(o options, folder string) (ways []*way, stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range slices.Backward(stops) {
			s()
		}
	}
	var pools []rig.Pool
	for _, name := range []string{"llama3-8b", "phi4-mini"} {
		b, err := rig.StartBackend(name, true)
		if err != nil {
			return nil, stop, err
		}
		stops = append(stops, b.Close)
		pools = append(pools, rig.Pool{Name: name, Addr: b.Addr})
	}
	binary, err := filepath.Abs(o.binary)
	if err != nil {
		return nil, stop, err
	}
	add := func(name string, g rig.Gateway, processor *rig.Process) error {
		if name != bare && o.only != "" && !slices.Contains(strings.Split(o.only, ","), name) {
			return nil
		}
		g.Pools, g.BufferLimit, g.Threads = pools, 4<<20, 1
		e, err := rig.StartEnvoy(folder, o.envoy, g)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		stops = append(stops, e.Stop)
		ways = append(ways, &way{name: name, envoy: e, processor: processor})
		return nil
	}
	ours, err := rig.StartProcessor(folder, binary, settings)
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, ours.Stop)
	if err := add(bare, rig.Gateway{}, nil); err != nil {
		return nil, stop, err
	}
	streaming, unseen := rig.Shipped(ours.Addr), rig.Shipped(ours.Addr)
	streaming.RequestBody = "FULL_DUPLEX_STREAMED"
	unseen.ResponseHeader, unseen.ResponseBody = "SKIP", "NONE"
	for _, w := range []struct {
		name   string
		filter *rig.Filter
	}{{shipped, rig.Shipped(ours.Addr)}, {duplex, streaming}, {request, unseen}} {
		if err := add(w.name, rig.Gateway{Processor: w.filter}, ours.Process); err != nil {
			return nil, stop, err
		}
	}
	if o.peer == "" {
		return ways, stop, nil
	}
	router, stopPeer, err := startPeer(folder, o.peer)
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, stopPeer)
	return ways, stop, add(peer, rig.Gateway{RouteHeader: "x-gateway-model-name", Unstripped: true, Processor: &rig.Filter{
		// As the router's own chart sets it up for Istio.
		Name: "envoy.filters.http.ext_proc", Addr: router.addr, FailClosed: true, AllowModeOverride: true, MessageTimeout: "0.2s",
		RequestBody: "FULL_DUPLEX_STREAMED", ResponseHeader: "SKIP", ResponseBody: "NONE",
	}}, router.Process)
}

// spent is the CPU time of both processes, and of the processor alone.
func (w *way) spent() (sum, own time.Duration, err error) {
	if sum, err = w.envoy.CPU(); err != nil || w.processor == nil {
		return sum, 0, err
	}
	own, err = w.processor.CPU()
	return sum + own, own, err
}
