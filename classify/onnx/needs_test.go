package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify/accel"
)

func TestExplainNamesWhatAProviderLibraryNeeds(t *testing.T) {
	if everywhere("libcudart.so.12") || !everywhere("libstdc++.so.6") || !everywhere("ld-linux-x86-64.so.2") {
		t.Error("the libraries that come with the compilers are not told from others")
	}
	failed := errors.New("failed to load shared library")
	folder := t.TempDir()
	if err := explain(failed, folder, accel.CUDA); err.Error() != failed.Error() {
		t.Errorf("no provider library: %v", err)
	}
	path := filepath.Join(folder, "libonnxruntime_providers_cuda.so")
	if err := os.WriteFile(path, []byte("no ELF file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := explain(failed, folder, accel.CUDA); err.Error() != failed.Error() {
		t.Errorf("no ELF file: %v", err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	// This test needs the C library alone, so there is nothing to tell.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	if err := explain(failed, folder, accel.CUDA); !errors.Is(err, failed) || strings.Contains(err.Error(), "libc.so") {
		t.Errorf("this test as a provider library: %v", err)
	}
}
