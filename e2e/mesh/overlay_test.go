//go:build mesh

package mesh

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const gatewayKey = "mesh-test-key-of-the-apps"

// overlays/gateway: our proxy in front of the gateway. Apps call vsr-proxy, which
// sends all to the gateway with the header that the routes match.
func TestGatewayMode(t *testing.T) {
	t.Cleanup(func() {
		rig.mustRun(t, "-n", "vsr-system", "delete", "secret", "vsr-proxy-keys")
		rig.mustRun(t, "-n", "inference", "delete", "networkpolicy", "inference-gateway")
		rig.restore(t)
		rig.rolledOut(t, "vsr-system", "vsr-proxy")
	})
	rig.mustRun(t, "-n", "inference", "delete", "envoyfilter", "vsr-ext-proc", "vsr-client-headers")
	rig.mustRun(t, "-n", "vsr-system", "create", "secret", "generic", "vsr-proxy-keys", "--from-literal=apps="+gatewayKey)
	rendered, err := rig.overlay("overlays/gateway")
	if err != nil {
		t.Fatal(err)
	}
	rig.mustApply(t, rendered)
	rig.rolledOut(t, "vsr-system", "vsr-proxy")
	if err := until(60*time.Second, func() error {
		if filters, err := rig.filters(); err != nil || strings.Contains(strings.Join(filters, " "), "vsr.ext_proc") {
			return fmt.Errorf("the gateway still calls the router: %v %w", filters, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	door := "http://" + rig.routers()[0].address + ":8801"
	at := func(r request) request { return r.at(door).with("Authorization", "Bearer "+gatewayKey) }

	if a := mustAsk(t, at(chat("llama3-8b", "hello"))); a.status != 200 || a.pool() != "llama3-8b" || a.model() != "llama3-8b" || a.selected() != "llama3-8b" {
		t.Errorf("by name: %s", a)
	}
	for _, claim := range []string{"llama3-8b", ""} {
		r := at(chat("auto", mathPrompt))
		if claim != "" {
			r = r.with("x-selected-model", claim)
		}
		if a := mustAsk(t, r); a.status != 200 || a.pool() != "phi4-mini" || a.model() != "phi4-mini" || a.selected() != "phi4-mini" {
			t.Errorf("auto, x-selected-model %q: %s", claim, a)
		}
	}
	if a := mustAsk(t, at(request{method: http.MethodGet, path: "/v1/models"})); a.status != 200 || a.pod() != "" || !strings.Contains(string(a.body), "phi4-mini") {
		t.Errorf("models: %s", a)
	}
	if a := mustAsk(t, at(chat("gpt-9", "hello"))); a.status != 404 || a.code() != "model_not_found" {
		t.Errorf("unknown model: %s", a)
	}
	if a := mustAsk(t, chat("auto", "hello").at(door)); a.status != 401 || a.code() == "" {
		t.Errorf("without a key: %s", a)
	}
	stream := at(chat("auto", mathPrompt))
	stream.body = []byte(strings.Replace(string(stream.body), "{", `{"stream":true,`, 1))
	if a := mustAsk(t, stream); a.status != 200 || a.pool() != "phi4-mini" || !strings.HasSuffix(strings.TrimSpace(string(a.body)), "data: [DONE]") {
		t.Errorf("stream: %s", a)
	}
}

// P3: a change of the ConfigMap reaches the running routers: no restart, and what the
// new rule blocks is refused in our envelope, before any pool is asked.
func TestReloadAndBlock(t *testing.T) {
	config := rig.mustRun(t, "-n", "vsr-system", "get", "configmap", "vsr-proxy", "-o", `jsonpath={.data.config\.yaml}`)
	secret := chat("auto", "please tell me the blue heron password")
	if a := mustAsk(t, secret); a.status != 200 {
		t.Fatalf("before: %s", a)
	}
	before := rig.uptimes()
	changed := strings.Replace(config, "  signals:\n", "  signals:\n    keywords:\n      - {name: heron, operator: OR, keywords: [blue heron]}\n", 1)
	changed = strings.Replace(changed, "  decisions:\n", "  decisions:\n    - {name: no-herons, priority: 900, action: block, rules: {type: keyword, name: heron}}\n", 1)
	t.Cleanup(func() {
		rig.restore(t)
		if err := until(60*time.Second, func() error {
			if a, err := ask(secret); err != nil || a.status != 200 {
				return fmt.Errorf("%s %w", a, err)
			}
			return nil
		}); err != nil {
			t.Errorf("the shipped configuration did not come back: %v", err)
		}
	})
	rig.setConfig(t, changed)
	blocked := 0
	if err := until(60*time.Second, func() error {
		a, err := ask(secret)
		if err != nil {
			return err
		}
		if a.status != 403 || a.code() != "content_blocked" || a.pod() != "" {
			blocked = 0
			return fmt.Errorf("%s", a)
		}
		if blocked++; blocked < 10 { // both routers have it
			return fmt.Errorf("blocked %d times in a row", blocked)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if a := mustAsk(t, chat("auto", mathPrompt)); a.status != 200 || a.selected() != "phi4-mini" {
		t.Errorf("what is not blocked: %s", a)
	}
	if after := rig.uptimes(); after != before {
		t.Errorf("routers were %s and are %s: something was restarted", before, after)
	}

	// A file that does not load changes nothing.
	rig.setConfig(t, changed+"\nnonsense: true\n")
	if err := until(60*time.Second, func() error {
		if ok := rig.metric(t, "vsr_config_last_reload_successful"); ok != 0 {
			return fmt.Errorf("%v routers took it", ok)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if a := mustAsk(t, secret); a.status != 403 {
		t.Errorf("after a bad file: %s", a)
	}
}

// setConfig puts a text into the router's ConfigMap.
func (m *mesh) setConfig(t *testing.T, text string) {
	t.Helper()
	err := m.api.patch("/api/v1/namespaces/vsr-system/configmaps/vsr-proxy", map[string]any{"data": map[string]string{"config.yaml": text}})
	if err != nil {
		t.Fatal(err)
	}
}

// uptimes tells whether a router was restarted or replaced between two calls.
func (m *mesh) uptimes() string {
	var out []string
	for _, r := range m.routers() {
		out = append(out, fmt.Sprintf("%s process %d", r.pod.Meta.Name, r.units[0].process.cmd.Process.Pid))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// P2: a roll-out of the router under load: each request is decided, none is lost and
// none goes to the default pool because nobody was there.
func TestRollOutLosesNothing(t *testing.T) {
	stop := make(chan struct{})
	result := make(chan string, 1)
	go func() {
		n, first := 0, ""
		for {
			select {
			case <-stop:
				if first == "" && n < 50 {
					first = fmt.Sprintf("only %d requests were sent", n)
				}
				result <- first
				return
			default:
			}
			a, err := ask(chat("auto", mathPrompt))
			n++
			if first == "" && (err != nil || a.status != 200 || a.selected() != "phi4-mini" || a.pool() != "phi4-mini") {
				first = fmt.Sprintf("request %d: %s %v", n, a, err)
			}
		}
	}()
	old := rig.routers()
	rig.mustRun(t, "-n", "vsr-system", "rollout", "restart", "deployment/vsr-proxy")
	rig.rolledOut(t, "vsr-system", "vsr-proxy")
	err := until(60*time.Second, func() error {
		for _, r := range old {
			if r.units[0].process.running() {
				return fmt.Errorf("%s still runs", r.pod.Meta.Name)
			}
		}
		return nil
	})
	close(stop)
	if first := <-result; first != "" {
		t.Error(first)
	}
	if err != nil {
		t.Error(err)
	}
}
