package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Everything that one object says of another by name must be there.

// referenceFindings; given are the names of Secrets that the guide tells the reader to make, as namespace/name.
func referenceFindings(s *set, given map[string]bool) []string {
	var found []string
	for _, o := range s.objects {
		say := func(format string, args ...any) { found = append(found, named(o)+": "+fmt.Sprintf(format, args...)) }
		if ns := o.GetNamespace(); ns != "" && s.find("Namespace", "", ns) == nil {
			say("its namespace is made by nobody")
		}
		switch o.GetKind() {
		case "RoleBinding":
			bindingFindings(s, o, say)
		case "Service":
			serviceFindings(s, o, say)
		case "PodDisruptionBudget":
			if len(s.podsMatching(o.GetNamespace(), texts(o.Object, "spec", "selector", "matchLabels"))) == 0 {
				say("selects no pod")
			}
		case "HorizontalPodAutoscaler":
			if s.find(text(o.Object, "spec", "scaleTargetRef", "kind"), o.GetNamespace(), text(o.Object, "spec", "scaleTargetRef", "name")) == nil {
				say("scales what is not there")
			}
		case "ServiceMonitor":
			monitorFindings(s, o, say)
		case "PodMonitor":
			podMonitorFindings(s, o, say)
		case "NetworkPolicy":
			networkPolicyFindings(s, o, say)
		}
	}
	for _, w := range s.workloads() {
		say := func(format string, args ...any) {
			found = append(found, named(w.owner)+": "+fmt.Sprintf(format, args...))
		}
		podReferences(s, w, given, say)
		injectedFindings(s, w, say)
	}
	return append(found, routingFindings(s, given)...)
}

func bindingFindings(s *set, o *unstructured.Unstructured, say func(string, ...any)) {
	role := text(o.Object, "roleRef", "name")
	if s.find(text(o.Object, "roleRef", "kind"), o.GetNamespace(), role) == nil {
		say("role %s is not there", role)
	}
	for _, subject := range list(o.Object, "subjects") {
		ns, name := text(subject, "namespace"), text(subject, "name")
		if s.find(text(subject, "kind"), ns, name) == nil && !gatewayAccount(s, ns, name) {
			say("subject %s is not there", text(subject, "name"))
		}
	}
}

// gatewayAccount: Istio makes a Gateway's account, called like its Service.
func gatewayAccount(s *set, namespace, name string) bool {
	for _, g := range s.ofKind("Gateway") {
		if g.GetNamespace() == namespace && name == g.GetName()+"-"+text(g.Object, "spec", "gatewayClassName") {
			return true
		}
	}
	return false
}

// mayList says whether a namespace's Role lets an account list a kind of core objects, whatever their names.
func mayList(s *set, namespace, account, resource string) bool {
	for _, binding := range s.ofKind("RoleBinding") {
		role := s.find(text(binding.Object, "roleRef", "kind"), namespace, text(binding.Object, "roleRef", "name"))
		if binding.GetNamespace() != namespace || role == nil {
			continue
		}
		its, may := false, false
		for _, subject := range list(binding.Object, "subjects") {
			its = its || text(subject, "kind") == "ServiceAccount" && text(subject, "name") == account && text(subject, "namespace") == namespace
		}
		for _, rule := range list(role.Object, "rules") {
			may = may || len(words(rule, "resourceNames")) == 0 && slices.Contains(words(rule, "apiGroups"), "") &&
				slices.Contains(words(rule, "resources"), resource) && slices.Contains(words(rule, "verbs"), "list")
		}
		if its && may {
			return true
		}
	}
	return false
}

func serviceFindings(s *set, o *unstructured.Unstructured, say func(string, ...any)) {
	pods := s.podsMatching(o.GetNamespace(), texts(o.Object, "spec", "selector"))
	if len(pods) == 0 {
		say("selects no pod")
	}
	for _, p := range list(o.Object, "spec", "ports") {
		target := text(p, "targetPort")
		for _, w := range pods {
			if target != "" && !w.port(target) {
				say("%s has no port %s", named(w.owner), target)
			}
		}
	}
}

func monitorFindings(s *set, o *unstructured.Unstructured, say func(string, ...any)) {
	match := texts(o.Object, "spec", "selector", "matchLabels")
	for _, endpoint := range list(o.Object, "spec", "endpoints") {
		met := 0
		for _, service := range s.ofKind("Service") {
			if service.GetNamespace() == o.GetNamespace() && contains(service.GetLabels(), match) && servicePort(service, text(endpoint, "port")) {
				met++
			}
		}
		if met != 1 {
			say("port %s is found at %d Services", text(endpoint, "port"), met)
		}
	}
}

// podMonitorFindings: the pods have the port, and where policies guard them, one lets Prometheus' namespace in there.
func podMonitorFindings(s *set, o *unstructured.Unstructured, say func(string, ...any)) {
	for _, endpoint := range list(o.Object, "spec", "podMetricsEndpoints") {
		port := text(endpoint, "port")
		for _, w := range selected(s, o, "selector", say) {
			if !w.port(port) {
				say("%s has no port %s", named(w.owner), port)
			}
			if !letsMonitoringIn(s, w, port) {
				say("no NetworkPolicy lets Prometheus in at %s, port %s", named(w.owner), port)
			}
		}
	}
}

