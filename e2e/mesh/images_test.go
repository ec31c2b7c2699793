//go:build mesh

package mesh

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// image is what stands for a container image: its files, and what its Dockerfile says.
type image struct {
	root       string            // folder of the whole file system, if there is one
	files      map[string]string // path in the image -> file here
	entrypoint []string
	cmd        []string
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
		return m.ourImage()
	case "epp":
		return binary("/epp", m.tool("epp"), nonroot), nil
	case "llm-d-inference-sim":
		return binary("/app/llm-d-inference-sim", m.tool("llm-d-inference-sim"), nonroot), nil
	case "envoy":
		return binary("/usr/local/bin/envoy", envoyBinary(), 0), nil
	}
	return image{}, fmt.Errorf("nothing here stands for image %s", reference)
}

func binary(inside, file string, uid int) image {
	return image{files: map[string]string{inside: file}, entrypoint: []string{inside}, uid: uid}
}

var instruction = regexp.MustCompile(`(?m)^(ENTRYPOINT|CMD|USER) (.*)$`)

// ourImage is the root that deploy/rootfs.sh lays out, as deploy/Dockerfile ships
// it: what is missing there is missing here.
func (m *mesh) ourImage() (image, error) {
	out := image{root: m.file("images/vsr-proxy")}
	if _, err := os.Stat(out.root); err != nil {
		if err := os.MkdirAll(filepath.Dir(out.root), 0o711); err != nil {
			return image{}, err
		}
		if text, err := exec.Command(repoFile("deploy/rootfs.sh"), out.root).CombinedOutput(); err != nil {
			return image{}, fmt.Errorf("deploy/rootfs.sh: %w: %s", err, text)
		}
	}
	text, err := os.ReadFile(repoFile("deploy/Dockerfile"))
	if err != nil {
		return image{}, err
	}
	for _, line := range instruction.FindAllSubmatch(text, -1) { // the last of each counts
		switch string(line[1]) {
		case "ENTRYPOINT":
			err = json.Unmarshal(line[2], &out.entrypoint)
		case "CMD":
			err = json.Unmarshal(line[2], &out.cmd)
		case "USER":
			_, err = fmt.Sscan(string(line[2]), &out.uid)
		}
		if err != nil {
			return image{}, fmt.Errorf("deploy/Dockerfile: %s: %w", line[0], err)
		}
	}
	if len(out.entrypoint) == 0 {
		return image{}, fmt.Errorf("deploy/Dockerfile has no ENTRYPOINT")
	}
	return out, nil
}

// system is what a container sees besides its volumes: the image, and what a
// runtime adds. An image that is a binary alone gets the machine's libraries.
func system(img image) ([]bind, error) {
	binds := []bind{{"/proc", "/proc", false}, {"/sys", "/sys", false}}
	for _, device := range []string{"null", "zero", "urandom", "random"} {
		binds = append(binds, bind{"/dev/" + device, "/dev/" + device, false})
	}
	for inside, file := range img.files {
		binds = append(binds, bind{file, inside, true})
	}
	if img.root == "" {
		for _, dir := range []string{"/usr/lib", "/lib", "/lib64"} {
			binds = append(binds, bind{dir, dir, true})
		}
		return binds, nil
	}
	entries, err := os.ReadDir(img.root)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		switch name := e.Name(); name {
		case "etc", "tmp", "dev", "proc", "sys": // the runtime's, or copied
		default:
			binds = append(binds, bind{filepath.Join(img.root, name), "/" + name, true})
		}
	}
	return binds, nil
}

// makeRoot makes the folder that becomes /: with the image's /etc, or a bare one,
// and in it what a runtime writes.
func makeRoot(root, image string) error {
	for _, dir := range []string{"etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	if image != "" {
		if err := os.CopyFS(filepath.Join(root, "etc"), os.DirFS(filepath.Join(image, "etc"))); err != nil {
			return err
		}
	} else if err := os.WriteFile(filepath.Join(root, "etc/nsswitch.conf"), []byte("hosts: files dns\n"), 0o644); err != nil {
		return err
	}
	resolver := "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n" // nobody answers: names stand in /etc/hosts
	if err := os.WriteFile(filepath.Join(root, "etc/resolv.conf"), []byte(resolver), 0o644); err != nil {
		return err
	}
	return os.Chmod(filepath.Join(root, "tmp"), 0o777)
}
