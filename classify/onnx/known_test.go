package onnx

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify/accel"
)

// changed is a copy of the library with one other byte, in a folder of its own.
func changed(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(library(t))
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	path := filepath.Join(t.TempDir(), LibraryFile())
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// S12: the message says which file, what it is and what it should be.
func TestChangedLibraryIsNotLoaded(t *testing.T) {
	good, err := hashFile(library(t))
	if err != nil {
		t.Fatal(err)
	}
	o := tiny(t)
	o.Library = changed(t)
	bad, err := hashFile(o.Library)
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{"", good, strings.ToUpper(good)} {
		o.LibrarySHA256 = wanted
		_, err := Open(context.Background(), o)
		if err == nil {
			t.Fatal("it was loaded")
		}
		for _, say := range []string{o.Library, bad, good} {
			if !strings.Contains(err.Error(), say) {
				t.Errorf("wanted %q: %v does not say %s", wanted, err, say)
			}
		}
		if wanted == "" && !strings.Contains(err.Error(), "classify.runtime.sha256") {
			t.Errorf("%v does not say how to allow it", err)
		}
	}
}

func TestMissingLibraryIsNamed(t *testing.T) {
	o := tiny(t)
	o.Library = filepath.Join(t.TempDir(), "nowhere.so")
	if _, err := Open(context.Background(), o); err == nil || !strings.Contains(err.Error(), o.Library) {
		t.Error(err)
	}
}

// A library that the operator vouches for need not be known, but must be one.
func TestLibraryThatIsNoneIsNamed(t *testing.T) {
	o := tiny(t)
	o.Library = filepath.Join(t.TempDir(), LibraryFile())
	if err := os.WriteFile(o.Library, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	hash, err := hashFile(o.Library)
	if err != nil {
		t.Fatal(err)
	}
	o.LibrarySHA256 = hash
	if _, err := Open(context.Background(), o); err == nil || !strings.Contains(err.Error(), o.Library) {
		t.Error(err)
	}
}

// The runtime loads the provider libraries that lie beside it.
func TestProviderLibraryMustBeTheOnePublished(t *testing.T) {
	for _, b := range knownBuilds() {
		folder := t.TempDir()
		if err := checkProviders(folder, b); err != nil {
			t.Errorf("%s: none there: %v", b.name, err)
		}
		for _, name := range []string{"libonnxruntime_providers_shared.so", "libonnxruntime_providers_openvino.so"} {
			path := filepath.Join(folder, name)
			if err := os.WriteFile(path, []byte("not what was published"), 0o600); err != nil {
				t.Fatal(err)
			}
			err := checkProviders(folder, b)
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), b.providers[name]) {
				t.Errorf("%s, %s: %v", b.name, name, err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The library is loaded for the whole process, so a second one can only be an
// error, until the first is in nobody's hands.
func TestSecondLibraryIsRefusedWhileTheFirstIsInUse(t *testing.T) {
	first, err := Open(context.Background(), tiny(t))
	if err != nil {
		t.Fatal(err)
	}
	o := tiny(t)
	data, err := os.ReadFile(o.Library)
	if err != nil {
		t.Fatal(err)
	}
	o.Library = filepath.Join(t.TempDir(), LibraryFile())
	if err := os.WriteFile(o.Library, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), o); err == nil || !strings.Contains(err.Error(), "restart") || !strings.Contains(err.Error(), o.Library) {
		t.Errorf("second library: %v", err)
	}
	beside := mustOpen(t, tiny(t)) // the same library, another model
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := beside.Run(context.Background(), [][]uint32{{4}}); err != nil {
		t.Errorf("after the other model closed: %v", err)
	}
	if err := beside.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, o)
}

func TestModelsOpenAndCloseManyTimes(t *testing.T) {
	for range 20 {
		m, err := Open(context.Background(), tiny(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Run(context.Background(), [][]uint32{{4}}); err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheLibraryOfTheTestsIsKnown(t *testing.T) {
	if os.Getenv("VSR_ONNXRUNTIME") != "" {
		return // somebody tries another
	}
	if _, err := checkLibrary(library(t), "", true); err != nil {
		t.Error(err)
	}
	if !strings.Contains(expected(), knownBuilds()[0].name) {
		t.Errorf("nothing is expected on %s/%s", runtime.GOOS, runtime.GOARCH)
	}
}

// The script fetches what the program loads.
func TestEveryFileThatTheScriptPinsIsKnown(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("..", "..", "scripts", "onnxruntime.sh"))
	if err != nil {
		t.Fatal(err)
	}
	libraries := make(map[string]bool) // those of the script are still to be found
	known := make(map[string]bool)
	for _, b := range knownBuilds() {
		libraries[b.sha256], known[b.sha256] = true, true
		for _, hash := range b.providers {
			known[hash] = true
		}
	}
	// A pin of a file is followed by the file's name; that of a wheel is not.
	for _, match := range regexp.MustCompile(`([0-9a-f]{64}) (lib\S+)`).FindAllStringSubmatch(string(script), -1) {
		if !known[match[1]] {
			t.Errorf("%s, pinned as %s, is not known", match[2], match[1])
		}
		delete(libraries, match[1])
	}
	for hash := range libraries {
		t.Errorf("library %s is known and not fetched", hash)
	}
}

func TestEveryAcceleratorCanBeAskedFor(t *testing.T) {
	o := tiny(t)
	mustOpen(t, o) // holds the runtime
	l := &loader{threads: 1}
	for _, p := range []accel.Provider{accel.CUDA, accel.TensorRT, accel.OpenVINO, accel.CoreML, accel.DirectML, "gpu"} {
		// What counts is an answer: none of these may crash the process.
		t.Logf("%s: %v", p, l.Offers(p))
	}
	if err := l.Offers(accel.CPU); err != nil {
		t.Error(err)
	}
}
