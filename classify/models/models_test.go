package models_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify/models"
)

// domainLabels are the 14 MMLU-Pro categories; rules in configurations name them.
var domainLabels = []string{
	"biology", "business", "chemistry", "computer science", "economics", "engineering", "health",
	"history", "law", "math", "philosophy", "physics", "psychology", "other",
}

func TestDefaultModelPassesItsOwnChecks(t *testing.T) {
	b, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	domain, ok := b.Head("domain")
	if got := slices.Sorted(slices.Values(domain.Labels)); !ok || !slices.Equal(got, slices.Sorted(slices.Values(domainLabels))) {
		t.Errorf("labels %q, want %q in any order", domain.Labels, domainLabels)
	}
	if _, ok := b.Head("weather"); ok {
		t.Error("it has a head for the weather")
	}
	if b.Origin != "embedded" || b.Name == "" || b.Version == "" {
		t.Errorf("origin %q, name %q, version %q", b.Origin, b.Name, b.Version)
	}
	for _, name := range []string{models.ModelFile, models.TokenizerFile, models.ManifestFile} {
		if len(b.SHA256[name]) != 64 {
			t.Errorf("no digest of %s: %q", name, b.SHA256[name])
		}
	}
}

// What the README promises of the model that everybody gets.
func TestDefaultModelIsSmallAndUseful(t *testing.T) {
	b, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	if size := len(b.ONNX) + len(b.Tokenizer); size > 40_000_000 {
		t.Errorf("model and tokenizer are %d bytes, at most 40 MB belong in the binary", size)
	}
	for _, name := range []string{"domain", "jailbreak", "complexity", "pii"} {
		if _, ok := b.Head(name); !ok {
			t.Errorf("no head is named %s", name)
		}
	}
	if domain, _ := b.Head("domain"); domain.Accuracy.Rows < 1000 || domain.Accuracy.Top1 < 0.8 {
		t.Errorf("measured %+v, want at least 0.8 on 1000 rows or more", domain.Accuracy)
	}
	if b.Window+2 > 512 {
		t.Errorf("window of %d tokens: the encoder has 512 positions, two taken by special tokens", b.Window)
	}
}

// The model's bytes are the binary's own pages: a second reader gets the same ones.
func TestDefaultDoesNotCopyTheModel(t *testing.T) {
	first, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	second, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	if &first.ONNX[0] != &second.ONNX[0] || &first.Tokenizer[0] != &second.Tokenizer[0] {
		t.Error("two calls gave two copies")
	}
	if allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := models.Default(); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp(); allocated > 1<<20 {
		t.Errorf("Default allocates %d bytes, want less than 1 MiB", allocated)
	}
}

func TestLoadReadsTheSameLayout(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{models.ModelFile, models.TokenizerFile, models.ManifestFile} {
		data, err := os.ReadFile(filepath.Join("default", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, data)
	}
	want, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	got, err := models.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got.SHA256, want.SHA256) || got.Name != want.Name || got.Origin != dir {
		t.Errorf("loaded %s %v from %s, embedded is %s %v", got.Name, got.SHA256, got.Origin, want.Name, want.SHA256)
	}
}

// C8, S12: a changed byte in either file refuses, with the file's name, the hash
// found and the hash expected.
func TestChangedByteIsRefusedWithBothHashes(t *testing.T) {
	for _, name := range []string{models.ModelFile, models.TokenizerFile} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			files := valid()
			files.write(t, dir)
			changed := slices.Clone(files.content(name))
			changed[len(changed)/2] ^= 1
			write(t, dir, name, changed)
			refused(t, dir, filepath.Join(dir, name), digest(changed), digest(files.content(name)))
		})
	}
}

// C8: a missing file refuses and is named, each of the three.
func TestMissingFileIsRefusedByName(t *testing.T) {
	for _, name := range []string{models.ModelFile, models.TokenizerFile, models.ManifestFile} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			valid().write(t, dir)
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			refused(t, dir, filepath.Join(dir, name), "no such file")
		})
	}
	t.Run("directory", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "absent")
		refused(t, dir, dir, "no such file")
	})
}

// A named pipe would block the start for ever, a directory reads as an error that
// names no reason.
func TestOnlyRegularFilesAreOpened(t *testing.T) {
	for kind, make := range map[string]func(string) error{
		"pipe":      func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"directory": func(p string) error { return os.Mkdir(p, 0o700) },
	} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			valid().write(t, dir)
			path := filepath.Join(dir, models.ModelFile)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := make(path); err != nil {
				t.Fatal(err)
			}
			refused(t, dir, path, "not a regular file")
		})
	}
}

func TestOversizedManifestIsNotRead(t *testing.T) {
	dir := t.TempDir()
	valid().write(t, dir)
	path := filepath.Join(dir, models.ManifestFile)
	if err := os.Truncate(path, 3<<20); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, path, "at most")
}

// The tokenizer's own padding and truncation have no switch: the end of a long
// prompt would never be seen.
func TestTokenizerThatCutsOrPadsIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"truncation": `{"truncation":{"max_length":128},"padding":null,"model":{}}`,
		"padding":    `{"truncation":null,"padding":{"strategy":{"Fixed":128}},"model":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := valid()
			f.tokenizer = []byte(text)
			f.seal()
			f.write(t, dir)
			refused(t, dir, filepath.Join(dir, models.TokenizerFile), fmt.Sprintf("%q must be null", name))
		})
	}
	t.Run("not JSON", func(t *testing.T) {
		dir := t.TempDir()
		f := valid()
		f.tokenizer = []byte("\x00\x01")
		f.seal()
		f.write(t, dir)
		refused(t, dir, filepath.Join(dir, models.TokenizerFile), "read tokenizer")
	})
}
