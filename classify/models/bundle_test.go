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
			"format": 1, "name": "tiny", "version": "0.1.0", "labels": []string{"a", "b"},
			"window": 8, "overlap": 2, "temperature": 1,
		},
	}
	b.seal()
	return b
}

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
	if b.ONNX != nil || b.Labels != nil {
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
