package main

import (
	"strings"
	"testing"
)

// configure exchanges a piece of the router's configuration.
func configure(t *testing.T, s *set, from, to string) {
	t.Helper()
	o := s.find("ConfigMap", "vsr-system", "vsr-proxy")
	config := texts(o.Object, "data")["config.yaml"]
	if !strings.Contains(config, from) {
		t.Fatalf("the configuration has no %q", from)
	}
	o.Object["data"] = map[string]any{"config.yaml": strings.Replace(config, from, to, 1)}
}

const shippedDecision = "model: phi4-mini, rules: {type: domain, name: math}"

// A configuration that protects must not be passed by while the router is down.
func TestProtectingConfigurationMustFailClosed(t *testing.T) {
	d := loaded(t)
	s := renderCase(t, "extproc, simulated backends")
	configure(t, s, shippedDecision, "action: block, rules: {type: domain, name: math}")
	wantFinding(t, findings(s, d, secrets, "/bin/true"), "decisions protect")

	s = renderCase(t, "extproc with fail-closed")
	configure(t, s, shippedDecision, "action: block, rules: {type: domain, name: math}")
	if found := findings(s, d, secrets, "/bin/true"); len(found) > 0 {
		t.Errorf("with components/fail-closed: %q", found)
	}
}

func TestConfigurationThatDoesNotLoadIsRefused(t *testing.T) {
	s := renderCase(t, "gateway")
	configure(t, s, "default_model: llama3-8b", "default_model: llama4")
	wantFinding(t, configFindings(s, binaryOr(t, true)), "llama4")
}

func TestGatewayAndEndpointsOfTheConfigurationExist(t *testing.T) {
	s := renderCase(t, "gateway")
	configure(t, s, "inference-gateway-istio.inference.svc", "gateway.inference.svc")
	wantFinding(t, routerFindings(s), "is no Gateway here")

	s = renderCase(t, "standalone, simulated backends")
	configure(t, s, "http://phi4-mini.inference.svc:8000", "http://phi4-mini.inference.svc:80")
	wantFinding(t, routerFindings(s), "is no Service here")
}
