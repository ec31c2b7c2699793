package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const repository = "../.."

// secrets are those that the guide tells the reader to make; the tests here don't depend on its text.
var secrets = map[string]bool{
	"vsr-system/vsr-proxy-keys": true, "inference/hf-token": true,
	"vsr-system/vsr-proxy-extproc-tls": true, "inference/vsr-proxy-extproc-client": true,
}

var loadOnce = sync.OnceValues(func() (*definitions, error) {
	sources, err := readSources("crds.txt")
	if err != nil {
		return nil, err
	}
	return loadDefinitions(sources)
})

func loaded(t *testing.T) *definitions {
	t.Helper()
	d, err := loadOnce()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// binary is the program that configurations are checked with; without one those checks are skipped.
func binaryOr(t *testing.T, skip bool) string {
	t.Helper()
	path := filepath.Join(repository, "bin", "vsr-proxy")
	if _, err := os.Stat(path); err != nil {
		if skip {
			t.Skip("bin/vsr-proxy is not there: make build")
		}
		return "/bin/true"
	}
	return path
}

var rendered = map[string][]*unstructured.Unstructured{}

// renderCase gives a copy of a case's objects, to be broken.
func renderCase(t *testing.T, name string) *set {
	t.Helper()
	if rendered[name] == nil {
		for _, k := range cases() {
			if k.name == name {
				s, err := k.render(repository)
				if err != nil {
					t.Fatal(err)
				}
				rendered[name] = s.objects
			}
		}
	}
	if rendered[name] == nil {
		t.Fatalf("there is no case %s", name)
	}
	s := &set{name: name}
	for _, o := range rendered[name] {
		s.objects = append(s.objects, o.DeepCopy())
	}
	return s
}

// edit sets what a path leads to, such as spec.template.spec.containers.0.image; nil takes it away.
func edit(t *testing.T, o *unstructured.Unstructured, path string, value any) {
	t.Helper()
	if o == nil {
		t.Fatalf("nothing to edit at %s", path)
	}
	steps := strings.Split(path, ".")
	var at any = o.Object
	for i, step := range steps {
		last := i == len(steps)-1
		switch here := at.(type) {
		case map[string]any:
			if last && value == nil {
				delete(here, step)
			} else if last {
				here[step] = value
			} else if here[step] == nil {
				here[step] = map[string]any{}
			}
			at = here[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n >= len(here) {
				t.Fatalf("%s: no element %s", path, step)
			}
			if last {
				here[n] = value
			}
			at = here[n]
		default:
			t.Fatalf("%s: nothing below %s", path, step)
		}
	}
}

func (s *set) drop(kind, namespace, name string) {
	for i, o := range s.objects {
		if o.GetKind() == kind && o.GetNamespace() == namespace && o.GetName() == name {
			s.objects = append(s.objects[:i], s.objects[i+1:]...)
			return
		}
	}
}

// S7: each breakage is found.
func TestBrokenManifestsAreRefused(t *testing.T) {
	d := loaded(t)
	for _, b := range breakages {
		t.Run(b.name, func(t *testing.T) {
			s := renderCase(t, orElse(b.in, "extproc, simulated backends"))
			namespace, name, _ := strings.Cut(b.at, "/")
			edit(t, s.find(b.kind, namespace, name), b.path, b.to)
			wantFinding(t, findings(s, d, secrets, "/bin/true"), b.want)
		})
	}
}

func wantFinding(t *testing.T, found []string, want string) {
	t.Helper()
	for _, f := range found {
		if strings.Contains(f, want) {
			return
		}
	}
	t.Errorf("nothing says %q; found: %q", want, found)
}

// S7: nothing is found in what is shipped.
func TestShippedManifestsHaveNoFindings(t *testing.T) {
	d, binary := loaded(t), binaryOr(t, false)
	for _, k := range cases() {
		t.Run(k.name, func(t *testing.T) {
			for _, f := range findings(renderCase(t, k.name), d, secrets, binary) {
				t.Error(f)
			}
		})
	}
}

// What is missing altogether.
func TestMissingObjectsAreFound(t *testing.T) {
	d := loaded(t)
	for want, gone := range map[string][3]string{
		"takes a client's x-selected-model out":     {"EnvoyFilter", "inference", "vsr-client-headers"},
		"no EnvoyFilter calls it":                   {"EnvoyFilter", "inference", "vsr-ext-proc"},
		"no DestinationRule says":                   {"DestinationRule", "inference", "phi4-mini-epp"},
		`the route for the rest leads to ""`:        {"HTTPRoute", "inference", "default-pool"},
		"ConfigMap vsr-proxy is not there":          {"ConfigMap", "vsr-system", "vsr-proxy"},
		"ServiceAccount model-servers is not there": {"ServiceAccount", "inference", "model-servers"},
		"endpoint picker phi4-mini-epp:9002 is no":  {"Service", "inference", "phi4-mini-epp"},
		"gateway inference-gateway is not there":    {"Gateway", "inference", "inference-gateway"},
		"InferencePool inference/phi4-mini is not":  {"InferencePool", "inference", "phi4-mini"},
		"its namespace is made by nobody":           {"Namespace", "", "vsr-system"},
		"gets a token that no role is bound to":     {"RoleBinding", "inference", "phi4-mini-epp"},
		"selects no model server":                   {"Deployment", "inference", "phi4-mini"},
	} {
		t.Run(want, func(t *testing.T) {
			s := renderCase(t, "extproc, simulated backends")
			s.drop(gone[0], gone[1], gone[2])
			wantFinding(t, findings(s, d, secrets, "/bin/true"), want)
		})
	}
}
