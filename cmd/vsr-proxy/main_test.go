package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vsr-proxy/vsr-proxy/classify/onnx"
)

// The test binary doubles as vsr-proxy for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vsr-proxy": main})
}

// library is the runtime that make deps fetched. A test binary has none beside
// it, so every test names it.
func library(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", ".cache", "onnxruntime-1.24.4", onnx.LibraryFile()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make deps first", err)
	}
	return path
}

// TestCommands runs the transcripts of testdata/script: what a user types and
// sees. UPDATE_GOLDEN=1 rewrites the expected outputs in them.
func TestCommands(t *testing.T) {
	lib := library(t)
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: os.Getenv("UPDATE_GOLDEN") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("VSR_CLASSIFY_RUNTIME_PATH", lib)
			return nil
		},
	})
}
