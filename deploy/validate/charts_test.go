package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	sigsyaml "sigs.k8s.io/yaml"
)

func renderValues(t *testing.T, text string) (*set, error) {
	t.Helper()
	values := map[string]any{}
	if err := sigsyaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	objects, tests, err := chart(filepath.Join(repository, chartFolder), "vsr-proxy", "vsr-system", values)
	return &set{objects: append(objects, tests...)}, err
}

func TestChartRefusesValues(t *testing.T) {
	for values, want := range map[string]string{
		"mode: proxy":    "mode",
		"modes: extproc": "modes",
		"image: {repository: vsr-proxy, tag: latest}": "tag",
		"replicas: 0":                              "replicas",
		"config: {models: []}":                     "models",
		"config: {models: [{endpoints: []}]}":      "name",
		"config: {routing: {default_model: null}}": "default_model",
		"extproc: {failureMode: maybe}":            "failureMode",
		"extproc: {messageTimeout: 2}":             "messageTimeout",
		"extproc: {messageTimeout: 1500ms}":        "messageTimeout",
		"extproc: {messageTimeout: 1s500ms}":       "messageTimeout",
		"config: {models: [{name: gpt@home}], routing: {default_model: gpt@home}}": "gpt@home",
		"config: {models: [{name: -a}]}":                                           "makes no name",
		"config: {models: [{name: a/b}, {name: a_b}]}":                             "like that of",
		"config: {models: [{name: default-pool}]}":                                 "the route for the rest",
		"resources: {limits: null}":                                                "limits",
		"autoscaling: {enabled: true, targetCPU: 50}":                              "targetCPU",
		"gateway: {name: Inference, namespace: inference}":                         "name",
	} {
		if _, err := renderValues(t, values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", values, err)
		}
	}
}

// failureMode auto is closed as soon as something protects.
func TestChartFailsClosedForConfigurationThatProtects(t *testing.T) {
	const block = "config: {routing: {decisions: [{name: a, action: block, rules: {type: domain, name: math}}]}}\n"
	const guard = "config: {routing: {signals: {pii: [{name: personal}]}}}\n"
	for values, want := range map[string]bool{
		"": true, block: false, guard: false, "extproc: {failureMode: closed}": false, block + "extproc: {failureMode: open}": true,
	} {
		s, err := renderValues(t, values)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range s.insertedFilters() {
			if got := f.process.GetFailureModeAllow(); got != want {
				t.Errorf("%q: failure_mode_allow is %v", values, got)
			}
		}
	}
}

// A release without keys waits for no Secret, and one with a key of its own name is tested with that.
func TestChartMountsKeysWhereThereAreSome(t *testing.T) {
	const endpoints = "models: [{name: m, endpoints: [{url: 'http://m.svc:80/v1'}]}], routing: {default_model: m}"
	for values, key := range map[string]string{
		"":                               "/keys/apps",
		"{api_keys: [], insecure: true}": "",
		"{api_keys: [{name: ours, file: ../keys/ours}]}":          "/keys/ours",
		"{api_keys: [{name: ours, env: KEY}], insecure: true}":    "",
		"{api_keys: [{name: a, env: K}, {file: ../keys/second}]}": "",
	} {
		server := ""
		if values != "" {
			server = ", server: " + values
		}
		s, err := renderValues(t, "mode: standalone\nconfig: {"+endpoints+server+"}")
		if err != nil {
			t.Fatal(err)
		}
		mounted := strings.Contains(values, "../keys/") || values == ""
		for _, o := range s.objects {
			if kind := o.GetKind(); kind != "Deployment" && kind != "Pod" {
				continue
			}
			if o.GetName() == "vsr-proxy-test-models" {
				if got := strings.Contains(fmt.Sprint(o.Object), key); !got || (key == "" && strings.Contains(fmt.Sprint(o.Object), "keys")) {
					t.Errorf("%s: the test of the door does not use the key %q", values, key)
				}
			} else if got := strings.Contains(fmt.Sprint(o.Object), "secretName"); got != mounted {
				t.Errorf("%s: %s mounts the Secret: %v", values, named(o), got)
			}
		}
	}
}

