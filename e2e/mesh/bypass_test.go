//go:build mesh

package mesh

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

const mathPrompt = "What is the derivative of x^3 * ln(x) with respect to x?"

// H1: what a client says of the model in a header does not count, whether the
// gateway takes it out before its routes are matched, as shipped, or the router
// alone stands there.
func TestClientHeaderDoesNotBypassTheRouter(t *testing.T) {
	try := func(t *testing.T) {
		for _, claim := range []string{"llama3-8b", "phi4-mini", "no-such-model", ""} {
			a := mustAsk(t, chat("auto", mathPrompt).with("x-selected-model", claim))
			if a.status != 200 || a.selected() != "phi4-mini" || a.pool() != "phi4-mini" {
				t.Errorf("x-selected-model: %q: %s", claim, a)
			}
		}
	}
	t.Run("gateway and router", try)
	t.Run("router alone", func(t *testing.T) {
		rig.without(t, "envoyfilter", "inference", "vsr-client-headers")
		if err := until(60*time.Second, func() error {
			listener, err := rig.listener()
			if err == nil && strings.Contains(listener, "vsr.strip_client_headers") {
				err = fmt.Errorf("the gateway still strips headers")
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		try(t)
	})
}

// The negative control: a processor under Istio's own filter name is sent to the
// endpoint picker by the route's override, and what the client says is believed.
// It says why ours has a name of its own, and that the test above can fail.
func TestWithIstiosFilterNameTheRouterIsBypassed(t *testing.T) {
	rig.without(t, "envoyfilter", "inference", "vsr-client-headers")
	t.Cleanup(func() { rig.restore(t) })
	rig.mustApply(t, istiosName(t, rig.mustRun(t, "-n", "inference", "get", "envoyfilter", "vsr-ext-proc", "-o", "json")))
	bypassed := func() error {
		a, err := ask(chat("auto", mathPrompt).with("x-selected-model", "llama3-8b"))
		if err == nil && (a.pool() != "llama3-8b" || a.selected() != "") {
			err = fmt.Errorf("the router was asked: %s", a)
		}
		return err
	}
	if err := until(60*time.Second, bypassed); err != nil {
		t.Fatal(err)
	}
}

// istiosName makes of our EnvoyFilter one that adds the same processor in one
// plain filter, under the name of Istio's own.
func istiosName(t *testing.T, filter string) string {
	t.Helper()
	var object struct {
		Version string          `json:"apiVersion"`
		Kind    string          `json:"kind"`
		Meta    map[string]any  `json:"metadata"`
		Spec    envoyFilterSpec `json:"spec"`
	}
	if err := json.Unmarshal([]byte(filter), &object); err != nil {
		t.Fatal(err)
	}
	var kept []map[string]any
	for _, p := range object.Spec.Patches {
		value := p["patch"].(map[string]any)["value"].(map[string]any)
		switch value["name"] {
		case "vsr.ext_proc":
			config := value["typed_config"].(map[string]any)
			if inner, ok := config["extension_config"].(map[string]any); ok {
				config = inner["typed_config"].(map[string]any)
			}
			value["name"], value["typed_config"] = "envoy.filters.http.ext_proc", config
		case "vsr.ext_proc_large":
			continue
		}
		kept = append(kept, p)
	}
	object.Spec.Patches = kept
	object.Meta = map[string]any{"name": object.Meta["name"], "namespace": object.Meta["namespace"]}
	out, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), `"vsr.ext_proc`) {
		t.Fatalf("a filter kept its name: %s", out)
	}
	return string(out)
}

type envoyFilterSpec struct {
	Priority int              `json:"priority"`
	Selector map[string]any   `json:"workloadSelector"`
	Patches  []map[string]any `json:"configPatches"`
}
