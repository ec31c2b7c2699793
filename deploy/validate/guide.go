package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The guide's commands must be right: the files and folders that they name exist, and so do the objects, in the namespaces
// that they name.

// command is one command of a page, on one line.
type command struct {
	page string
	line int
	text string
}

// readCommands takes what follows "$ " in console blocks; a backslash joins lines.
func readCommands(root, page string) ([]command, error) {
	data, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		return nil, err
	}
	var all []command
	inside, joining := false, false
	for i, line := range strings.Split(string(data), "\n") {
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			inside, joining = strings.TrimSpace(line) == "```console", false
			continue
		case !inside:
			continue
		case joining:
			all[len(all)-1].text += " " + strings.TrimSuffix(strings.TrimSpace(line), "\\")
		case strings.HasPrefix(strings.TrimSpace(line), "$ "):
			all = append(all, command{page, i + 1, strings.TrimSuffix(strings.TrimSpace(line)[2:], "\\")})
		default:
			continue
		}
		joining = strings.HasSuffix(line, "\\")
	}
	return all, nil
}

var (
	localPath   = regexp.MustCompile(`(?:^|[\s=@])((?:deploy|docs|scripts|e2e)/[A-Za-z0-9._/-]+)`)
	namespaceOf = regexp.MustCompile(`(?:^|\s)(?:-n|--namespace)[ =]([a-z0-9-]+)`)
	createdNS   = regexp.MustCompile(`kubectl create (?:namespace|ns) ([a-z0-9-]+)|--create-namespace`)
	createdOne  = regexp.MustCompile(`kubectl create secret (?:generic|tls) ([a-z0-9-]+)`)
	slashed     = regexp.MustCompile(`\b(deployment|service|svc|gateway|httproute|inferencepool|envoyfilter|configmap|destinationrule|networkpolicy|inferenceobjective|poddisruptionbudget|pdb)/([a-z0-9.-]+)`)
	gotten      = regexp.MustCompile(`kubectl (?:-n [a-z0-9-]+ )?(?:get|describe|delete|scale|edit|patch) (deployment|service|gateway|httproute|inferencepool|envoyfilter|configmap|destinationrule|networkpolicy|inferenceobjective)s? ((?:[a-z0-9][a-z0-9.-]*(?:\s|$))+)`)
	labelled    = regexp.MustCompile(`(?:^|\s)-l[ =]([A-Za-z0-9./-]+=[A-Za-z0-9.-]+)`)
)

var kinds = map[string]string{
	"deployment": "Deployment", "service": "Service", "svc": "Service", "gateway": "Gateway",
	"httproute": "HTTPRoute", "inferencepool": "InferencePool", "envoyfilter": "EnvoyFilter", "configmap": "ConfigMap",
	"destinationrule": "DestinationRule", "networkpolicy": "NetworkPolicy", "inferenceobjective": "InferenceObjective",
	"poddisruptionbudget": "PodDisruptionBudget", "pdb": "PodDisruptionBudget",
}

// givenSecrets are the Secrets that the pages tell the reader to make, as namespace/name.
func givenSecrets(commands []command) map[string]bool {
	given := map[string]bool{}
	for _, c := range commands {
		if made := createdOne.FindStringSubmatch(c.text); made != nil {
			given[namespaceIn(c.text)+"/"+made[1]] = true
		}
	}
	return given
}

func namespaceIn(text string) string {
	if m := namespaceOf.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return "default"
}

// others are namespaces and objects that are not ours, by what makes them.
var others = map[string]bool{
	"istio-system": true, "monitoring": true, "default": true, "Deployment istio-system/istiod": true,
	"Deployment inference/inference-gateway-istio": true, "Service inference/inference-gateway-istio": true, // of the Gateway
}

func guideFindings(root string, commands []command, everything []*unstructured.Unstructured) []string {
	all := &set{objects: everything}
	namespaces := map[string]bool{}
	for _, o := range all.ofKind("Namespace") {
		namespaces[o.GetName()] = true
	}
	for _, c := range commands {
		if made := createdNS.FindStringSubmatch(c.text); made != nil {
			namespaces[orElse(made[1], namespaceIn(c.text))] = true
		}
	}
	found := cleanUpFindings(commands)
	for _, c := range commands {
		say := func(format string, args ...any) {
			found = append(found, fmt.Sprintf("%s:%d: ", c.page, c.line)+fmt.Sprintf(format, args...))
		}
		pathFindings(root, c, say)
		ns := namespaceIn(c.text)
		if !namespaces[ns] && !others[ns] {
			say("nobody makes the namespace %s", ns)
		}
		for _, ref := range objectsIn(c.text) {
			if all.find(ref[0], ns, ref[1]) == nil && !others[ref[0]+" "+ns+"/"+ref[1]] {
				say("there is no %s %s/%s", ref[0], ns, ref[1])
			}
		}
		for _, m := range labelled.FindAllStringSubmatch(c.text, -1) {
			key, value, _ := strings.Cut(m[1], "=")
			if len(all.podsMatching(ns, map[string]string{key: value})) == 0 && !others[ns] && key != "gateway.networking.k8s.io/gateway-name" {
				say("no pod in %s has the label %s", ns, m[1])
			}
		}
	}
	return found
}

var (
	applied = regexp.MustCompile(`kubectl apply (?:--server-side )?-f (\S+)`)
	deleted = regexp.MustCompile(`kubectl delete -f (\S+)`)
)

// cleanUpFindings: a page that deletes anything deletes every file that it has applied, namespaces and definitions.
func cleanUpFindings(commands []command) []string {
	gone := map[string]map[string]bool{}
	for _, c := range commands {
		if m := deleted.FindStringSubmatch(c.text); m != nil {
			if gone[c.page] == nil {
				gone[c.page] = map[string]bool{}
			}
			gone[c.page][m[1]] = true
		}
	}
	var found []string
	for _, c := range commands {
		if m := applied.FindStringSubmatch(c.text); m != nil && gone[c.page] != nil && !gone[c.page][m[1]] {
			found = append(found, fmt.Sprintf("%s:%d: %s is never deleted", c.page, c.line, m[1]))
		}
	}
	return found
}

func pathFindings(root string, c command, say func(string, ...any)) {
	for _, m := range localPath.FindAllStringSubmatch(c.text, -1) {
		path := strings.TrimRight(m[1], ".")
		info, err := os.Stat(filepath.Join(root, path))
		if err != nil {
			say("there is no %s", path)
			continue
		}
		kustomized := strings.Contains(c.text, "-k "+path) || strings.Contains(c.text, "kustomize "+path)
		if _, err := os.Stat(filepath.Join(root, path, "kustomization.yaml")); kustomized && (err != nil || !info.IsDir()) {
			say("%s is no kustomization", path)
		}
	}
}

func objectsIn(text string) [][2]string {
	var refs [][2]string
	for _, m := range slashed.FindAllStringSubmatch(text, -1) {
		refs = append(refs, [2]string{kinds[m[1]], m[2]})
	}
	for _, m := range gotten.FindAllStringSubmatch(text, -1) {
		for _, name := range strings.Fields(m[2]) {
			refs = append(refs, [2]string{kinds[m[1]], name})
		}
	}
	return refs
}
