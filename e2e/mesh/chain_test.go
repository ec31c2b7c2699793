//go:build mesh

package mesh

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const policies = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: mesh-test, namespace: inference}
spec:
  targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: inference-gateway}]
  action: DENY
  rules:
    - when: [{key: "request.headers[x-team]", values: ["barred"]}]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: mesh-test, namespace: inference}
spec:
  targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: inference-gateway}]
  jwtRules:
    - issuer: mesh-test
      jwks: '{"keys":[{"kty":"oct","kid":"none","k":"bWVzaC10ZXN0LW1lc2gtdGVzdC1tZXNoLXRlc3Q","alg":"HS256"}]}'
`

// X9: who may call is settled before what is asked is read: in the listener that
// istiod generates, JWT and authorisation come first, then the router, then the
// endpoint pickers. A request that a policy refuses never reaches the router, and
// the route that the router chooses lets nobody past the policy.
func TestRouterStandsBetweenAuthorizationAndPickers(t *testing.T) {
	t.Cleanup(func() {
		rig.mustRun(t, "-n", "inference", "delete", "authorizationpolicy,requestauthentication", "mesh-test")
		rig.settle(t)
	})
	rig.mustApply(t, policies)
	var names []string
	if err := until(60*time.Second, func() (err error) {
		names, err = rig.filters()
		if err == nil && (!slices.Contains(names, "envoy.filters.http.rbac") || !slices.Contains(names, "envoy.filters.http.jwt_authn")) {
			err = fmt.Errorf("no policies among the filters %v", names)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	order := []string{"envoy.filters.http.jwt_authn", "envoy.filters.http.rbac", "vsr.ext_proc", "vsr.ext_proc_large", "envoy.filters.http.ext_proc", "envoy.filters.http.router"}
	last := -1
	for _, name := range order {
		at := slices.Index(names, name)
		if at <= last {
			t.Errorf("%s stands at %d, not after %d: %v", name, at, last, names)
		}
		last = at
	}
	before := rig.metric(t, "llm_model_requests_total")
	for _, model := range []string{"auto", "llama3-8b", "phi4-mini"} {
		for _, claim := range []string{"", "llama3-8b", "phi4-mini"} {
			r := chat(model, mathPrompt).with("x-team", "barred")
			if claim != "" {
				r = r.with("x-selected-model", claim)
			}
			if a := mustAsk(t, r); a.status != 403 || a.pod() != "" || a.selected() != "" {
				t.Errorf("model %s, x-selected-model %q: the policy was passed: %s", model, claim, a)
			}
		}
	}
	if after := rig.metric(t, "llm_model_requests_total"); after != before {
		t.Errorf("the router was asked %v times about requests that a policy refuses", after-before)
	}
	if a := mustAsk(t, chat("auto", mathPrompt)); a.status != 200 || a.selected() != "phi4-mini" {
		t.Errorf("without the header: %s", a)
	}
	if a := mustAsk(t, chat("auto", mathPrompt).with("Authorization", "Bearer not.a.token")); a.status != 401 || a.selected() != "" {
		t.Errorf("a bad token: %s", a)
	}
}
