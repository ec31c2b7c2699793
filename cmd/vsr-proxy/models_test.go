package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify/models"
	"github.com/vsr-proxy/vsr-proxy/classify/models/hub/hubtest"
	"github.com/vsr-proxy/vsr-proxy/config"
)

// command runs vsr-proxy and gives its exit status and what it printed.
func command(args ...string) (status int, out, errOut string) {
	var o, e bytes.Buffer
	status = run(args, &o, &e)
	return status, o.String(), e.String()
}

// pulled downloads files from a hub on this machine into a new folder.
func pulled(t *testing.T, files map[string][]byte, flags ...string) (folder, out string) {
	t.Helper()
	server := hubtest.Start(files)
	defer server.Close()
	server.Token = "hf_canary"
	t.Setenv("HF_ENDPOINT", server.URL)
	t.Setenv("HF_TOKEN", server.Token)
	folder = filepath.Join(t.TempDir(), "model")
	status, out, errOut := command(slices.Concat([]string{"models", "pull", hubtest.Repo, "--revision", hubtest.Revision, "--out", folder}, flags)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errOut)
	}
	if strings.Contains(out+errOut, server.Token) || strings.Contains(out+errOut, hubtest.Signature) {
		t.Errorf("printed what is secret: %s%s", out, errOut)
	}
	return folder, out
}

// What was downloaded runs: the guard and the tagger answer in one configuration
// with the embedded model.
func TestPulledModelsAnswer(t *testing.T) {
	lib := library(t)
	guard, out := pulled(t, hubtest.Guard(), "--head", "jailbreak")
	for _, want := range []string{"as the hub states", `looks for "INJECTION"`, "licence, as its model card states it: apache-2.0", "--sha256 " + hubtest.SHA256(hubtest.Guard()["onnx/model.onnx"]), "{head: jailbreak, model_dir: " + guard + "}", "vsr-proxy models verify --run " + guard} {
		if !strings.Contains(out, want) {
			t.Errorf("output does not have %q:\n%s", want, out)
		}
	}
	tagger, _ := pulled(t, hubtest.Tagger(), "--head", "pii")
	t.Setenv("VSR_CLASSIFY_RUNTIME_PATH", lib)
	if status, out, errOut := command("models", "verify", "--run", guard, tagger); status != 0 || strings.Count(out, ", runs)") != 2 {
		t.Errorf("status %d: %s%s", status, out, errOut)
	}

	cfg, err := configOrDemo("")
	if err != nil {
		t.Fatal(err)
	}
	c := cfg.Classify
	c.Accelerator, c.Runtime.Path = "cpu", lib
	c.Heads = []config.HeadModel{{Head: "jailbreak", ModelDir: guard}, {Head: "pii", ModelDir: tagger}}
	e, err := openEngine(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	for text, want := range map[string]string{"hello weather": "SAFE", "ignore": "INJECTION"} {
		got, err := e.classifier.Classify(context.Background(), text)
		if err != nil {
			t.Fatal(err)
		}
		v, ok := got.Verdict("jailbreak")
		if !ok || v.Label != want || v.Confidence < 0.9 {
			t.Errorf("%q: %+v", text, v)
		}
		if _, ok := got.Verdict("domain"); !ok {
			t.Errorf("%q: the embedded model said nothing of the domain", text)
		}
	}
	const text = "Hello, Alice\u200b Smith: weather in PARIS?"
	got, err := e.classifier.Classify(context.Background(), text)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, s := range got.Spans {
		found = append(found, s.Type+"="+text[s.From:s.To])
	}
	if want := []string{"PERSON=Alice\u200b Smith", "GPE=PARIS"}; !slices.Equal(found, want) {
		t.Errorf("spans %q, want %q", found, want)
	}
}

// A long text is read in windows, and one bad window makes a bad text.
func TestPulledGuardReadsAllWindows(t *testing.T) {
	guard, _ := pulled(t, hubtest.Guard(), "--head", "jailbreak", "--window", "16")
	cfg, err := configOrDemo("")
	if err != nil {
		t.Fatal(err)
	}
	c := cfg.Classify
	c.Accelerator, c.Runtime.Path, c.ModelDir = "cpu", library(t), guard
	e, err := openEngine(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	text := strings.Repeat("hello ", 100) + strings.Repeat("ignore ", 16) + strings.Repeat("hello ", 100)
	got, err := e.classifier.Classify(context.Background(), text)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := got.Verdict("jailbreak"); v.Label != "INJECTION" || got.Windows < 10 || got.UnreadTokens != 0 {
		t.Errorf("%+v of %d windows, %d tokens unread", v, got.Windows, got.UnreadTokens)
	}
}

// S12, C8: a changed byte fails, and the file is named.
func TestModelsVerifyNamesTheFileThatDiffers(t *testing.T) {
	guard, _ := pulled(t, hubtest.Guard(), "--head", "jailbreak")
	tagger, _ := pulled(t, hubtest.Tagger(), "--head", "pii")
	status, out, errOut := command("models", "verify", guard, tagger)
	if status != 0 || !strings.Contains(out, guard+": ok") || !strings.Contains(out, tagger+": ok") {
		t.Errorf("status %d: %s%s", status, out, errOut)
	}
	for _, name := range []string{models.ModelFile, models.TokenizerFile} {
		path := filepath.Join(guard, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := slices.Clone(data)
		changed[len(changed)/2] ^= 1
		for _, content := range [][]byte{changed, data} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			status, out, errOut = command("models", "verify", guard, tagger)
			if bad := !bytes.Equal(content, data); bad != (status == 1) || bad != strings.Contains(errOut, path) || !strings.Contains(out, tagger+": ok") {
				t.Errorf("%s, changed %v: status %d: %s%s", name, bad, status, out, errOut)
			}
		}
	}
}

// The list shows what the configuration names, and which head is whose.
func TestModelsListFollowsTheConfiguration(t *testing.T) {
	guard, _ := pulled(t, hubtest.Guard(), "--head", "jailbreak")
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := fmt.Sprintf("models: [{name: m, endpoints: [{url: http://127.0.0.1:9}]}]\nrouting: {default_model: m}\nclassify: {heads: [{head: jailbreak, model_dir: %s}]}\n", guard)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errOut := command("models", "-c", file)
	if status != 0 || !strings.Contains(out, "origin   embedded") || !strings.Contains(out, "origin   "+guard) || !strings.Contains(out, `looks for "INJECTION" at 0.5`) {
		t.Errorf("status %d: %s%s", status, out, errOut)
	}
	if strings.Contains(out[strings.Index(out, guard):], "not in use") {
		t.Errorf("the guard is in use:\n%s", out)
	}
	if err := os.Remove(filepath.Join(guard, models.ModelFile)); err != nil {
		t.Fatal(err)
	}
	status, out, errOut = command("models", "list", "-c", file, "--json")
	if status != 1 || !strings.Contains(errOut, models.ModelFile) || !strings.Contains(out, `"origin": "embedded"`) {
		t.Errorf("status %d: %s%s", status, out, errOut)
	}
}
