package models_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify/models"
)

// bundle is a tiny valid model directory whose parts a test may spoil.
type bundle struct {
	model, tokenizer []byte
	manifest         map[string]any
}

func valid() *bundle {
	b := &bundle{
		model:     []byte("any bytes: this package does not read the graph"),
		tokenizer: []byte(`{"truncation":null,"padding":null,"model":{"vocab":{"a":0}}}`),
		manifest: map[string]any{
			"format": 2, "name": "tiny", "version": "0.1.0", "window": 8, "overlap": 2,
			"heads": []any{
				map[string]any{
					"name": "topic", "kind": "sequence", "output": "topic", "labels": []string{"a", "b"}, "temperature": 1,
					"merge": "mean",
				},
				map[string]any{
					"name": "attack", "kind": "sequence", "output": "attack", "labels": []string{"no", "yes"}, "temperature": 1.5,
					"merge": "max", "positive": "yes", "threshold": 0.4,
					"accuracy": map[string]any{"rows": 10, "top1": 0.9, "ece": 0.1},
				},
				map[string]any{
					"name": "names", "kind": "token", "output": "names", "labels": []string{"O", "B-PERSON", "I-PERSON"}, "temperature": 1,
				},
			},
		},
	}
	b.seal()
	return b
}

// head is one of the manifest's heads.
func (b *bundle) head(i int) map[string]any { return b.manifest["heads"].([]any)[i].(map[string]any) }

// seal writes the hashes of the present files into the manifest.
func (b *bundle) seal() {
	b.manifest["files"] = map[string]string{
		models.ModelFile: digest(b.model), models.TokenizerFile: digest(b.tokenizer),
	}
}

func (b *bundle) content(name string) []byte {
	switch name {
	case models.ModelFile:
		return b.model
	case models.TokenizerFile:
		return b.tokenizer
	}
	text, err := json.Marshal(b.manifest)
	if err != nil {
		panic(err)
	}
	return text
}

func (b *bundle) write(t testing.TB, dir string) {
	t.Helper()
	for _, name := range []string{models.ModelFile, models.TokenizerFile, models.ManifestFile} {
		write(t, dir, name, b.content(name))
	}
}

func write(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// refused loads dir and wants an error of one line that has all of want.
func refused(t *testing.T, dir string, want ...string) {
	t.Helper()
	b, err := models.Load(dir)
	if err == nil {
		t.Fatalf("loaded %+v, want an error", b.Manifest)
	}
	if b.ONNX != nil || b.Heads != nil {
		t.Error("an error and a bundle")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not have %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
}
