//go:build mesh

package mesh

import (
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
		if err := until(20*time.Second, func() error {
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
	filter, err := rig.api.run("", "-n", "inference", "get", "envoyfilter", "vsr-ext-proc", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	const ours = "vsr.ext_proc"
	if !strings.Contains(filter, ours) {
		t.Fatalf("the filter is not named %s", ours)
	}
	t.Cleanup(func() { rig.restore(t) })
	rig.mustApply(t, renameFilter(filter, ours, "envoy.filters.http.ext_proc"))
	bypassed := func() error {
		a, err := ask(chat("auto", mathPrompt).with("x-selected-model", "llama3-8b"))
		if err == nil && (a.pool() != "llama3-8b" || a.selected() != "") {
			err = fmt.Errorf("the router was asked: %s", a)
		}
		return err
	}
	if err := until(20*time.Second, bypassed); err != nil {
		t.Fatal(err)
	}
}
