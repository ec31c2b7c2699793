package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// running is a cluster with one Deployment.
type running struct {
	dynamic.NamespaceableResourceInterface
	replicas int64
}

func (r running) GetClientFor(string, string) (dynamic.NamespaceableResourceInterface, bool, error) {
	return r, true, nil
}
func (r running) Namespace(string) dynamic.ResourceInterface { return r }
func (r running) Get(context.Context, string, metav1.GetOptions, ...string) (*unstructured.Unstructured, error) {
	return &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"replicas": r.replicas}}}, nil
}

// Switching autoscaling on, and each upgrade after that, keeps as many replicas as there are.
func TestChartKeepsReplicasThatTheAutoscalerHasSet(t *testing.T) {
	loaded, err := loader.LoadDir(filepath.Join(repository, chartFolder))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{"autoscaling": map[string]any{"enabled": true}}
	top, err := chartutil.ToRenderValues(loaded, values, chartutil.ReleaseOptions{Name: "vsr-proxy", Namespace: "vsr-system", IsUpgrade: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := engine.RenderWithClientProvider(loaded, top, running{replicas: 7})
	if err != nil {
		t.Fatal(err)
	}
	if text := rendered["vsr-proxy/templates/deployment.yaml"]; !strings.Contains(text, "\n  replicas: 7\n") {
		t.Errorf("%s", text)
	}
}
