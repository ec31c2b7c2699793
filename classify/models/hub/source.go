package hub

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// DefaultEndpoint is Hugging Face.
const DefaultEndpoint = "https://huggingface.co"

// checkEndpoint reads the base address of a hub. Plain HTTP is for this machine
// only: on a network anyone could answer, with hashes that fit.
func checkEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil:
		return nil, errors.New("endpoint is not an address") // the error would quote a password in it
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("endpoint must be a scheme, a host and at most a path")
	case u.Host == "":
		return nil, fmt.Errorf("endpoint %q has no host; it looks like %s", text, DefaultEndpoint)
	case !secure(u):
		return nil, fmt.Errorf("endpoint %q must be https; plain http is taken from this machine only", text)
	}
	return u, nil
}

// secure reports whether u may be asked: by TLS, or on this machine.
func secure(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

var (
	repoName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$`)
	commit   = regexp.MustCompile(`^[0-9a-f]{40}$`)
	digest   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	filePart = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+-]*$`)
)

// CheckRepo refuses what is no OWNER/NAME.
func CheckRepo(repo string) error {
	if !repoName.MatchString(repo) || strings.Contains(repo, "..") || strings.Contains(repo, "--") {
		return fmt.Errorf("repository is %q, needs OWNER/NAME", repo)
	}
	return nil
}

// CheckRevision refuses what is no full commit.
func CheckRevision(revision string) error {
	switch {
	case commit.MatchString(revision):
		return nil
	case revision == "":
		return errors.New("a revision is needed: the full commit, 40 hexadecimal digits, from the repository's history")
	}
	return fmt.Errorf("revision is %q, needs the full commit, 40 lower-case hexadecimal digits: a branch or tag can be moved to other files by its owner at any time", revision)
}

func checkFile(name string) error {
	parts := strings.Split(name, "/")
	for _, p := range parts {
		if !filePart.MatchString(p) {
			return fmt.Errorf("file is %q, needs a path within the repository", name)
		}
	}
	if path.Ext(name) != ".onnx" || len(name) > 255 {
		return fmt.Errorf("file is %q, needs an .onnx file", name)
	}
	return nil
}

// checkPin reads a SHA-256 as people paste it.
func checkPin(text string) (string, error) {
	pin := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(text), "sha256:"))
	if pin != "" && !digest.MatchString(pin) {
		return "", fmt.Errorf("sha256 is %q, needs 64 hexadecimal digits", text)
	}
	return pin, nil
}
