package config_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	canary    = "sk-canary-1f0c"
	urlCanary = "sk-canary-url" // stands in some of the files
)

// keys sets the environment that the files name.
func keys(t testing.TB) {
	t.Helper()
	t.Setenv("VSR_TEST_KEY", canary)
	t.Setenv("VSR_TEST_EMPTY_KEY", " ")
	t.Setenv("VSR_TEST_BROKEN_KEY", canary+"\r\nX-Injected: 1")
}

// P4: each bad file gets the whole list of what is wrong with it, with paths and
// lines, and no key (S2).
func TestBadConfigIsRefused(t *testing.T) {
	keys(t)
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 60 {
		t.Fatalf("found %d files in testdata/bad: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			cfg, err := config.Load(file)
			refused(t, cfg, err, strings.TrimSuffix(file, ".yaml")+".txt")
		})
	}
	t.Run("too-large", func(t *testing.T) { // made here, to keep a megabyte out of the repository
		text := bytes.Repeat([]byte("# filler\n"), 1<<20/9+1)
		cfg, err := config.Parse("testdata/bad/too-large.yaml", text)
		refused(t, cfg, err, "testdata/bad/too-large.txt")
	})
}

func refused(t *testing.T, cfg *config.Config, err error, golden string) {
	t.Helper()
	if err == nil || cfg != nil {
		t.Fatalf("accepted: %v, %v", cfg, err)
	}
	var invalid *config.Invalid
	if !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
		t.Errorf("error is a %T, want *config.Invalid with its problems", err)
	}
	got := err.Error() + "\n"
	for _, secret := range []string{canary, urlCanary, "X-Injected"} {
		if strings.Contains(got, secret) {
			t.Errorf("the error shows %q:\n%s", secret, got)
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v (run with -update to write it)", err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	_, err := config.Load("testdata/no-such.yaml")
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "no-such.yaml") {
		t.Errorf("got %v", err)
	}
}

// The text of an error must not depend on the order in which a map is walked.
func TestErrorsComeInOneOrder(t *testing.T) {
	text := []byte("{h: 1, g: 1, f: 1, e: 1, d: 1, c: 1, b: 1, a: 1, log: {level: 1, format: 2}, server: {listen: [], insecure: 4, drain: {}}}")
	_, first := config.Parse("x.yaml", text)
	for range 20 {
		if _, again := config.Parse("x.yaml", text); again.Error() != first.Error() {
			t.Fatalf("first:\n%v\nthen:\n%v", first, again)
		}
	}
}
