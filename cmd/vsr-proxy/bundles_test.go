package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/config"
)

// ownModel makes a folder with the small model of classify/onnx/testdata, whose
// head for the whole text is named so.
func ownModel(t *testing.T, sequence string) string {
	t.Helper()
	folder := t.TempDir()
	sums := map[string]string{}
	for from, to := range map[string]string{"heads.onnx": "model.onnx", "tokenizer.json": "tokenizer.json"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "classify", "onnx", "testdata", from))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		sums[to] = hex.EncodeToString(sum[:])
		if err := os.WriteFile(filepath.Join(folder, to), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	manifest := fmt.Sprintf(`{
 "format": 2, "name": "small", "version": "3", "window": 16, "overlap": 4,
 "heads": [
  {"name": %q, "kind": "sequence", "output": "topic", "labels": ["alpha", "beta", "gamma"], "temperature": 1, "merge": "mean"},
  {"name": "people", "kind": "token", "output": "names", "labels": ["O", "B-NAME", "I-NAME"], "temperature": 1}
 ],
 "files": {"model.onnx": %q, "tokenizer.json": %q}
}`, sequence, sums["model.onnx"], sums["tokenizer.json"])
	if err := os.WriteFile(filepath.Join(folder, "manifest.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func settings(t *testing.T, modelDir string, heads ...config.HeadModel) config.Classify {
	return config.Classify{
		Accelerator: "cpu", Runtime: config.Runtime{Path: library(t)}, ModelDir: modelDir, Heads: heads,
		Deadline: 20 * time.Second, MaxWindows: 64, Queue: 8, Threads: 1,
	}
}

func openForTest(t *testing.T, c config.Classify) *engine {
	t.Helper()
	e, err := openEngine(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	return e
}

// A head of another model is added; a folder that two heads name is opened once.
func TestHeadsOfAnotherModelJoin(t *testing.T) {
	folder := ownModel(t, "topic")
	e := openForTest(t, settings(t, "", config.HeadModel{Head: "people", ModelDir: folder}, config.HeadModel{Head: "topic", ModelDir: folder}))
	if len(e.models) != 2 {
		t.Errorf("%d models are open, want the embedded one and another", len(e.models))
	}
	text := "alpha\u200b beta, solve the equation x + 2 = 5"
	r, err := e.classifier.Classify(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	domain, ok := r.Verdict("domain")
	if !ok || domain.Label != "math" {
		t.Errorf("domain %+v", r.Verdicts)
	}
	if _, ok := r.Verdict("topic"); !ok || len(r.Spans) == 0 || !strings.HasPrefix(text[r.Spans[0].From:r.Spans[0].To], "alpha\u200b beta") {
		t.Errorf("%+v", r)
	}
	status := e.status()
	var heads []string
	for _, h := range status.Model.Heads {
		heads = append(heads, h.Name+" "+h.Kind+" "+h.Model)
	}
	if !slices.Contains(heads, "people token small 3") || !slices.Contains(heads, "topic sequence small 3") || status.Model.Name == "small" {
		t.Errorf("%s, %q", status.Model.Name, heads)
	}
}

// A head that another model answers for is not taken from the first, and a first
// one of which nothing is left is not opened.
func TestHeadOfAnotherModelReplaces(t *testing.T) {
	first, second := ownModel(t, "domain"), ownModel(t, "domain")
	e := openForTest(t, settings(t, first, config.HeadModel{Head: "domain", ModelDir: second}))
	r, err := e.classifier.Classify(t.Context(), "alpha alpha beta")
	if err != nil || len(r.Verdicts) != 1 || r.Verdicts[0].Label != "alpha" || r.Windows != 2 || len(r.Spans) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	if len(e.parts) != 2 || len(e.parts[0].heads) != 1 || e.parts[0].heads[0].Name != "people" {
		t.Errorf("%+v", e.parts)
	}
	e = openForTest(t, settings(t, first, config.HeadModel{Head: "domain", ModelDir: second}, config.HeadModel{Head: "people", ModelDir: second}))
	if len(e.models) != 1 || len(e.parts[0].heads) != 2 {
		t.Errorf("%d models, %+v", len(e.models), e.parts)
	}
}

// C8: what is wrong with a head's model names the entry.
func TestWrongModelOfAHeadIsNamed(t *testing.T) {
	folder := ownModel(t, "topic")
	for want, h := range map[string]config.HeadModel{
		`classify.heads[0]: the model in ` + folder + ` has no head "jailbreak"; its heads are topic, people`: {Head: "jailbreak", ModelDir: folder},
		"classify.heads[0]: load model: stat " + filepath.Join(folder, "none"):                                {Head: "topic", ModelDir: filepath.Join(folder, "none")},
	} {
		if _, err := openEngine(t.Context(), settings(t, "", h)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
