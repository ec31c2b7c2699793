package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	sigsyaml "sigs.k8s.io/yaml"
)

// routerConfig is what the manifests must agree with of a vsr-proxy configuration.
type routerConfig struct {
	Extproc struct {
		Enabled        bool
		MessageTimeout string `json:"message_timeout"`
	}
	Upstream struct {
		Mode    string
		Gateway struct{ URL string }
	}
	Models []struct {
		Name      string
		Endpoints []struct{ URL string }
	}
	Routing struct {
		DefaultModel string `json:"default_model"`
		Signals      map[string]any
		Decisions    []struct{ Action string }
	}
}

// protects says whether a request must not pass by the router.
func (c routerConfig) protects() bool {
	for _, d := range c.Routing.Decisions {
		if d.Action != "" {
			return true
		}
	}
	return c.Routing.Signals["jailbreak"] != nil || c.Routing.Signals["pii"] != nil
}

// configs are the ConfigMaps that hold a vsr-proxy configuration.
func configs(s *set) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, o := range s.ofKind("ConfigMap") {
		if texts(o.Object, "data")["config.yaml"] != "" {
			found = append(found, o)
		}
	}
	return found
}

// configFindings runs `vsr-proxy check` on every configuration.
func configFindings(s *set, binary string) []string {
	var found []string
	for _, o := range configs(s) {
		if out, err := checkConfig(binary, texts(o.Object, "data")["config.yaml"]); err != nil {
			found = append(found, fmt.Sprintf("%s: vsr-proxy check: %v: %s", named(o), err, strings.TrimSpace(out)))
		}
	}
	return found
}