func letsMonitoringIn(s *set, w workload, port string) bool {
	for _, policy := range s.ofKind("NetworkPolicy") {
		ours := slices.ContainsFunc(selected(s, policy, "podSelector", func(string, ...any) {}), func(other workload) bool { return other.owner == w.owner })
		for _, rule := range list(policy.Object, "spec", "ingress") {
			if ours && strings.Contains(fmt.Sprint(rule["from"]), "kubernetes.io/metadata.name:monitoring") &&
				slices.ContainsFunc(list(rule, "ports"), func(p map[string]any) bool { return text(p, "port") == port }) {
				return true
			}
		}
	}
	return false
}

// selected are the pods of an object's namespace that one of its selectors takes; it says which value takes none.
func selected(s *set, o *unstructured.Unstructured, selector string, say func(string, ...any)) []workload {
	pods := s.podsMatching(o.GetNamespace(), texts(o.Object, "spec", selector, "matchLabels"))
	for _, expression := range list(o.Object, "spec", selector, "matchExpressions") {
		for _, value := range words(expression, "values") {
			more := s.podsMatching(o.GetNamespace(), map[string]string{text(expression, "key"): value})
			if len(more) == 0 {
				say("selects no pod with %s: %s", text(expression, "key"), value)
			}
			pods = append(pods, more...)
		}
	}
	return pods
}

func networkPolicyFindings(s *set, o *unstructured.Unstructured, say func(string, ...any)) {
	match := texts(o.Object, "spec", "podSelector", "matchLabels")
	pods := selected(s, o, "podSelector", say)
	if len(pods) == 0 && match["gateway.networking.k8s.io/gateway-name"] == "" { // Istio makes the gateway's pods
		say("selects no pod")
	}
	for _, rule := range list(o.Object, "spec", "ingress") {
		for _, p := range list(rule, "ports") {
			for _, w := range pods {
				if name := text(p, "port"); name != "" && !w.port(name) {
					say("%s has no port %s", named(w.owner), name)
				}
			}
		}
	}
}

// injectedFindings: a pod that Istio puts its proxy into is not ready before that has reached istiod, by its name.
func injectedFindings(s *set, w workload, say func(string, ...any)) {
	if w.labels["sidecar.istio.io/inject"] != "true" {
		return
	}
	closed, open := false, map[int64]bool{}
	for _, policy := range s.ofKind("NetworkPolicy") {
		match := texts(policy.Object, "spec", "podSelector", "matchLabels")
		if policy.GetNamespace() != w.owner.GetNamespace() || !contains(w.labels, match) || !slices.Contains(words(policy.Object, "spec", "policyTypes"), "Egress") {
			continue
		}
		closed = true
		for _, rule := range list(policy.Object, "spec", "egress") {
			for _, p := range list(rule, "ports") {
				open[number(p, "port")] = true
			}
		}
	}
	if closed && !(open[15012] && open[53]) {
		say("Istio's proxy in it can't reach istiod (15012) and DNS (53)")
	}
}

func podReferences(s *set, w workload, given map[string]bool, say func(string, ...any)) {
	ns := w.owner.GetNamespace()
	need := func(kind, name string) {
		if name != "" && s.find(kind, ns, name) == nil && !(kind == "Secret" && given[ns+"/"+name]) {
			say("%s %s is not there", kind, name)
		}
	}
	need("ServiceAccount", text(w.pod, "serviceAccountName"))
	volumes := map[string]bool{}
	for _, v := range list(w.pod, "volumes") {
		volumes[text(v, "name")] = true
		need("ConfigMap", text(v, "configMap", "name"))
		need("Secret", text(v, "secret", "secretName"))
	}
	for _, c := range w.containers() {
		for _, m := range list(c.fields, "volumeMounts") {
			if !volumes[text(m, "name")] {
				say("container %s mounts %s, which is not there", c.name(), text(m, "name"))
			}
		}
		for _, e := range list(c.fields, "env") {
			need("Secret", text(e, "valueFrom", "secretKeyRef", "name"))
			need("ConfigMap", text(e, "valueFrom", "configMapKeyRef", "name"))
		}
		for _, kind := range []string{"readinessProbe", "livenessProbe", "startupProbe"} {
			if port := text(c.fields, kind, "httpGet", "port"); port != "" && !w.port(port) {
				say("container %s: its %s asks port %s, which is not there", c.name(), kind, port)
			}
		}
	}
}

// serviceAt resolves a host name of the cluster.
func serviceAt(s *set, host string) *unstructured.Unstructured {
	parts := strings.Split(host, ".")
	if len(parts) < 3 || parts[2] != "svc" {
		return nil
	}
	return s.find("Service", parts[1], parts[0])
}

func servicePort(service *unstructured.Unstructured, want string) bool {
	for _, p := range list(service.Object, "spec", "ports") {
		if text(p, "name") == want || strconv.FormatInt(number(p, "port"), 10) == want {
			return true
		}
	}
	return false
}

func contains(have, want map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}

// istioCluster is a name such as outbound|50051||host.
var istioCluster = regexp.MustCompile(`^outbound\|([0-9]+)\|\|(.+)$`)
