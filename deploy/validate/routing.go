package main

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// routingFindings follows the path of a request: gateway, routes, pools, pickers, model servers.
func routingFindings(s *set, given map[string]bool) []string {
	var found []string
	for _, o := range s.objects {
		say := func(format string, args ...any) { found = append(found, named(o)+": "+fmt.Sprintf(format, args...)) }
		switch o.GetKind() {
		case "Gateway":
			listenerFindings(o, say)
		case "HTTPRoute":
			routeFindings(s, o, say)
		case "InferencePool":
			poolFindings(s, o, say)
		case "InferenceObjective":
			if s.find("InferencePool", o.GetNamespace(), text(o.Object, "spec", "poolRef", "name")) == nil {
				say("pool %s is not there", text(o.Object, "spec", "poolRef", "name"))
			}
		case "DestinationRule":
			if serviceAt(s, text(o.Object, "spec", "host")) == nil {
				say("host %s is no Service here", text(o.Object, "spec", "host"))
			}
			if secret := text(o.Object, "spec", "trafficPolicy", "tls", "credentialName"); secret != "" {
				credentialFindings(s, given, secret, say)
			}
		case "EnvoyFilter":
			filterFindings(s, o, say)
		}
	}
	return found
}

// credentialFindings: the Secret is the gateway's, in its namespace, and istiod asks whether its account may list Secrets.
func credentialFindings(s *set, given map[string]bool, secret string, say func(string, ...any)) {
	for _, g := range s.ofKind("Gateway") {
		ns, account := g.GetNamespace(), g.GetName()+"-"+text(g.Object, "spec", "gatewayClassName")
		if !given[ns+"/"+secret] {
			say("Secret %s is made by nobody in the gateway's namespace %s", secret, ns)
		}
		if !mayList(s, ns, account, "secrets") {
			say("the gateway gets no key of Secret %s: %s/%s may not list Secrets", secret, ns, account)
		}
	}
}

func routeFindings(s *set, o *unstructured.Unstructured, say func(string, ...any)) {
	for _, parent := range list(o.Object, "spec", "parentRefs") {
		ns := orElse(text(parent, "namespace"), o.GetNamespace())
		gateway := s.find("Gateway", ns, text(parent, "name"))
		if gateway == nil {
			say("gateway %s is not there", text(parent, "name"))
			continue
		}
		if !admits(gateway, text(parent, "sectionName"), o) {
			say("gateway %s takes no routes of its namespace for its hosts", text(parent, "name"))
		}
	}
	for _, rule := range list(o.Object, "spec", "rules") {
		for _, match := range list(rule, "matches") {
			if path := text(match, "path", "value"); path != "/v1" && !strings.HasPrefix(path, "/v1/") {
				say("takes %q, not only what is below /v1/", path)
			}
		}
		if len(list(rule, "matches")) == 0 {
			say("a rule without a match takes every path")
		}
		for _, backend := range list(rule, "backendRefs") {
			kind, name := orElse(text(backend, "kind"), "Service"), text(backend, "name")
			ns := orElse(text(backend, "namespace"), o.GetNamespace())
			if s.find(kind, ns, name) == nil {
				say("%s %s/%s is not there", kind, ns, name)
			}
			if ns != o.GetNamespace() && !granted(s, o.GetNamespace(), kind, ns, name) {
				say("no ReferenceGrant lets it use %s %s/%s", kind, ns, name)
			}
		}
	}
}

// listenerFindings: routes of several namespaces at one listener could take each other's requests, and a route from
// elsewhere, at a listener without a host name, everybody's.
func listenerFindings(o *unstructured.Unstructured, say func(string, ...any)) {
	for _, l := range list(o.Object, "spec", "listeners") {
		namespaces, all := allowed(o, l)
		if all || len(namespaces) > 1 {
			say("listener %s takes routes of several namespaces, which can take each other's requests", text(l, "name"))
		} else if text(l, "hostname") == "" && !slices.Contains(namespaces, o.GetNamespace()) {
			say("listener %s takes routes of another namespace for every host", text(l, "name"))
		}
	}
}

// allowed are the namespaces whose routes a listener takes, by their names; a selector of anything else may take any.
func allowed(gateway *unstructured.Unstructured, listener map[string]any) (namespaces []string, all bool) {
	const name = "kubernetes.io/metadata.name"
	from := table(listener, "allowedRoutes", "namespaces")
	switch text(from, "from") {
	case "", "Same":
		return []string{gateway.GetNamespace()}, false
	case "Selector":
		if only := texts(from, "selector", "matchLabels")[name]; only != "" {
			return []string{only}, false
		}
		for _, e := range list(from, "selector", "matchExpressions") {
			if text(e, "key") == name && text(e, "operator") == "In" {
				return words(e, "values"), false
			}
		}
	}
	return nil, true
}

