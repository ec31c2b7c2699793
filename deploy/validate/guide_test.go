package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWrongCommandsAreFound(t *testing.T) {
	dir := t.TempDir()
	page := "```console\n$ kubectl apply -k deploy/nothing\n$ kubectl apply -k deploy/kubernetes/pools/llama3-8b/plugins.yaml\n" +
		"$ kubectl get pods \\\n    -n nowhere\n$ kubectl rollout status deployment/other -n inference\n" +
		"$ kubectl get httproutes phi4-mini other -n inference\n$ kubectl logs -n inference -l app=other\n" +
		"$ kubectl apply -f deploy/kubernetes/namespaces.yaml\noutput that names deploy/nothing\n```\n\n```yaml\n$ kubectl get pods -n nowhere\n```\n"
	if err := os.WriteFile(filepath.Join(dir, "page.md"), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	commands, err := readCommands(dir, "page.md")
	if err != nil {
		t.Fatal(err)
	}
	found := guideFindings(repository, commands, renderCase(t, "extproc, simulated backends").objects)
	for _, want := range []string{
		"page.md:2: there is no deploy/nothing", "page.md:3: deploy/kubernetes/pools/llama3-8b/plugins.yaml is no kustomization",
		"page.md:4: nobody makes the namespace nowhere", "page.md:6: there is no Deployment inference/other",
		"page.md:7: there is no HTTPRoute inference/other", "page.md:8: no pod in inference has the label app=other",
	} {
		wantFinding(t, found, want)
	}
	if len(found) != 6 {
		t.Errorf("found %d: %q", len(found), found)
	}
}

// The clean-up leaves nothing behind: what was applied from a file is deleted, and everything else is in a namespace.
func TestWhatIsLeftBehindIsFound(t *testing.T) {
	commands := []command{{"a.md", 1, "kubectl apply --server-side -f x.yaml"}, {"a.md", 2, "kubectl apply -f y.yaml"}, {"a.md", 3, "kubectl delete -f y.yaml"}, {"b.md", 1, "kubectl apply -f z.yaml"}}
	if found := cleanUpFindings(commands); len(found) != 1 || found[0] != "a.md:1: x.yaml is never deleted" {
		t.Errorf("%q", found)
	}
	for _, k := range cases() {
		for _, o := range renderCase(t, k.name).objects {
			if o.GetNamespace() == "" && o.GetKind() != "Namespace" {
				t.Errorf("%s: %s is in no namespace", k.name, named(o))
			}
		}
	}
}

// The releases of the guide fit each other and crds.txt.
func TestReleasesThatDoNotFitAreFound(t *testing.T) {
	sources, err := readSources("crds.txt")
	if err != nil {
		t.Fatal(err)
	}
	const api = "kubectl apply -f https://github.com/kubernetes-sigs/gateway-api/releases/download/"
	const extension = "kubectl apply -f https://github.com/kubernetes-sigs/gateway-api-inference-extension/releases/download/"
	for text, want := range map[string]string{
		api + "v1.4.0/standard-install.yaml":        "gateway-api v1.4.0, but the manifests are held against v1.5.1",
		api + "v1.5.1/standard-install.yaml":        "",
		extension + "v1.5.1/manifests.yaml":         "held against v1.4.0",
		"ISTIO_VERSION=1.28.0 sh -":                 "Istio 1.28.0 is not 1.28.6",
		"ISTIO_VERSION=1.29.1 sh -":                 "Istio 1.29.1 is not 1.28.6",
		"ISTIO_VERSION=1.27.9 sh -":                 "Istio 1.27.9 is not 1.28.6",
		"ISTIO_VERSION=1.28.6 sh -":                 "",
		"ISTIO_VERSION=1.31.0 sh -":                 "",
		"ISTIO_VERSION=1.31.0; ./istio-1.30.0/bin/": "Istio 1.30.0, and 1.31.0 before",
	} {
		found := releaseFindings([]command{{"page.md", 1, text}}, sources)
		if want == "" && len(found) > 0 {
			t.Errorf("%s: %q", text, found)
		} else if want != "" {
			wantFinding(t, found, want)
		}
	}
}

func TestSourceOfDefinitionsMustHaveItsHash(t *testing.T) {
	sources, err := readSources("crds.txt")
	if err != nil || len(sources) == 0 {
		t.Fatal(err)
	}
	sources[0].sum = "h1:other"
	if _, err := sources[0].fetch(); err == nil {
		t.Error("another hash was taken")
	}
}
