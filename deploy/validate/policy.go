package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// S7: what a pod may and must be.

// pinnedImage is a repository with a tag that says a version, or with a digest.
var pinnedImage = regexp.MustCompile(`^[a-z0-9./_-]+(:[0-9]+/[a-z0-9./_-]+)?(:v?[0-9]+\.[0-9]+(\.[0-9]+)?([-+._][A-Za-z0-9.-]+)?|@sha256:[0-9a-f]{64})$`)

func policyFindings(s *set) []string {
	var found []string
	for _, w := range s.workloads() {
		say := func(format string, args ...any) {
			found = append(found, named(w.owner)+": "+fmt.Sprintf(format, args...))
		}
		podFindings(s, w, say)
		for _, c := range w.containers() {
			containerFindings(w, c, func(format string, args ...any) { say("container "+c.name()+": "+format, args...) })
		}
	}
	return append(found, versionFindings(s)...)
}

func podFindings(s *set, w workload, say func(string, ...any)) {
	for _, key := range []string{"hostNetwork", "hostPID", "hostIPC"} {
		if on, _ := boolean(w.pod, key); on {
			say("%s is on", key)
		}
	}
	for _, v := range list(w.pod, "volumes") {
		if v["hostPath"] != nil {
			say("volume %s is a path of the node", text(v, "name"))
		}
	}
	account := text(w.pod, "serviceAccountName")
	if account == "" || account == "default" {
		say("has no service account of its own")
	}
	token, there := boolean(w.pod, "automountServiceAccountToken")
	if !there {
		say("does not say whether it gets a token")
	}
	if token && !bound(s, w.owner.GetNamespace(), account) {
		say("gets a token that no role is bound to")
	}
	if links, there := boolean(w.pod, "enableServiceLinks"); strings.Contains(fmt.Sprint(w.pod), "vsr-proxy:") && (links || !there) {
		say("enableServiceLinks is on: a Service's variables would be read as VSR_* settings")
	}
}

func bound(s *set, namespace, account string) bool {
	for _, binding := range s.ofKind("RoleBinding") {
		for _, subject := range list(binding.Object, "subjects") {
			if text(subject, "kind") == "ServiceAccount" && text(subject, "name") == account && text(subject, "namespace") == namespace {
				return true
			}
		}
	}
	return false
}

func containerFindings(w workload, c container, say func(string, ...any)) {
	pod, own := table(w.pod, "securityContext"), table(c.fields, "securityContext")
	if on, there := boolean(own, "runAsNonRoot"); !(there && on) {
		if on, _ := boolean(pod, "runAsNonRoot"); !on || there {
			say("may run as root")
		}
	}
	if number(own, "runAsUser") == 0 && number(pod, "runAsUser") == 0 {
		say("names no user")
	}
	if text(own, "seccompProfile", "type") != "RuntimeDefault" && text(pod, "seccompProfile", "type") != "RuntimeDefault" {
		say("has no seccomp profile RuntimeDefault")
	}
	if on, there := boolean(own, "allowPrivilegeEscalation"); on || !there {
		say("may gain privileges")
	}
	if on, _ := boolean(own, "privileged"); on {
		say("is privileged")
	}
	if on, _ := boolean(own, "readOnlyRootFilesystem"); !on {
		say("can write to its root")
	}
	if !slices.Equal(words(own, "capabilities", "drop"), []string{"ALL"}) || len(words(own, "capabilities", "add")) > 0 {
		say("keeps capabilities")
	}
	if image := text(c.fields, "image"); !pinnedImage.MatchString(image) {
		say("image %q is not pinned to a version", image)
	}
	probeFindings(w, c, say)
	resources := table(c.fields, "resources")
	if table(resources, "requests")["cpu"] == nil || table(resources, "requests")["memory"] == nil || table(resources, "limits")["memory"] == nil {
		say("does not say what CPU and memory it needs, and how much memory it may have")
	}
	if c.name() == "vsr-proxy" && table(resources, "limits")["cpu"] != nil {
		say("has a CPU limit, which slows every classification")
	}
	for _, m := range list(c.fields, "volumeMounts") {
		if text(m, "subPath") != "" {
			say("mounts %s by subPath, which is never brought up to date", text(m, "name"))
		}
	}
}

// probeFindings: a container that stays must be asked whether it is alive and ready, and not only whether it listens.
func probeFindings(w workload, c container, say func(string, ...any)) {
	if c.once() || slices.Contains([]string{"Job", "Pod"}, w.owner.GetKind()) {
		return
	}
	if o := w.owner; o.GetKind() == "Deployment" {
		start, deadline := table(c.fields, "startupProbe"), orDefault(number(o.Object, "spec", "progressDeadlineSeconds"), 600)
		if allowed := orDefault(number(start, "periodSeconds"), 10) * orDefault(number(start, "failureThreshold"), 3); start != nil && allowed >= deadline {
			say("may take %d s to start, but its roll-out is given up after %d s", allowed, deadline)
		}
	}
	for _, kind := range []string{"readinessProbe", "livenessProbe", "startupProbe"} {
		probe := table(c.fields, kind)
		if probe == nil && kind != "startupProbe" {
			say("has no %s", kind)
		}
		if probe["tcpSocket"] != nil {
			say("its %s only sees that a port is open", kind)
		}
	}
	if c.name() != "vsr-proxy" {
		return
	}
	ready := table(c.fields, "readinessProbe")
	if text(ready, "httpGet", "path") != "/readyz" && text(ready, "grpc", "service") != "envoy.service.ext_proc.v3.ExternalProcessor" {
		say("its readinessProbe asks neither /readyz nor the processor's gRPC health")
	}
	if text(table(c.fields, "livenessProbe"), "httpGet", "path") != "/livez" {
		say("its livenessProbe does not ask /livez")
	}
}

func orDefault(value, other int64) int64 {
	if value == 0 {
		return other
	}
	return value
}

// early are the groups that have no v1; everything else that has one must use it.
var early = map[string]string{
	"networking.istio.io/v1alpha3":           "EnvoyFilter",
	"inference.networking.x-k8s.io/v1alpha2": "InferenceObjective",
	"autoscaling/v2":                         "HorizontalPodAutoscaler",
}

func versionFindings(s *set) []string {
	var found []string
	for _, o := range s.objects {
		version := o.GetAPIVersion()
		if version != "v1" && !strings.HasSuffix(version, "/v1") && early[version] != o.GetKind() {
			found = append(found, named(o)+": "+version+" is not v1")
		}
	}
	return found
}
