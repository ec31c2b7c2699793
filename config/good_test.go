package config_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/config"
)

const smallest = `
models:
  - name: small
    endpoints:
      - url: http://127.0.0.1:9001/v1
routing:
  default_model: small
`

func parse(t testing.TB, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "config.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Everything that the smallest file leaves out has its default.
func TestDefaultsAreComplete(t *testing.T) {
	want := config.Default()
	want.Models = []config.Model{{Name: "small", Endpoints: []config.Endpoint{{URL: "http://127.0.0.1:9001/v1"}}}}
	want.Routing.DefaultModel = "small"
	got := parse(t, smallest)
	if !reflect.DeepEqual(got.Redacted(), want.Redacted()) {
		t.Errorf("got  %v\nwant %v", got.Redacted(), want.Redacted())
	}
}

// Whoever comments out all lines of a section leaves its name behind.
func TestEmptySectionsKeepTheirDefaults(t *testing.T) {
	want := parse(t, smallest).Redacted()
	got := parse(t, smallest+"  signals:\n  decisions:\nserver:\nadmin:\nclassify:\nupstream:\ntelemetry:\nlog:\n").Redacted()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// A partly given section keeps the rest of its defaults, at each depth.
func TestPartsOfASectionAreMerged(t *testing.T) {
	cfg := parse(t, smallest+"server:\n  limits:\n    json_depth: 8\nupstream:\n  timeouts:\n    dial: 3s\n")
	d := config.Default()
	d.Server.Limits.JSONDepth = 8
	d.Upstream.Timeouts.Dial = 3 * time.Second
	if !reflect.DeepEqual(cfg.Server, d.Server) || !reflect.DeepEqual(cfg.Upstream, d.Upstream) {
		t.Errorf("got %+v and %+v", cfg.Server, cfg.Upstream)
	}
}

// The limits are those that the documentation of the hazards names.
func TestDefaultLimits(t *testing.T) {
	l := config.Default().Server.Limits
	want := config.Limits{
		HeaderBytes: 64 << 10, HeaderFields: 100, HeaderTimeout: 5 * time.Second,
		BodyBytes: 32 << 20, BodyTimeout: 10 * time.Second, BodyMemory: 512 << 20,
		JSONDepth: 64, Messages: 2048, Concurrency: 1000, Wait: time.Second,
	}
	if l != want {
		t.Errorf("got %+v\nwant %+v", l, want)
	}
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	t.Setenv("VSR_SERVER_LISTEN", "127.0.0.1:9999")
	t.Setenv("VSR_SERVER_LIMITS_BODY_BYTES", "1MiB")
	t.Setenv("VSR_SERVER_LIMITS_JSON_DEPTH", "7")
	t.Setenv("VSR_SERVER_DRAIN", "7s")
	t.Setenv("VSR_CLASSIFY_ALLOW_CPU", "true")
	t.Setenv("VSR_TELEMETRY_SAMPLE_RATIO", "0.25")
	cfg := parse(t, smallest+"server:\n  listen: 127.0.0.1:1\n  drain: 1s\n")
	got := fmt.Sprint(cfg.Server.Listen, " ", cfg.Server.Limits.BodyBytes, " ", cfg.Server.Limits.JSONDepth, " ",
		cfg.Server.Drain, " ", cfg.Classify.AllowCPU, " ", cfg.Telemetry.SampleRatio)
	if want := "127.0.0.1:9999 1MiB 7 7s true 0.25"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A wrong value in the environment is refused like one in the file.
func TestBadEnvironmentIsRefused(t *testing.T) {
	for name, value := range map[string]string{
		"VSR_SERVER_DRAIN":             "30",
		"VSR_SERVER_LIMITS_BODY_BYTES": "plenty",
		"VSR_SERVER_INSECURE":          "perhaps",
		"VSR_SERVER_LISTEN":            "0.0.0.0:8801",
		"VSR_LOG_LEVEL":                "loud",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			_, err := config.Parse("config.yaml", []byte(smallest))
			path := strings.ToLower(strings.TrimPrefix(name, "VSR_"))
			last := path[strings.LastIndexByte(path, '_')+1:]
			if err == nil || !strings.Contains(err.Error(), last+": ") {
				t.Errorf("got %v, want an error that names the path of %s", err, name)
			}
		})
	}
}

func TestSizesAndDurations(t *testing.T) {
	for text, want := range map[string]config.Bytes{
		"4096": 4096, "64KiB": 64 << 10, "64KB": 64 << 10, "64k": 64 << 10, "1.5MiB": 3 << 19, "1GiB": 1 << 30, "1 GB": 1 << 30,
	} {
		cfg := parse(t, smallest+"server:\n  limits:\n    body_bytes: 1KiB\n    body_memory: 4GiB\n    header_bytes: "+text+"\n")
		if cfg.Server.Limits.HeaderBytes != want {
			t.Errorf("%s is %d, want %d", text, cfg.Server.Limits.HeaderBytes, want)
		}
	}
	for text, want := range map[string]time.Duration{"250ms": 250 * time.Millisecond, "1m30s": 90 * time.Second, "2h": 2 * time.Hour} {
		if cfg := parse(t, smallest+"server:\n  drain: "+text+"\n"); cfg.Server.Drain != want {
			t.Errorf("%s is %v, want %v", text, cfg.Server.Drain, want)
		}
	}
}

// What String prints, UnmarshalText reads back.
func TestSizesPrintAsTheyAreRead(t *testing.T) {
	for _, b := range []config.Bytes{0, 1, 1023, 1024, 1025, 1 << 20, 3 << 19, 1 << 30, 5<<30 + 1} {
		text, _ := b.MarshalText()
		var back config.Bytes
		if err := back.UnmarshalText(text); err != nil || back != b {
			t.Errorf("%d prints as %s and reads as %d (%v)", b, text, back, err)
		}
	}
}

func TestGatewayMode(t *testing.T) {
	keys(t)
	cfg := parse(t, `
upstream:
  mode: gateway
  gateway: {url: "https://gateway.example/v1", api_key_env: VSR_TEST_KEY}
models: [{name: small}, {name: large}]
routing: {default_model: small}
`)
	if cfg.Upstream.Gateway.Key().Reveal() != canary || len(cfg.Models) != 2 {
		t.Errorf("got %+v", cfg)
	}
}

// Keys come from the environment or from a file beside the configuration; of a
// client's key only the digest stays.
func TestKeysAreResolved(t *testing.T) {
	keys(t)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "backend.key"), []byte(canary+"-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	given := sha256.Sum256([]byte("third"))
	cfg, err := config.Parse(filepath.Join(folder, "config.yaml"), []byte(fmt.Sprintf(`
server:
  listen: 0.0.0.0:8801
  api_keys:
    - {name: one, env: VSR_TEST_KEY}
    - {name: two, file: backend.key}
    - {name: three, sha256: %s}
models:
  - name: small
    endpoints:
      - {url: "http://127.0.0.1:9001/v1", api_key_env: VSR_TEST_KEY}
      - {url: "http://127.0.0.1:9002/v1", api_key_file: backend.key}
routing: {default_model: small}
classify: {model_dir: model, heads: [{head: pii, model_dir: names}], runtime: {path: lib/ort.so}}
`, hex.EncodeToString(given[:]))))
	if err != nil {
		t.Fatal(err)
	}
	e := cfg.Models[0].Endpoints
	if e[0].Key().Reveal() != canary || e[1].Key().Reveal() != canary+"-file" {
		t.Error("the endpoints' keys are not those of the environment and the file")
	}
	for i, want := range [][32]byte{sha256.Sum256([]byte(canary)), sha256.Sum256([]byte(canary + "-file")), given} {
		if cfg.Server.APIKeys[i].Digest() != want {
			t.Errorf("digest %d is not that of the key", i)
		}
	}
	file := filepath.Join(folder, "backend.key")
	if got := cfg.Files(); !slices.Equal(got, []string{file, file}) {
		t.Errorf("Files() = %v, want the key file twice: for the endpoint and the client", got)
	}
	if cfg.Classify.ModelDir != filepath.Join(folder, "model") || cfg.Classify.Runtime.Path != filepath.Join(folder, "lib/ort.so") {
		t.Errorf("relative paths became %s and %s", cfg.Classify.ModelDir, cfg.Classify.Runtime.Path)
	}
	if want := []config.HeadModel{{Head: "pii", ModelDir: filepath.Join(folder, "names")}}; !slices.Equal(cfg.Classify.Heads, want) {
		t.Errorf("heads became %v, want %v", cfg.Classify.Heads, want)
	}
}

// S4: a door that others can reach needs a key or a word that it needs none.
func TestLoopback(t *testing.T) {
	for hostport, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true, "[::ffff:127.0.0.1]:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "example.org:1": false,
		"localhost.example.org:1": false, "127.0.0.1": false, "": false,
	} {
		if got := config.Loopback(hostport); got != want {
			t.Errorf("Loopback(%q) = %v", hostport, got)
		}
	}
	for _, text := range []string{
		"server: {listen: '0.0.0.0:1', insecure: true}\n",
		"admin: {listen: '0.0.0.0:1', insecure: true}\n",
		"upstream: {allow_link_local: true}\n",
	} {
		parse(t, smallest+text)
	}
}

