//go:build mesh

package mesh

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What the tests do to the mesh, and how it is put back.

func (m *mesh) mustApply(t *testing.T, documents string) {
	t.Helper()
	if err := m.api.apply(documents); err != nil {
		t.Fatal(err)
	}
}

func (m *mesh) mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.api.run("", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// without deletes an object for the rest of the test.
func (m *mesh) without(t *testing.T, kind, namespace, name string) {
	t.Helper()
	t.Cleanup(func() { m.restore(t) })
	m.mustRun(t, "-n", namespace, "delete", kind, name)
}

// restore applies what is shipped once more, and waits until the guide's requests
// are answered as they should be.
func (m *mesh) restore(t *testing.T) {
	t.Helper()
	if err := m.applyManifests(); err != nil {
		t.Fatal(err)
	}
	m.settle(t)
}

// mine renders what a user's kustomization of the extproc overlay and folders of
// deploy/kubernetes, all components, comes to.
func (m *mesh) mine(t *testing.T, components ...string) string {
	t.Helper()
	dir := m.file("mine-" + strings.ReplaceAll(strings.Join(components, "-"), "/", "-"))
	relative, err := filepath.Rel(dir, repoFile("deploy/kubernetes"))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	text := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [" + relative + "/overlays/extproc]\ncomponents:\n"
	for _, name := range components {
		text += "  - " + relative + "/" + name + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	rendered, err := m.api.kustomize(dir)
	if err != nil {
		t.Fatal(err)
	}
	return rendered
}

// withComponents puts components on the extproc overlay for the rest of the test.
func (m *mesh) withComponents(t *testing.T, names ...string) {
	t.Helper()
	t.Cleanup(func() { m.restore(t) })
	for i, name := range names {
		names[i] = "components/" + name
	}
	rendered := m.mine(t, names...)
	before := m.configDump(t)
	m.mustApply(t, rendered)
	if err := until(60*time.Second, func() error {
		if m.configDump(t) == before {
			return fmt.Errorf("the gateway's configuration is what it was")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	m.settle(t)
}

// settle waits until the pods are ready, the gateway has its filters and knows the
// router's and the pickers' pods, the router decides, and both pools answer, three
// times in a row.
func (m *mesh) settle(t *testing.T) {
	t.Helper()
	err := m.waitForPods()
	if err == nil {
		err = until(60*time.Second, func() error {
			filters, err := m.filters()
			if err != nil {
				return err
			}
			if !strings.Contains(strings.Join(filters, " "), "vsr.ext_proc") {
				return fmt.Errorf("the gateway has the filters %v", filters)
			}
			if err := m.endpointsAreKnown(); err != nil {
				return err
			}
			for range 3 {
				for pool, r := range map[string]request{
					"phi4-mini": chat("auto", mathPrompt).with("x-selected-model", "llama3-8b"), "llama3-8b": chat("llama3-8b", "hello"),
				} {
					a, err := ask(r)
					if err != nil {
						return err
					}
					if a.status != 200 || a.pool() != pool || a.selected() != pool {
						return fmt.Errorf("%s", a)
					}
				}
			}
			return nil
		})
	}
	if err != nil {
		t.Fatalf("the mesh did not come back: %v", err)
	}
}

// scale sets a Deployment's replicas and waits until as many run.
func (m *mesh) scale(t *testing.T, namespace, name string, replicas int) {
	t.Helper()
	m.mustRun(t, "-n", namespace, "scale", "deployment", name, "--replicas", strconv.Itoa(replicas))
	if err := until(60*time.Second, func() error {
		if n := len(m.podsOf(namespace, name)); n != replicas {
			return fmt.Errorf("%d pods of %s, not %d", n, name, replicas)
		}
		if n := m.kubelet.leaving(namespace, labelOf(name), name); n > 0 {
			return fmt.Errorf("%d pods of %s are leaving", n, name)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// labelOf is the label by which our manifests know a Deployment's pods.
func labelOf(deployment string) string {
	if deployment == "vsr-proxy" {
		return "app.kubernetes.io/name"
	}
	return "app"
}

func (m *mesh) podsOf(namespace, name string) []*running {
	return m.kubelet.find(namespace, labelOf(name), name)
}

func (m *mesh) routers() []*running { return m.podsOf("vsr-system", "vsr-proxy") }

// metric adds up a metric over the routers; the labels must all be there.
func (m *mesh) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	sum := 0.0
	for _, r := range m.routers() {
		text, err := getText("http://" + r.address + ":8802/metrics")
		if err != nil {
			t.Fatal(err)
		}
		sum += sumOf(text, name, labels)
	}
	return sum
}

func sumOf(text, name string, labels []string) float64 {
	sum := 0.0
lines:
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(line, label) {
				continue lines
			}
		}
		value, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err == nil {
			sum += value
		}
	}
	return sum
}
