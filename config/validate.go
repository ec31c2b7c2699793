package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// validate finds every value that can't work; it never stops at the first.
func (c *Config) validate(found *problems) {
	c.Server.validate(found)
	c.ExtProc.validate(found, c.Classify.Deadline)
	if !c.Server.Enabled && !c.ExtProc.Enabled {
		found.add("server.enabled", "no door is open: server.enabled, extproc.enabled or both must be true")
	}
	c.Admin.validate(found)
	c.Classify.validate(found)
	c.Upstream.validate(found)
	c.validateModels(found)
	c.validateRouting(found)
	c.Telemetry.validate(found)
	oneOf(found, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(found, "log.format", c.Log.Format, "text", "json")
}

func (s *Server) validate(found *problems) {
	listenAddress(found, "server.listen", s.Listen)
	if s.Enabled && !Loopback(s.Listen) && len(s.APIKeys) == 0 && !s.Insecure {
		found.add("server.listen", "%s can be reached from other machines and no API key is set: set server.api_keys, or server.insecure: true where something in front checks who calls", s.Listen)
	}
	names := map[string]bool{}
	for i, k := range s.APIKeys {
		path := index("server.api_keys", i)
		unique(found, path+".name", k.Name, names)
	}
	notNegative(found, "server.pre_stop_wait", s.PreStopWait)
	positive(found, "server.drain", s.Drain)
	l := s.Limits
	const at = "server.limits."
	positive(found, at+"header_bytes", l.HeaderBytes)
	positive(found, at+"header_fields", l.HeaderFields)
	positive(found, at+"header_timeout", l.HeaderTimeout)
	positive(found, at+"body_bytes", l.BodyBytes)
	positive(found, at+"body_timeout", l.BodyTimeout)
	positive(found, at+"body_memory", l.BodyMemory)
	positive(found, at+"json_depth", l.JSONDepth)
	positive(found, at+"messages", l.Messages)
	positive(found, at+"concurrency", l.Concurrency)
	notNegative(found, at+"wait", l.Wait)
	if l.BodyMemory < 2*l.BodyBytes {
		found.add(at+"body_memory", "less than twice body_bytes: a body is held as read and as sent, so the largest could never pass")
	}
}

func (a *Admin) validate(found *problems) {
	listenAddress(found, "admin.listen", a.Listen)
	if !Loopback(a.Listen) && !a.Insecure {
		found.add("admin.listen", "%s can be reached from other machines, and this door has no login: set admin.insecure: true where the network restricts who calls", a.Listen)
	}
	positive(found, "admin.batch_texts", a.BatchTexts)
}

func (c *Classify) validate(found *problems) {
	oneOf(found, "classify.accelerator", c.Accelerator, "auto", "cpu", "cuda", "tensorrt", "openvino", "coreml", "directml")
	oneOf(found, "classify.on_failure", c.OnFailure, "default", "refuse")
	oneOf(found, "classify.on_unread", c.OnUnread, "route", "default", "refuse")
	oneOf(found, "classify.on_guard_failure", c.OnGuardFailure, "refuse", "allow")
	oneOf(found, "classify.on_guard_unread", c.OnGuardUnread, "refuse", "allow")
	positive(found, "classify.deadline", c.Deadline)
	positive(found, "classify.max_windows", c.MaxWindows)
	positive(found, "classify.threads", c.Threads)
	notNegative(found, "classify.slots", c.Slots)
	notNegative(found, "classify.queue", c.Queue)
	names := map[string]bool{}
	for i, h := range c.Heads {
		path := index("classify.heads", i)
		unique(found, path+".head", h.Head, names)
		if h.ModelDir == "" {
			found.add(path+".model_dir", "missing")
		}
	}
	if c.Runtime.SHA256 != "" && len(c.Runtime.SHA256) != 64 {
		found.add("classify.runtime.sha256", "not a SHA-256 in hexadecimal (64 digits)")
	}
}

func (u *Upstream) validate(found *problems) {
	oneOf(found, "upstream.mode", u.Mode, "direct", "gateway")
	if u.Mode == "gateway" {
		u.Gateway.validate(found, "upstream.gateway", u.AllowLinkLocal)
	} else if u.Gateway.URL != "" {
		found.add("upstream.gateway", "has no effect unless upstream.mode is gateway")
	}
	t := u.Timeouts
	positive(found, "upstream.timeouts.dial", t.Dial)
	positive(found, "upstream.timeouts.tls", t.TLS)
	positive(found, "upstream.timeouts.response_header", t.ResponseHeader)
	positive(found, "upstream.timeouts.silence", t.Silence)
	positive(found, "upstream.timeouts.write", t.Write)
}

func (e *Endpoint) validate(found *problems, path string, linkLocal bool) {
	at := path + ".url"
	notNegative(found, path+".weight", e.Weight)
	if e.URL == "" {
		found.add(at, "missing")
		return
	}
	u, err := url.Parse(e.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		found.add(at, "not a base URL such as http://127.0.0.1:8000/v1")
	case u.User != nil:
		found.add(at, "holds credentials: use api_key_env or api_key_file")
	case u.RawQuery != "" || u.Fragment != "":
		found.add(at, "a base URL has no query and no fragment")
	case !linkLocal && isLinkLocal(u.Hostname()):
		found.add(at, "a link-local address (cloud metadata lives there): set upstream.allow_link_local: true if it is meant")
	}
}

func isLinkLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLinkLocalUnicast()
}

func (t *Telemetry) validate(found *problems) {
	oneOf(found, "telemetry.otlp_protocol", t.OTLPProtocol, "grpc", "http/protobuf")
	ratio(found, "telemetry.sample_ratio", t.SampleRatio)
}

// Loopback tells whether only this machine can reach a listener on hostport.
func Loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func listenAddress(found *problems, path, hostport string) {
	_, port, err := net.SplitHostPort(hostport)
	if err != nil {
		found.add(path, "%q is not host:port", hostport)
		return
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		found.add(path, "%q is not a port", port)
	}
}

func oneOf(found *problems, path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		found.add(path, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
}

func ratio(found *problems, path string, value float64) {
	if !(value >= 0 && value <= 1) {
		found.add(path, "%v is not between 0 and 1", value)
	}
}

type number interface{ ~int | ~int64 | ~float64 }

func positive[T number](found *problems, path string, value T) {
	if value <= 0 {
		found.add(path, "must be more than 0, got %v", show(value))
	}
}

func notNegative[T number](found *problems, path string, value T) {
	if value < 0 {
		found.add(path, "must not be negative, got %v", show(value))
	}
}

func show(value any) any {
	if d, ok := value.(time.Duration); ok {
		return d.String()
	}
	return value
}

// unique refuses an empty name and one that was seen before.
func unique(found *problems, path, name string, seen map[string]bool) {
	switch {
	case name == "":
		found.add(path, "missing")
	case seen[name]:
		found.add(path, "%q is used twice", name)
	}
	seen[name] = true
}
