package rig

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Processor is a running vsr-proxy serve.
type Processor struct {
	*Process
	// Addr is the door for Envoy, host:port; Base the door for apps, with /v1,
	// empty where it is not open; Admin the operators' door.
	Addr, Base, Admin string

	folder, binary string
	File           string // of the configuration
}

// StartProcessor runs the binary with a configuration, and waits until it is
// ready. EXTPROC in the text stands for a free address, and a restart takes the
// same one.
func StartProcessor(folder, binary, settings string) (*Processor, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(folder, "processor-")
	if err != nil {
		return nil, err
	}
	p := &Processor{folder: own, binary: binary, Addr: addr, File: filepath.Join(own, "config.yaml")}
	if err := p.Configure(settings); err != nil {
		return nil, err
	}
	return p, p.Restart()
}

// Configure writes the configuration; the running process sees that by itself.
func (p *Processor) Configure(settings string) error {
	text := strings.ReplaceAll(settings, "EXTPROC", p.Addr)
	return os.WriteFile(p.File, []byte(text), 0o600)
}

// Restart starts the process anew, after an end or for the first time.
func (p *Processor) Restart() error {
	process, line, err := start(p.folder, true, p.binary, "serve", "-c", p.File, "--json-ready")
	if err != nil {
		return err
	}
	p.Process = process
	var ready struct {
		Base  string `json:"base_url"`
		Admin string `json:"admin_url"`
	}
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		p.Kill()
		return fmt.Errorf("ready line %q: %w", line, err)
	}
	p.Base, p.Admin = ready.Base, ready.Admin
	return nil
}

// freeAddr is a loopback address that nobody listens on now. It is the one thing
// here that can be lost to somebody else: a restart must find the same port, so
// it can't be taken by port 0.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Metric sums the samples of a metric whose labels all stand in the line as given,
// as in `route="x"`.
func (p *Processor) Metric(name string, labels ...string) (float64, error) {
	text, err := get(p.Admin + "/metrics")
	if err != nil {
		return 0, err
	}
	sum := 0.0
lines:
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(rest, label) {
				continue lines
			}
		}
		value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", name, err)
		}
		sum += value
	}
	return sum, nil
}