// The commented example at the top of the repository is a configuration.
func TestExampleLoads(t *testing.T) {
	if _, err := config.Load("../config.yaml"); err != nil {
		t.Fatal(err)
	}
}

// The reference names every key, and so can't fall behind.
func TestEveryKeyIsDocumented(t *testing.T) {
	const reference = "../docs/configuration.md"
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keysOf(reflect.TypeFor[config.Config]()) {
		if !regexp.MustCompile(`\b` + key + `\b`).Match(text) {
			t.Errorf("%s does not name %q", reference, key)
		}
	}
}

// keysOf are the names that a file may use for the fields of t and below.
func keysOf(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Slice:
		return keysOf(t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		if name := f.Tag.Get("mapstructure"); name != "" {
			out = append(out, name)
		}
		if f.IsExported() && f.Type != reflect.SliceOf(t) { // rules nest
			out = append(out, keysOf(f.Type)...)
		}
	}
	return out
}

// The rules that protect read everything unless they are told not to; each
// signal's own threshold stands in the file or is the classifier's.
func TestLearnedSignalsHaveDefaults(t *testing.T) {
	cfg := parse(t, smallest+`
  signals:
    jailbreak: [{name: a}, {name: b, threshold: 0.7, include_history: false}]
    pii: [{name: a, pii_types_allowed: [PERSON]}, {name: b, include_history: "true"}]
    complexity: [{name: a}]
  decisions:
    - {name: d, action: block, rules: {type: jailbreak, name: a}}
`)
	s := cfg.Routing.Signals
	if !*s.Jailbreak[0].IncludeHistory || *s.Jailbreak[1].IncludeHistory || !*s.PII[0].IncludeHistory || !*s.PII[1].IncludeHistory {
		t.Errorf("include_history: %v", cfg.Redacted()["routing"])
	}
	if s.Jailbreak[0].Threshold != 0 || s.Jailbreak[1].Threshold != .7 || !slices.Equal(s.PII[0].TypesAllowed, []string{"PERSON"}) {
		t.Errorf("%+v", s)
	}
	if got := s.Names(); !slices.Equal(got, []string{"a", "b", "a", "b", "a"}) {
		t.Errorf("names %q", got)
	}
	text := fmt.Sprint(cfg.Redacted()["routing"])
	if !strings.Contains(text, "include_history:true") || !strings.Contains(text, "include_history:false") || cfg.Classify.OnGuardFailure != "refuse" || cfg.Classify.OnGuardUnread != "refuse" {
		t.Errorf("%s", text)
	}
}
