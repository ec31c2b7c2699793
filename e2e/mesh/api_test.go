//go:build mesh

package mesh

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// api is the little of the Kubernetes API that the kubelet and the tests need; for
// the rest there is kubectl.
type api struct {
	base       string
	token      string
	client     *http.Client
	kubectl    string
	kubeconfig string
}

const adminToken = "mesh-admin"

func newAPI(kubectl, kubeconfig, caFile string) (*api, error) {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &api{
		base:       "https://" + nodeIP + ":6443",
		token:      adminToken,
		client:     &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
		kubectl:    kubectl,
		kubeconfig: kubeconfig,
	}, nil
}

var errNotFound = errors.New("not found")

// call sends in, if there is one, and decodes the answer into out, if there is one.
func (a *api) call(method, path, contentType string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, a.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Content-Type", contentType)
	resp, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%s %s: %w", method, path, errNotFound)
	case resp.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, data)
	case out == nil:
		return nil
	}
	return json.Unmarshal(data, out)
}

func (a *api) get(path string, out any) error {
	return a.call(http.MethodGet, path, "application/json", nil, out)
}

func (a *api) post(path string, in, out any) error {
	return a.call(http.MethodPost, path, "application/json", in, out)
}

// patch merges into an object.
func (a *api) patch(path string, in any) error {
	return a.call(http.MethodPatch, path, "application/merge-patch+json", in, nil)
}

func (a *api) delete(path string) error {
	return a.call(http.MethodDelete, path, "application/json", map[string]any{"gracePeriodSeconds": 0}, nil)
}

// run calls kubectl.
func (a *api) run(stdin string, args ...string) (string, error) {
	cmd := exec.Command(a.kubectl, append([]string{"--kubeconfig", a.kubeconfig}, args...)...)
	cmd.Env = []string{"HOME=" + filepath.Dir(a.kubeconfig), "PATH=" + os.Getenv("PATH")}
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// apply applies documents of YAML.
func (a *api) apply(documents string) error {
	_, err := a.run(documents, "apply", "--server-side", "--force-conflicts", "-f", "-")
	return err
}

// kustomize renders a folder.
func (a *api) kustomize(dir string) (string, error) { return a.run("", "kustomize", dir) }
