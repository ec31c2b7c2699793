package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// The releases that the pages have the reader install must be those that the manifests are held against, and must work with
// each other: no test here starts a released Istio.

// istioFloor is how the pages say which Istio is needed, and istioFirst what it means: by minor release, the first patch
// whose istiod becomes ready although Gateway API v1.5 serves no TLSRoute v1alpha2.
const istioFloor = "1.28.6, 1.29.2 or newer"

var istioFirst = map[int]int{28: 6, 29: 2}

// floorPages tell a reader which Istio to have.
var floorPages = []string{
	"README.md", "docs/kubernetes.md", "deploy/kubernetes/README.md", "deploy/helm/vsr-proxy/README.md",
	"deploy/helm/vsr-proxy/templates/NOTES.txt",
}

var (
	downloaded   = regexp.MustCompile(`github\.com/kubernetes-sigs/(gateway-api(?:-inference-extension)?)/releases/download/(v[0-9.]+)/`)
	istioVersion = regexp.MustCompile(`(?:ISTIO_VERSION=|/istio-)([0-9]+)\.([0-9]+)\.([0-9]+)`)
)

func releaseFindings(commands []command, sources []source) []string {
	pinned := map[string]string{}
	for _, s := range sources {
		pinned[s.module] = s.version
	}
	var found []string
	istio := ""
	for _, c := range commands {
		say := func(format string, args ...any) {
			found = append(found, fmt.Sprintf("%s:%d: ", c.page, c.line)+fmt.Sprintf(format, args...))
		}
		for _, m := range downloaded.FindAllStringSubmatch(c.text, -1) {
			if want := pinned["sigs.k8s.io/"+m[1]]; m[2] != want {
				say("%s %s, but the manifests are held against %s", m[1], m[2], want)
			}
		}
		for _, m := range istioVersion.FindAllStringSubmatch(c.text, -1) {
			version := strings.Join(m[1:], ".")
			if istio = orElse(istio, version); version != istio {
				say("Istio %s, and %s before", version, istio)
			}
			if !readyWithGatewayAPI(m[1], m[2], m[3]) {
				say("Istio %s is not %s: its istiod waits for ever with Gateway API v1.5", version, istioFloor)
			}
		}
	}
	return found
}

func readyWithGatewayAPI(parts ...string) bool {
	var n [3]int
	for i, part := range parts {
		n[i], _ = strconv.Atoi(part)
	}
	first, patched := istioFirst[n[1]]
	return n[0] > 1 || n[1] >= 30 || patched && n[2] >= first
}

// floorFindings: every page that sends a reader off to get Istio says which.
func floorFindings(root string) ([]string, error) {
	var found []string
	for _, page := range floorPages {
		data, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			return nil, err
		}
		if !strings.Contains(strings.Join(strings.Fields(string(data)), " "), istioFloor) {
			found = append(found, page+": does not say that Istio must be "+istioFloor)
		}
	}
	return found, nil
}
