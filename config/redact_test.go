package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/config"
)

const withKeys = `
server:
  api_keys: [{name: app, env: VSR_TEST_KEY}]
upstream:
  mode: direct
models:
  - name: small
    endpoints: [{url: "http://127.0.0.1:9001/v1", api_key_env: VSR_TEST_KEY}]
routing: {default_model: small}
`

// printed is the tree in every form that somebody may print it in.
func printed(t testing.TB, cfg *config.Config) string {
	t.Helper()
	redacted, err := json.Marshal(cfg.Redacted())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	out := string(redacted) + string(whole)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out += fmt.Sprintf("\n"+verb+verb+verb, *cfg, cfg, cfg.Models[0].Endpoints)
	}
	return out
}

// S2: no way to print the tree prints a key, and of a client's key not even the
// digest when redacted.
func TestPrintedConfigHoldsNoSecret(t *testing.T) {
	keys(t)
	cfg := parse(t, withKeys)
	if cfg.Models[0].Endpoints[0].Key().Reveal() != canary {
		t.Fatal("the key was not read")
	}
	text := printed(t, cfg)
	for _, secret := range []string{canary, fmt.Sprintf("%x", canary)} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in:\n%s", secret, text)
		}
	}
	if !strings.Contains(text, "VSR_TEST_KEY") {
		t.Error("the printed tree does not say where the keys come from")
	}
	digest := cfg.Server.APIKeys[0].Digest()
	redacted, _ := json.Marshal(cfg.Redacted())
	if strings.Contains(string(redacted), fmt.Sprintf("%x", digest)) {
		t.Error("the redacted tree shows a digest that was not in the file")
	}
}

// The redacted tree uses the words of the file, so that it can be compared with it.
func TestRedactedReadsAsConfiguration(t *testing.T) {
	cfg := parse(t, smallest)
	text, err := json.Marshal(cfg.Redacted()) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	again, err := config.Parse("config.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if a, b := fmt.Sprint(cfg.Redacted()), fmt.Sprint(again.Redacted()); a != b {
		t.Errorf("read back as\n%s\nwant\n%s", b, a)
	}
}
