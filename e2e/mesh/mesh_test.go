//go:build mesh

package mesh

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// mesh is the running whole.
type mesh struct {
	prefix     string // of the network namespaces
	scratch    string // folder of everything that is written
	logs       string
	kubeconfig string
	api        *api
	kubelet    *kubelet
}

func (m *mesh) file(name string) string { return filepath.Join(m.scratch, name) }
func (m *mesh) tool(name string) string { return filepath.Join(toolsDir(), "bin", name) }

func (m *mesh) startTool(name string, env []string, args ...string) (*process, error) {
	if env == nil {
		env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + m.scratch}
	}
	return startProcess(m.logs, name, env, append([]string{m.tool(name)}, args...)...)
}

// start brings the mesh up to where the guide's first request is answered.
func start(ctx context.Context, prefix, scratch string) (*mesh, error) {
	m := &mesh{prefix: prefix, scratch: scratch, logs: filepath.Join(scratch, "log"), kubeconfig: filepath.Join(scratch, "kubeconfig")}
	begin := time.Now()
	steps := []struct {
		name string
		do   func() error
	}{
		{"files", m.writeFiles},
		{"control plane", m.startControlPlane},
		{"CRDs", m.applyCRDs},
		{"controllers", m.startControllers},
		{"node", func() error { return m.startNode(ctx) }},
		{"istiod", m.startIstiod},
		{"manifests", m.applyManifests},
		{"gateway", m.startGateway},
		{"pods ready", m.waitForPods},
		{"first answers", m.waitForAnswers},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		fmt.Fprintf(os.Stderr, "mesh: %-14s %5.1f s\n", step.name, time.Since(begin).Seconds())
	}
	return m, nil
}

func (m *mesh) writeFiles() error {
	for _, dir := range []string{m.logs, m.file("pki"), m.file("etcd"), m.file("pods")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := os.Chmod(m.scratch, 0o711); err != nil { // pods of other users pass through it
		return err
	}
	if err := os.Chmod(m.file("pods"), 0o711); err != nil {
		return err
	}
	if err := writePKI(m.file("pki")); err != nil {
		return err
	}
	if err := os.WriteFile(m.file("tokens.csv"), []byte(adminToken+",admin,admin,system:masters\n"), 0o600); err != nil {
		return err
	}
	config := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: mesh, cluster: {server: "https://%s:6443", certificate-authority: %q}}]
users: [{name: admin, user: {token: %s}}]
contexts: [{name: mesh, context: {cluster: mesh, user: admin}}]
current-context: mesh
`, nodeIP, m.file("pki/ca.crt"), adminToken)
	if err := os.WriteFile(m.kubeconfig, []byte(config), 0o600); err != nil {
		return err
	}
	var err error
	m.api, err = newAPI(m.tool("kubectl"), m.kubeconfig, m.file("pki/ca.crt"))
	return err
}
