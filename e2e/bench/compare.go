package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// The bar that the figures are held against; see docs/benchmarks.md.
const (
	wantThroughput = 0.85
	wantRSS        = 150 // MB
	wantFirst200   = 1500 * time.Millisecond
)

const settings = `
server: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
log: {level: warn}
models:
  - name: stub
    endpoints: [{url: %s}]
routing:
  default_model: stub
  signals: {domains: [{name: math, categories: [math]}]}
  decisions:
    - {name: math, rules: {type: domain, name: math}, model: stub}
`

func compare(o options) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	backend, stopBackend, err := child(exec.Command(self, "-role", "stub", "-reply", strconv.Itoa(o.reply)))
	if err != nil {
		return err
	}
	defer stopBackend()
	peer, stopPeer, err := child(exec.Command(self, "-role", "reverseproxy", "-target", backend.base))
	if err != nil {
		return err
	}
	defer stopPeer()
	ours, stopOurs, err := startProxy(o.binary, backend.base)
	if err != nil {
		return err
	}
	defer stopOurs()
	if err := startFigures(ours, backend); err != nil {
		return err
	}
	return throughput(o, peer, ours)
}

// startFigures prints how soon the proxy served and what it holds then.
func startFigures(ours, backend process) error {
	rss, err := ours.rssMB()
	if err != nil {
		return err
	}
	fmt.Printf("%-44s %10.0f ms   (bar: %d)\n", "start to the first 200, classified", ours.first.Seconds()*1000, wantFirst200.Milliseconds())
	fmt.Printf("%-44s %10.0f MB   (bar: %d)\n", "memory after it (RSS)", rss, wantRSS)
	return nil
}

func throughput(o options, peer, ours process) error {
	body := request("stub", o.body)
	var rates, cpus [2][]float64
	for round := range o.rounds + 1 { // the first one warms up
		for i, p := range []process{peer, ours} {
			before, err := p.cpu()
			if err != nil {
				return err
			}
			l := run(p.base, body, o)
			after, err := p.cpu()
			if err != nil {
				return err
			}
			if l.failed > 0 || l.requests == 0 {
				return fmt.Errorf("%s: %d of %d requests failed", p.name, l.failed, l.requests+l.failed)
			}
			if round == 0 {
				continue
			}
			rates[i] = append(rates[i], l.rate())
			cpus[i] = append(cpus[i], float64((after-before).Microseconds())/float64(l.requests))
			fmt.Printf("  %-14s %8.0f req/s  p50 %-9v p99 %-9v cpu %.1f us/request\n", p.name, l.rate(),
				l.p50.Round(time.Microsecond), l.p99.Round(time.Microsecond), cpus[i][round-1])
		}
	}
	fmt.Printf("%-44s %10.2f      (bar: %.2f)\n", fmt.Sprintf("throughput, ours / ReverseProxy, %d connections", o.connections),
		median(rates[1])/median(rates[0]), wantThroughput)
	fmt.Printf("%-44s %10.2f\n", "CPU per request, ours / ReverseProxy", median(cpus[1])/median(cpus[0]))
	return nil
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return s[len(s)/2]
}

// startProxy runs the binary with an explicit model and asks it until it has
// answered a classified request.
func startProxy(binary, backend string) (process, func(), error) {
	folder, err := os.MkdirTemp("", "vsr-bench-")
	if err != nil {
		return process{}, nil, err
	}
	file := filepath.Join(folder, "config.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, settings, backend), 0o600); err != nil {
		return process{}, nil, err
	}
	begin := time.Now()
	p, stop, err := child(exec.Command(binary, "serve", "-c", file, "--json-ready"))
	if err != nil {
		return p, nil, fmt.Errorf("start %s: %w", binary, err)
	}
	p.name = "vsr-proxy"
	if err := once(plain, p.base, request("auto", 200)); err != nil {
		stop()
		return p, nil, fmt.Errorf("first request: %w", err)
	}
	p.first = time.Since(begin)
	return p, func() { stop(); os.RemoveAll(folder) }, nil
}

// address reads the line that a child prints when it listens: a URL, or the
// JSON of --json-ready.
func address(out *bufio.Reader) (string, error) {
	line, err := out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("the process ended before it was ready: %w", err)
	}
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "{") {
		return line, nil
	}
	var ready struct {
		BaseURL string `json:"base_url"`
	}
	err = json.Unmarshal([]byte(line), &ready)
	return strings.TrimSuffix(ready.BaseURL, "/v1"), err
}