func checkConfig(binary, config string) (string, error) {
	dir, err := os.MkdirTemp("", "config-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	for name, content := range map[string]string{"config/config.yaml": config, "keys/apps": "example"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	out, err := exec.Command(binary, "check", "-c", filepath.Join(dir, "config", "config.yaml")).CombinedOutput()
	return string(out), err
}

// routerFindings holds the router's configuration against what stands around it.
func routerFindings(s *set) []string {
	var found []string
	for _, o := range configs(s) {
		say := func(format string, args ...any) { found = append(found, named(o)+": "+fmt.Sprintf(format, args...)) }
		var c routerConfig
		if err := sigsyaml.Unmarshal([]byte(texts(o.Object, "data")["config.yaml"]), &c); err != nil {
			say("%v", err)
			continue
		}
		if c.Extproc.Enabled {
			processorFindings(s, c, say)
		}
		if c.Extproc.Enabled || c.Upstream.Mode == "gateway" {
			modelFindings(s, c, say)
		}
		if url := c.Upstream.Gateway.URL; url != "" && !madeByIstio(s, hostOf(url)) {
			say("the gateway %s is no Gateway here", url)
		}
		for _, m := range c.Models {
			for _, e := range m.Endpoints {
				host, port, _ := strings.Cut(hostOf(e.URL), ":")
				if service := serviceAt(s, host); service == nil || !servicePort(service, port) {
					say("endpoint %s of %s is no Service here", e.URL, m.Name)
				}
			}
		}
	}
	return found
}

func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// madeByIstio: a Gateway's Service is called like the Gateway and its class.
func madeByIstio(s *set, host string) bool {
	for _, g := range s.ofKind("Gateway") {
		service := g.GetName() + "-" + text(g.Object, "spec", "gatewayClassName") + "." + g.GetNamespace() + ".svc"
		if host == service || host == service+".cluster.local" {
			return true
		}
	}
	return false
}

// modelFindings: a decision must lead to a pool, and where there is none the default model's pool must answer.
func modelFindings(s *set, c routerConfig, say func(string, ...any)) {
	routes, fallback := map[string]bool{}, ""
	for _, route := range s.ofKind("HTTPRoute") {
		if len(words(route.Object, "spec", "hostnames")) > 0 {
			continue // a tenant's
		}
		for _, rule := range list(route.Object, "spec", "rules") {
			for _, match := range list(rule, "matches") {
				if len(list(match, "headers")) == 0 && text(match, "method") == "" {
					for _, backend := range list(rule, "backendRefs") {
						fallback = text(backend, "name")
					}
				}
				for _, h := range list(match, "headers") {
					if strings.EqualFold(text(h, "name"), "x-selected-model") && orElse(text(h, "type"), "Exact") == "Exact" {
						routes[text(h, "value")] = true
					}
				}
			}
		}
	}
	for _, m := range c.Models {
		if !routes[m.Name] {
			say("model %s has no HTTPRoute", m.Name)
		}
	}
	if fallback != c.Routing.DefaultModel {
		say("default model %s, but the route for the rest leads to %q", c.Routing.DefaultModel, fallback)
	}
}

func processorFindings(s *set, c routerConfig, say func(string, ...any)) {
	var ours []inserted
	for _, f := range s.insertedFilters() {
		if f.process != nil {
			ours = append(ours, f)
			oneProcessor(s, c, f, func(format string, args ...any) { say(named(f.by)+", "+f.name+": "+format, args...) })
		}
	}
	if len(ours) == 0 {
		say("no EnvoyFilter calls it")
	} else if !everyRequest(ours) {
		say("the filters don't share out all requests: one must skip what the other takes, and nothing else")
	}
	if !stripsHeader(s) {
		say("no EnvoyFilter takes a client's x-selected-model out before a route is matched")
	}
}

func oneProcessor(s *set, c routerConfig, f inserted, say func(string, ...any)) {
	if f.name == "envoy.filters.http.ext_proc" {
		say("a filter of Istio's own name is sent to the endpoint pickers")
	}
	if f.next != "envoy.filters.http.ext_proc" {
		say("it must stand right before the endpoint pickers' filter, not before %q", f.next)
	}
	cluster := f.process.GetGrpcService().GetEnvoyGrpc().GetClusterName()
	if at := istioCluster.FindStringSubmatch(cluster); at == nil {
		say("cluster %q is none of Istio's", cluster)
	} else if service := serviceAt(s, at[2]); service == nil || !servicePort(service, at[1]) {
		say("cluster %q is no Service here", cluster)
	}
	want, err := time.ParseDuration(orElse(c.Extproc.MessageTimeout, "2s"))
	if got := f.process.GetMessageTimeout().AsDuration(); err != nil || got != want {
		say("message_timeout is %s, of the router %s", got, want)
	}
	if c.protects() && f.process.GetFailureModeAllow() {
		say("decisions protect, but failure_mode_allow lets requests pass while the router is down")
	}
	modeFindings(f.process.GetProcessingMode(), say)
}

// everyRequest says whether each request meets exactly one of the filters: a single one that none skips, or two that skip
// by the same predicate, one of them turned round.
func everyRequest(filters []inserted) bool {
	if len(filters) == 1 {
		return filters[0].matched == nil
	}
	if len(filters) != 2 || filters[0].matched == nil || filters[1].matched == nil {
		return false
	}
	var predicates [2]*matcherv3.Matcher_MatcherList_Predicate
	for i, f := range filters {
		all := f.matched.GetXdsMatcher().GetMatcherList().GetMatchers()
		if len(all) != 1 || f.matched.GetXdsMatcher().GetOnNoMatch() != nil {
			return false
		}
		predicates[i] = all[0].GetPredicate()
	}
	return proto.Equal(predicates[0].GetNotMatcher(), predicates[1]) || proto.Equal(predicates[1].GetNotMatcher(), predicates[0])
}

func modeFindings(mode *extprocv3.ProcessingMode, say func(string, ...any)) {
	switch mode.GetRequestBodyMode() {
	case extprocv3.ProcessingMode_BUFFERED, extprocv3.ProcessingMode_FULL_DUPLEX_STREAMED:
	default:
		say("the router does not get the whole body")
	}
	if mode.GetRequestTrailerMode() != extprocv3.ProcessingMode_SEND {
		say("without request_trailer_mode SEND, names that only the router may set pass in trailers")
	}
	if mode.GetRequestHeaderMode() == extprocv3.ProcessingMode_SKIP || mode.GetResponseHeaderMode() == extprocv3.ProcessingMode_SKIP {
		say("the router needs the headers both ways")
	}
}

func stripsHeader(s *set) bool {
	for _, o := range s.ofKind("EnvoyFilter") {
		for _, p := range list(o.Object, "spec", "configPatches") {
			for _, early := range list(p, "patch", "value", "typed_config", "early_header_mutation_extensions") {
				for _, m := range list(early, "typed_config", "mutations") {
					if text(m, "remove") == "x-selected-model" {
						return true
					}
				}
			}
		}
	}
	return false
}