// A model's route and pool have the same valid name, which says so in values.yaml; the header has the model's own.
func TestChartMakesNamesOfModels(t *testing.T) {
	const values = "config: {models: [{name: meta-llama/Llama-3.1-8B}, {name: 'phi4:Mini_x'}], routing: {default_model: meta-llama/Llama-3.1-8B}}\n"
	for pools, want := range map[string]string{"": "meta-llama-llama-3.1-8b", "routes: {pools: [{model: meta-llama/Llama-3.1-8B, pool: other}]}": "other"} {
		s, err := renderValues(t, values+pools)
		if err != nil {
			t.Fatal(err)
		}
		for name, pool := range map[string]string{"meta-llama-llama-3.1-8b": want, "phi4-mini-x": "phi4-mini-x", "default-pool": want} {
			route := s.find("HTTPRoute", "inference", name)
			if route == nil {
				t.Fatalf("no route %s", name)
			}
			if got := text(list(list(route.Object, "spec", "rules")[0], "backendRefs")[0], "name"); got != pool {
				t.Errorf("%s leads to pool %s, want %s", name, got, pool)
			}
		}
		for _, f := range routerFindings(s) {
			if strings.Contains(f, "has no HTTPRoute") {
				t.Error(f)
			}
		}
	}
}

// What the schema takes for messageTimeout, Envoy reads, and the router starts with.
func TestChartTakesMessageTimeoutsThatEnvoyAndRouterTake(t *testing.T) {
	binary := binaryOr(t, true)
	for value, deadline := range map[string]string{"0.4s": "300ms", "1s": "750ms", "1.25s": "937ms", "2s": "", "10.5s": ""} {
		s, err := renderValues(t, "extproc: {messageTimeout: "+value+"}")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range s.insertedFilters() {
			if got := f.process.GetMessageTimeout().AsDuration().String(); got == "0s" {
				t.Errorf("%s: %s has no message_timeout", value, f.name)
			}
		}
		if got := len(s.insertedFilters()); got != 2 {
			t.Errorf("%s: %d filters", value, got)
		}
		config := texts(s.find("ConfigMap", "vsr-system", "vsr-proxy").Object, "data")["config.yaml"]
		if deadline != "" && !strings.Contains(config, "deadline: "+deadline) || deadline == "" && strings.Contains(config, "deadline") {
			t.Errorf("%s: want deadline %q in\n%s", value, deadline, config)
		}
		for _, f := range append(configFindings(s, binary), routerFindings(s)...) {
			if strings.Contains(f, "timeout") || strings.Contains(f, "deadline") {
				t.Errorf("%s: %s", value, f)
			}
		}
	}
	s, err := renderValues(t, "{extproc: {messageTimeout: 1s}, config: {classify: {deadline: 200ms}}}")
	if err != nil || !strings.Contains(texts(s.find("ConfigMap", "vsr-system", "vsr-proxy").Object, "data")["config.yaml"], "deadline: 200ms") {
		t.Errorf("the deadline of the values does not count: %v", err)
	}
}

func TestChartEqualsOverlays(t *testing.T) {
	found, err := equalFindings(repository)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

func TestDifferencesOfChartAreFound(t *testing.T) {
	made, err := renderValues(t, "replicas: 3\nextproc: {stripClientHeaders: false}\nserviceMonitor: {enabled: true}")
	if err != nil {
		t.Fatal(err)
	}
	for i := len(made.objects) - 1; i >= 0; i-- {
		if made.objects[i].GetKind() == "Pod" {
			made.objects = append(made.objects[:i], made.objects[i+1:]...)
		}
	}
	overlay := renderCase(t, "extproc, simulated backends")
	found := different(made, overlay, &set{objects: overlay.objects})
	wantFinding(t, found, "spec.replicas: 3 in the chart, 2 in the overlay")
	wantFinding(t, found, "ServiceMonitor vsr-system/vsr-proxy is in the chart alone")
	wantFinding(t, different(made, overlay, &set{}), "EnvoyFilter inference/vsr-client-headers is in the overlay alone")
}

func TestShippedChartHasNoFindings(t *testing.T) {
	sets, err := chartSets(repository)
	if err != nil {
		t.Fatal(err)
	}
	d, binary := loaded(t), binaryOr(t, false)
	for _, s := range sets {
		for _, f := range findings(s, d, secrets, binary) {
			t.Errorf("%s: %s", s.name, f)
		}
	}
}