// admits says whether a listener takes a route, by its namespace and host names; section is empty for any listener.
func admits(gateway *unstructured.Unstructured, section string, route *unstructured.Unstructured) bool {
	hosts := words(route.Object, "spec", "hostnames")
	for _, l := range list(gateway.Object, "spec", "listeners") {
		namespaces, all := allowed(gateway, l)
		host := text(l, "hostname")
		if (section == "" || section == text(l, "name")) && (all || slices.Contains(namespaces, route.GetNamespace())) &&
			(host == "" || len(hosts) == 0 || slices.Contains(hosts, host)) {
			return true
		}
	}
	return false
}

func granted(s *set, from, kind, namespace, name string) bool {
	for _, grant := range s.ofKind("ReferenceGrant") {
		if grant.GetNamespace() != namespace {
			continue
		}
		var fits, may bool
		for _, f := range list(grant.Object, "spec", "from") {
			fits = fits || text(f, "kind") == "HTTPRoute" && text(f, "namespace") == from
		}
		for _, t := range list(grant.Object, "spec", "to") {
			may = may || text(t, "kind") == kind && (text(t, "name") == "" || text(t, "name") == name)
		}
		if fits && may {
			return true
		}
	}
	return false
}

func poolFindings(s *set, o *unstructured.Unstructured, say func(string, ...any)) {
	ns := o.GetNamespace()
	picker := text(o.Object, "spec", "endpointPickerRef", "name")
	service := s.find("Service", ns, picker)
	port := fmt.Sprint(number(o.Object, "spec", "endpointPickerRef", "port", "number"))
	if service == nil || !servicePort(service, port) {
		say("its endpoint picker %s:%s is no Service", picker, port)
	} else {
		served := false
		for _, w := range s.podsMatching(ns, texts(service.Object, "spec", "selector")) {
			served = served || strings.Contains(fmt.Sprint(w.pod), "--pool-name="+o.GetName()+" ")
		}
		if !served {
			say("no pod of its endpoint picker was told --pool-name=%s", o.GetName())
		}
	}
	if rule := s.find("DestinationRule", ns, picker); rule == nil || text(rule.Object, "spec", "trafficPolicy", "tls", "mode") != "SIMPLE" {
		say("no DestinationRule says that its endpoint picker speaks TLS")
	}
	if len(s.podsMatching(ns, texts(o.Object, "spec", "selector", "matchLabels"))) == 0 {
		say("selects no model server")
	}
}

// filterFindings: a patch that matches nothing is taken without a word, so what it matches by name must exist.
func filterFindings(s *set, o *unstructured.Unstructured, say func(string, ...any)) {
	gateway := texts(o.Object, "spec", "workloadSelector", "labels")["gateway.networking.k8s.io/gateway-name"]
	if s.find("Gateway", o.GetNamespace(), gateway) == nil {
		say("is not for a Gateway of its own namespace")
	}
	for _, p := range list(o.Object, "spec", "configPatches") {
		vhost := table(p, "match", "routeConfiguration", "vhost")
		if name := text(vhost, "name"); name != "" && !hasHost(s, name) {
			say("no HTTPRoute is for the host %s", name)
		} else if name != "" && !hasListener(s, name) {
			say("no listener is for the host %s: whoever makes the route may take another", name)
		}
		if name := text(vhost, "route", "name"); name != "" && !hasRule(s, name) {
			say("no HTTPRoute has a rule %s", name)
		} else if name != "" && !strings.HasPrefix(name, o.GetNamespace()+".") {
			say("the name of the rule %s is not this namespace's to choose: with another the patch matches nothing", name)
		}
	}
}

func hasHost(s *set, vhost string) bool {
	for _, route := range s.ofKind("HTTPRoute") {
		for _, host := range words(route.Object, "spec", "hostnames") {
			if host+":80" == vhost {
				return true
			}
		}
	}
	return false
}

func hasListener(s *set, vhost string) bool {
	for _, g := range s.ofKind("Gateway") {
		for _, l := range list(g.Object, "spec", "listeners") {
			if fmt.Sprintf("%s:%d", text(l, "hostname"), number(l, "port")) == vhost {
				return true
			}
		}
	}
	return false
}

// hasRule: Istio names a route by namespace, HTTPRoute and the number of the rule.
func hasRule(s *set, name string) bool {
	for _, route := range s.ofKind("HTTPRoute") {
		for i := range list(route.Object, "spec", "rules") {
			if name == fmt.Sprintf("%s.%s.%d", route.GetNamespace(), route.GetName(), i) {
				return true
			}
		}
	}
	return false
}

func orElse(value, other string) string {
	if value == "" {
		return other
	}
	return value
}
