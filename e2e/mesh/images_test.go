//go:build mesh

package mesh

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// image is what stands for a container image: files, and what its Dockerfile says.
type image struct {
	files      map[string]string // path in the image -> file here
	entrypoint []string
	uid        int
}

const nonroot = 65532 // distroless images' user

// imageOf finds what stands for an image. Tags do not matter here: what runs is
// what the pins of e2e/mesh/tools built, and our own binary.
func (m *mesh) imageOf(reference string) (image, error) {
	name, _, _ := strings.Cut(reference, "@")
	name = path.Base(name)
	name, _, _ = strings.Cut(name, ":")
	switch name {
	case "vsr-proxy":
		return ourImage()
	case "epp":
		return image{map[string]string{"/epp": m.tool("epp")}, []string{"/epp"}, nonroot}, nil
	case "llm-d-inference-sim":
		file := "/app/llm-d-inference-sim"
		return image{map[string]string{file: m.tool("llm-d-inference-sim")}, []string{file}, nonroot}, nil
	case "envoy":
		return image{map[string]string{"/usr/local/bin/envoy": envoyBinary()}, []string{"/usr/local/bin/envoy"}, 0}, nil
	}
	return image{}, fmt.Errorf("nothing here stands for image %s", reference)
}

var (
	entrypointLine = regexp.MustCompile(`(?m)^ENTRYPOINT (\[.*\])`)
	userLine       = regexp.MustCompile(`(?m)^USER (\d+)`)
)

// ourImage is read off our Dockerfile: the entry point says where the binary is,
// with ONNX Runtime beside it.
func ourImage() (image, error) {
	data, err := os.ReadFile(filepath.Join(deployDir(), "Dockerfile"))
	if err != nil {
		return image{}, err
	}
	out := image{files: map[string]string{}}
	lines := entrypointLine.FindAllSubmatch(data, -1)
	if len(lines) == 0 {
		return image{}, fmt.Errorf("deploy/Dockerfile has no ENTRYPOINT")
	}
	if err := json.Unmarshal(lines[len(lines)-1][1], &out.entrypoint); err != nil {
		return image{}, fmt.Errorf("deploy/Dockerfile: ENTRYPOINT: %w", err)
	}
	if users := userLine.FindAllSubmatch(data, -1); len(users) > 0 {
		_, _ = fmt.Sscan(string(users[len(users)-1][1]), &out.uid)
	}
	out.files[out.entrypoint[0]] = ourBinary()
	out.files[path.Join(path.Dir(out.entrypoint[0]), "libonnxruntime.so")] = path.Join(path.Dir(ourBinary()), "libonnxruntime.so")
	return out, nil
}
