package rig

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed envoy.yaml.tmpl
var bootstrap string

// Gateway says how an Envoy is set up. What is left out is as in the manifests.
type Gateway struct {
	// Processor is nil where Envoy runs without one.
	Processor *Filter
	// Pools are clusters; the first is the default one.
	Pools []Pool
	// RouteHeader is matched against the pools' names.
	RouteHeader string
	// BufferLimit is what a filter that buffers may hold of one request.
	BufferLimit int
	// MaxHeaders are the most fields of a request; 0 means Envoy's own 100.
	MaxHeaders int
	// Unstripped leaves out the early header mutation.
	Unstripped bool
	// Threads are Envoy's workers; 0 means 2.
	Threads int
}

// Filter is the external processor's filter. Without RequestBody there are two, as
// in our manifests: one that buffers, and one for long bodies and those of unknown
// length, which has them streamed.
type Filter struct {
	Name           string
	Addr           string
	FailClosed     bool
	StatusOnError  bool
	MessageTimeout string
	RequestBody    string
	ResponseHeader string
	ResponseBody   string
	// AllowModeOverride is not in our manifests; the body-based router's has it.
	AllowModeOverride bool
	TLS               *ClientTLS

	// Lengths says of which bodies the filter sees only some: short or long.
	Lengths string
}

// ClientTLS are files. Without Cert Envoy shows no certificate.
type ClientTLS struct{ CA, Cert, Key string }

// Pool is a cluster of one endpoint. Envoy sends trailers only over HTTP/2.
type Pool struct {
	Name, Addr string
	HTTP2      bool
}

// Shipped are the filters as the manifests have it, for the processor at addr.
func Shipped(addr string) *Filter {
	return &Filter{
		Name: "vsr.ext_proc", Addr: addr, StatusOnError: true, MessageTimeout: "2s", ResponseHeader: "SEND", ResponseBody: "STREAMED",
	}
}

// Below are what the template asks for beside fields.

func split(addr string) (host string, port int) {
	host, text, _ := net.SplitHostPort(addr)
	port, _ = strconv.Atoi(text)
	return host, port
}

// Host is the endpoint's address, and Port its port.
func (p Pool) Host() string { h, _ := split(p.Addr); return h }

// Port is the endpoint's port.
func (p Pool) Port() int { _, n := split(p.Addr); return n }

// Host is the processor's address, and Port its port.
func (f *Filter) Host() string { h, _ := split(f.Addr); return h }

// Port is the processor's port.
func (f *Filter) Port() int { _, n := split(f.Addr); return n }

// FailOpen is Envoy's failure_mode_allow.
func (f *Filter) FailOpen() bool { return !f.FailClosed }

// StatPrefix is that of the filter's counters.
func (f *Filter) StatPrefix() string { return strings.ReplaceAll(f.Name, ".ext_proc", "") }

// Filters are those in front of the router filter.
func (g Gateway) Filters() []*Filter {
	if g.Processor == nil {
		return nil
	}
	if g.Processor.RequestBody != "" {
		return []*Filter{g.Processor}
	}
	short, long := *g.Processor, *g.Processor
	short.RequestBody, short.Lengths = "BUFFERED", "short"
	long.Name, long.RequestBody, long.Lengths = long.Name+"_large", "FULL_DUPLEX_STREAMED", "long"
	return []*Filter{&short, &long}
}

// Strip tells whether early header mutation is on.
func (g Gateway) Strip() bool { return !g.Unstripped }

// Envoy is a running one.
type Envoy struct {
	*Process
	URL   string // of the gateway
	Addr  string // host:port of it
	admin string
}

// Binary is where scripts/envoy.sh puts Envoy, seen from the root of the
// repository.
const Binary = ".cache/envoy-1.40.0/envoy"

// StartEnvoy starts an Envoy and waits until it listens. Files go to folder.
func StartEnvoy(folder, binary string, g Gateway) (*Envoy, error) {
	if g.RouteHeader == "" {
		g.RouteHeader = "x-selected-model"
	}
	if g.BufferLimit == 0 {
		g.BufferLimit = 4 << 20
	}
	if g.Threads == 0 {
		g.Threads = 2
	}
	file, err := render(folder, g)
	if err != nil {
		return nil, err
	}
	adminFile := file + ".admin"
	p, _, err := start(folder, false, binary, "-c", file, "--concurrency", strconv.Itoa(g.Threads), "--disable-hot-restart",
		"--admin-address-path", adminFile, "--log-level", "error", "--drain-time-s", "1", "--parent-shutdown-time-s", "2")
	if err != nil {
		return nil, err
	}
	e := &Envoy{Process: p}
	if err := e.ready(adminFile); err != nil {
		p.Kill()
		return nil, fmt.Errorf("envoy with %s: %w: %s", file, err, p.Log())
	}
	return e, nil
}

func render(folder string, g Gateway) (string, error) {
	t, err := template.New("envoy").Parse(bootstrap)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	if err := t.Execute(&text, g); err != nil {
		return "", err
	}
	file, err := os.CreateTemp(folder, "envoy-*.yaml")
	if err != nil {
		return "", err
	}
	defer file.Close()
	_, err = file.Write(text.Bytes())
	return file.Name(), err
}

// ready waits for the admin address and for the listener behind it.
func (e *Envoy) ready(adminFile string) error {
	deadline := time.Now().Add(Patience)
	for ; ; time.Sleep(20 * time.Millisecond) {
		if !e.Running() {
			return fmt.Errorf("it ended")
		}
		if e.listening(adminFile) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready after %v", Patience)
		}
	}
}

func (e *Envoy) listening(adminFile string) bool {
	if e.admin == "" {
		text, err := os.ReadFile(adminFile)
		if err != nil || len(text) == 0 {
			return false
		}
		e.admin = "http://" + strings.TrimSpace(string(text))
	}
	if text, err := get(e.admin + "/ready"); err != nil || strings.TrimSpace(text) != "LIVE" {
		return false
	}
	text, err := get(e.admin + "/listeners?format=json")
	var listeners struct {
		Statuses []struct {
			Local struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err != nil || json.Unmarshal([]byte(text), &listeners) != nil || len(listeners.Statuses) == 0 {
		return false
	}
	s := listeners.Statuses[0].Local.Socket
	e.Addr = net.JoinHostPort(s.Address, strconv.Itoa(s.Port))
	e.URL = "http://" + e.Addr
	return s.Port != 0
}

// Stats are Envoy's counters and gauges whose names hold part.
func (e *Envoy) Stats(part string) (map[string]int64, error) {
	text, err := get(e.admin + "/stats?filter=" + part)
	if err != nil {
		return nil, err
	}
	out := make(map[string]int64)
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if n, err := strconv.ParseInt(value, 10, 64); ok && err == nil {
			out[name] = n
		}
	}
	return out, nil
}

// plain makes a connection per request, and asks no proxy of the environment.
var plain = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}

func get(url string) (string, error) {
	resp, err := plain.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d: %s", url, resp.StatusCode, text)
	}
	return string(text), err
}

// Find gives the absolute path of a file of the repository, or an error that says
// which make target brings it.
func Find(root, file, target string) (string, error) {
	path, err := filepath.Abs(filepath.Join(root, file))
	if err == nil {
		_, err = exec.LookPath(path)
	}
	if err != nil {
		return "", fmt.Errorf("%w: run make %s first", err, target)
	}
	return path, nil
}
