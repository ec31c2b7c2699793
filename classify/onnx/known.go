package onnx

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// build is one published build of ONNX Runtime.
type build struct {
	name, platform string
	// sha256 is the hash of the library itself.
	sha256 string
	// providers are the hashes of the libraries published with it, which it
	// loads from its own folder when an accelerator is used.
	providers map[string]string
}

// knownBuilds are those that scripts/onnxruntime.sh fetches, as they are in the
// wheels of ONNX Runtime 1.24.4.
func knownBuilds() []build {
	return []build{
		{
			name: "onnxruntime 1.24.4", platform: "linux/amd64",
			sha256: "2d518e11c7767f9fdc4413bdbeb45acf30db504ff76a82fc19d9238a3f9f6c24",
			providers: map[string]string{
				"libonnxruntime_providers_shared.so": "086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d",
			},
		},
		{
			name: "onnxruntime 1.24.4", platform: "linux/arm64",
			sha256: "f373ae5fd4d878ed17ebea26e5480bd3d0a15e3bd6bc94b878e6c1b73998d22a",
			providers: map[string]string{
				"libonnxruntime_providers_shared.so": "3b6be288fbfb7dff8770d08a23defdde18e8f7e0f5a2b344a0e5e238c999ea88",
			},
		},
		{
			name: "onnxruntime 1.24.4", platform: "darwin/arm64",
			sha256: "f7a4418c1fbbb12705f26991c52cd9e4a90c54d4802c487d0facb20897790fe9",
		},
		{
			name: "onnxruntime-gpu 1.24.4", platform: "linux/amd64",
			sha256: "b10825f4306b01a4951c528554f2495c4597080c63637b300669544d9c142e76",
			providers: map[string]string{
				"libonnxruntime_providers_shared.so":   "086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d",
				"libonnxruntime_providers_cuda.so":     "3c4645a1f7c9b687b5480b8bd6235311b139b657a7ebee19f95c7340efac1c76",
				"libonnxruntime_providers_tensorrt.so": "e735b9fdc61a3953940d1be32cada651738ccb1f570cde8a3a3d1b0cf98290e2",
			},
		},
	}
}

// LibraryFile is what ONNX Runtime's shared library is called on this system.
func LibraryFile() string {
	switch runtime.GOOS {
	case "windows":
		return "onnxruntime.dll"
	case "darwin":
		return "libonnxruntime.dylib"
	}
	return "libonnxruntime.so"
}

// checkLibrary gives the hash of the library at path if it may be loaded: it is
// the wanted one, or, when none is wanted, that of a known build. Only if
// accelerated, the provider libraries of a known build are read too: they are
// large, and the CPU needs none.
func checkLibrary(path, want string, accelerated bool) (string, error) {
	found, err := hashFile(path)
	if err != nil {
		return "", fmt.Errorf("read ONNX Runtime library (see scripts/onnxruntime.sh): %w", err)
	}
	if want != "" && !strings.EqualFold(found, want) {
		return "", fmt.Errorf("ONNX Runtime library %s: SHA-256 is %s, expected %s", path, found, strings.ToLower(want))
	}
	for _, b := range knownBuilds() {
		if b.sha256 == found && accelerated {
			return found, checkProviders(filepath.Dir(path), b)
		}
		if b.sha256 == found {
			return found, nil
		}
	}
	if want == "" {
		return "", fmt.Errorf("ONNX Runtime library %s: SHA-256 is %s, expected %s; to run this one, set "+
			"classify.runtime.sha256 to its hash", path, found, expected())
	}
	return found, nil
}

// checkProviders checks the provider libraries in the folder of build b, because
// the runtime loads those it finds there, whoever put them there. One that is
// missing only means that its accelerator is not offered.
func checkProviders(folder string, b build) error {
	files, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("look for provider libraries: %w", err)
	}
	for _, file := range files {
		if !strings.Contains(file.Name(), "onnxruntime_providers_") {
			continue
		}
		path := filepath.Join(folder, file.Name())
		want, ok := b.providers[file.Name()]
		if !ok {
			return fmt.Errorf("provider library %s does not belong to %s, beside which it is", path, b.name)
		}
		found, err := hashFile(path)
		if err != nil {
			return fmt.Errorf("read provider library: %w", err)
		}
		if found != want {
			return fmt.Errorf("provider library %s of %s: SHA-256 is %s, expected %s", path, b.name, found, want)
		}
	}
	return nil
}

// expected lists the hashes that are known for this system.
func expected() string {
	var known []string
	for _, b := range knownBuilds() {
		if b.platform == runtime.GOOS+"/"+runtime.GOARCH {
			known = append(known, fmt.Sprintf("%s (%s)", b.sha256, b.name))
		}
	}
	if len(known) == 0 {
		return "one given in the configuration, since no build is known for this system"
	}
	return strings.Join(known, " or ")
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
