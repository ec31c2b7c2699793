package main

// breakage is one thing done wrong, and a piece of what must be said of it.
type breakage struct {
	name string
	in   string // the case; by default extproc with simulated backends
	kind string
	at   string // namespace/name
	path string
	to   any
	want string
}

const deployment, router = "Deployment", "vsr-system/vsr-proxy"

const (
	filterConfig = "spec.configPatches.0.patch.value.typed_config."
	processor    = filterConfig + "extension_config.typed_config."
	theOther     = "spec.configPatches.1.patch.value.typed_config.extension_config.typed_config."
)

var breakages = []breakage{
	// S7
	{"root", "", deployment, router, "spec.template.spec.securityContext.runAsNonRoot", nil, "may run as root"},
	{"root in one container", "", deployment, router, "spec.template.spec.containers.0.securityContext.runAsNonRoot", false, "may run as root"},
	{"no user", "", deployment, router, "spec.template.spec.securityContext.runAsUser", nil, "names no user"},
	{"seccomp", "", deployment, router, "spec.template.spec.securityContext.seccompProfile.type", "Unconfined", "seccomp"},
	{"privileges", "", deployment, router, "spec.template.spec.containers.0.securityContext.allowPrivilegeEscalation", nil, "gain privileges"},
	{"privileged", "", deployment, router, "spec.template.spec.containers.0.securityContext.privileged", true, "is privileged"},
	{"writable root", "", deployment, "inference/llama3-8b", "spec.template.spec.containers.0.securityContext.readOnlyRootFilesystem", false, "write to its root"},
	{"capability", "", deployment, router, "spec.template.spec.containers.0.securityContext.capabilities.add", []any{"NET_ADMIN"}, "keeps capabilities"},
	{"not all dropped", "", deployment, router, "spec.template.spec.containers.0.securityContext.capabilities.drop", []any{"NET_RAW"}, "keeps capabilities"},
	{"latest", "", deployment, router, "spec.template.spec.containers.0.image", "vsr-proxy:latest", "not pinned"},
	{"no tag", "", deployment, "inference/phi4-mini-epp", "spec.template.spec.containers.0.image", "registry.k8s.io/epp", "not pinned"},
	{"no readiness", "", deployment, router, "spec.template.spec.containers.0.readinessProbe", nil, "no readinessProbe"},
	{"no liveness", "", deployment, "inference/phi4-mini", "spec.template.spec.containers.0.livenessProbe", nil, "no livenessProbe"},
	{"TCP probe", "", deployment, router, "spec.template.spec.containers.0.livenessProbe", map[string]any{"tcpSocket": map[string]any{"port": int64(50051)}}, "only sees that a port is open"},
	{"roll-out given up too early", "extproc, GPUs", deployment, "inference/llama3-8b", "spec.progressDeadlineSeconds", nil, "given up after 600 s"},
	{"other readiness", "", deployment, router, "spec.template.spec.containers.0.readinessProbe.grpc.service", "other", "neither /readyz nor"},
	{"CPU limit", "", deployment, router, "spec.template.spec.containers.0.resources.limits.cpu", "1", "CPU limit"},
	{"no memory limit", "", deployment, router, "spec.template.spec.containers.0.resources.limits", nil, "how much memory"},
	{"subPath", "", deployment, router, "spec.template.spec.containers.0.volumeMounts.0.subPath", "config.yaml", "subPath"},
	{"node's path", "", deployment, router, "spec.template.spec.volumes.0", map[string]any{"name": "config", "hostPath": map[string]any{"path": "/"}}, "path of the node"},
	{"node's network", "", deployment, router, "spec.template.spec.hostNetwork", true, "hostNetwork"},
	{"default account", "", deployment, router, "spec.template.spec.serviceAccountName", nil, "no service account of its own"},
	{"token for nothing", "", deployment, router, "spec.template.spec.automountServiceAccountToken", true, "token that no role"},
	{"service links", "", deployment, router, "spec.template.spec.enableServiceLinks", nil, "VSR_*"},
	{"old version", "", "HTTPRoute", "inference/phi4-mini", "apiVersion", "gateway.networking.k8s.io/v1beta1", "is not v1"},

	// Fields, schemas and rules of the definitions.
	{"unknown field", "", "HTTPRoute", "inference/phi4-mini", "spec.rules.0.backendRef", []any{}, "unknown field"},
	{"unknown field of ours", "", deployment, router, "spec.template.spec.replica", int64(2), "unknown field"},
	{"wrong type", "", deployment, router, "spec.replicas", "two", "replicas"},
	{"no such kind", "", deployment, router, "apiVersion", "apps/v1beta1", "no kind"},
	{"no such value", "", "InferencePool", "inference/phi4-mini", "spec.endpointPickerRef.failureMode", "Open", "failureMode"},
	{"CEL of pools", "", "InferencePool", "inference/phi4-mini", "spec.endpointPickerRef.port", nil, "port is required"},
	{"CEL of routes", "", "HTTPRoute", "inference/phi4-mini", "spec.rules.0.timeouts", map[string]any{"request": "1s", "backendRequest": "2s"}, "backendRequest timeout"},
	{"CEL of gateways", "", "Gateway", "inference/inference-gateway", "spec.listeners.0.tls", map[string]any{"mode": "Terminate"}, "tls must not be specified"},
	{"CEL of Istio", "", "EnvoyFilter", "inference/vsr-ext-proc", "spec.targetRefs", []any{map[string]any{"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "g"}}, "only one of targetRefs or workloadSelector"},
	{"TLS mode", "", "DestinationRule", "inference/phi4-mini-epp", "spec.trafficPolicy.tls.mode", "MAYBE", "tls.mode"},
	{"no namespace", "", "HTTPRoute", "inference/phi4-mini", "metadata.namespace", nil, "namespaced"},
	{"monitor's field", "extproc with monitoring", "ServiceMonitor", router, "spec.endpoints.0.intervall", "1s", "unknown field"},

	// Envoy's own types.
	{"typo in a filter", "", "EnvoyFilter", "inference/vsr-ext-proc", processor + "failure_mode_allowed", true, "failure_mode_allowed"},
	{"unknown type", "", "EnvoyFilter", "inference/vsr-ext-proc", processor + "@type", "type.googleapis.com/envoy.Nothing", "envoy.Nothing"},
	{"value out of range", "", "EnvoyFilter", "inference/vsr-ext-proc", processor + "message_timeout", "7200s", "MessageTimeout"},
	{"deep inside", "", "EnvoyFilter", "inference/vsr-client-headers", filterConfig + "early_header_mutation_extensions.0.typed_config.mutations.0", map[string]any{"removes": "x"}, "removes"},
	{"empty match", "", "EnvoyFilter", "inference/vsr-client-headers", filterConfig + "early_header_mutation_extensions.0.typed_config.mutations.1.remove_on_match.key_matcher.prefix", "", "Prefix"},
	{"unknown part", "", "EnvoyFilter", "inference/vsr-ext-proc", "spec.configPatches.2.applyTo", "BOOTSTRAP", "no type is known"},

	// Names that lead nowhere.
	{"ConfigMap", "", deployment, router, "spec.template.spec.volumes.0.configMap.name", "other", "ConfigMap other is not there"},
	{"Secret", "gateway", deployment, router, "spec.template.spec.volumes.1.secret.secretName", "other", "Secret other is not there"},
	{"account", "", deployment, "inference/phi4-mini-epp", "spec.template.spec.serviceAccountName", "other", "ServiceAccount other is not there"},
	{"role", "", "RoleBinding", "inference/phi4-mini-epp", "roleRef.name", "other", "role other is not there"},
	{"subject", "", "RoleBinding", "inference/phi4-mini-epp", "subjects.0.name", "other", "subject other is not there"},
	{"gateway's account", "extproc with extproc-tls", "RoleBinding", "inference/vsr-proxy-extproc-client", "subjects.0.name", "inference-gateway", "subject inference-gateway is not there"},
	{"namespace", "", "ConfigMap", router, "metadata.namespace", "elsewhere", "made by nobody"},
	{"selector", "", "Service", router, "spec.selector", map[string]any{"app": "other"}, "selects no pod"},
	{"target port", "", "Service", router, "spec.ports.0.targetPort", "http", "has no port http"},
	{"probe's port", "", deployment, router, "spec.template.spec.containers.0.livenessProbe.httpGet.port", "http", "asks port http"},
	{"mount", "", deployment, router, "spec.template.spec.containers.0.volumeMounts.0.name", "other", "mounts other"},
	{"budget", "", "PodDisruptionBudget", router, "spec.selector.matchLabels", map[string]any{"app": "other"}, "selects no pod"},
	{"policy", "", "NetworkPolicy", "inference/model-servers", "spec.podSelector.matchExpressions.0.values", []any{"other"}, "selects no pod"},
	{"policy's port", "", "NetworkPolicy", router, "spec.ingress.0.ports.0.port", "http", "has no port http"},
	{"injected and shut in", "", deployment, router, "spec.template.metadata.labels", map[string]any{"app.kubernetes.io/name": "vsr-proxy", "sidecar.istio.io/inject": "true"}, "can't reach istiod"},
	{"injected without DNS", "extproc with injected", "NetworkPolicy", "vsr-system/vsr-proxy-istiod", "spec.egress.1.ports", []any{map[string]any{"port": int64(15012)}}, "can't reach istiod"},
	{"scaled", "extproc with autoscaling", "HorizontalPodAutoscaler", router, "spec.scaleTargetRef.name", "other", "scales what is not there"},
	{"monitored pod", "extproc with monitoring-pools", "PodMonitor", "inference/endpoint-pickers", "spec.podMetricsEndpoints.0.port", "http", "has no port http"},
	{"Prometheus kept out", "extproc with monitoring-pools", "NetworkPolicy", "inference/endpoint-pickers-metrics", "spec.ingress.0.ports.0.port", "grpc", "no NetworkPolicy lets Prometheus in"},
	{"monitored", "extproc with monitoring", "ServiceMonitor", router, "spec.endpoints.0.port", "http", "found at 0 Services"},

	// The way of a request.
	{"parent", "", "HTTPRoute", "inference/phi4-mini", "spec.parentRefs.0.name", "other", "gateway other is not there"},
	{"pool", "", "HTTPRoute", "inference/phi4-mini", "spec.rules.0.backendRefs.0.name", "other", "InferencePool inference/other is not there"},
	{"every path", "", "HTTPRoute", "inference/default-pool", "spec.rules.0.matches.0.path.value", "/", "not only what is below /v1/"},
	{"picker", "", "InferencePool", "inference/phi4-mini", "spec.endpointPickerRef.name", "other", "picker other:9002 is no Service"},
	{"picker of another pool", "", "InferencePool", "inference/phi4-mini", "spec.endpointPickerRef.name", "llama3-8b-epp", "was told --pool-name=phi4-mini"},
	{"model server", "", "InferencePool", "inference/phi4-mini", "spec.selector.matchLabels", map[string]any{"app": "other"}, "selects no model server"},
	{"rule's host", "", "DestinationRule", router, "spec.host", "other.vsr-system.svc.cluster.local", "is no Service here"},
	{"gateway's key", "extproc with extproc-tls", "RoleBinding", "inference/vsr-proxy-extproc-client", "subjects.0.namespace", "vsr-system", "may not list Secrets"},
	{"gateway's key by name", "extproc with extproc-tls", "Role", "inference/vsr-proxy-extproc-client", "rules.0.resourceNames", []any{"vsr-proxy-extproc-client"}, "may not list Secrets"},
	{"nobody's key", "extproc with extproc-tls", "DestinationRule", router, "spec.trafficPolicy.tls.credentialName", "other", "Secret other is made by nobody"},
	{"objective's pool", "objectives", "InferenceObjective", "inference/llama3-8b-batch", "spec.poolRef.name", "other", "pool other is not there"},
	{"rule of no route", "objectives", "EnvoyFilter", "inference/vsr-objectives", "spec.configPatches.1.match.routeConfiguration.vhost.route.name", "inference.llama3-8b.1", "no HTTPRoute has a rule"},
	{"host of no route", "tenants", "EnvoyFilter", "inference/tenant-team-a", "spec.configPatches.0.match.routeConfiguration.vhost.name", "other.example.com:80", "no HTTPRoute is for the host"},
	{"other gateway", "", "EnvoyFilter", "inference/vsr-ext-proc", "spec.workloadSelector.labels", map[string]any{"app": "istio-ingressgateway"}, "not for a Gateway"},
	{"tenant not admitted", "tenants", "Gateway", "inference/inference-gateway", "spec.listeners.1.allowedRoutes.namespaces", map[string]any{"from": "Same"}, "takes no routes of its namespace"},
	{"tenants at one listener", "tenants", "Gateway", "inference/inference-gateway", "spec.listeners.1.allowedRoutes.namespaces.selector", map[string]any{"matchExpressions": []any{map[string]any{"key": "kubernetes.io/metadata.name", "operator": "In", "values": []any{"team-a", "team-b"}}}}, "can take each other's requests"},
	{"everybody at one listener", "tenants", "Gateway", "inference/inference-gateway", "spec.listeners.0.allowedRoutes.namespaces", map[string]any{"from": "All"}, "can take each other's requests"},
	{"tenant for every host", "tenants", "Gateway", "inference/inference-gateway", "spec.listeners.1.hostname", nil, "of another namespace for every host"},
	{"another tenant's host", "tenants", "HTTPRoute", "team-b/models", "spec.hostnames", []any{"team-a.example.com"}, "takes no routes of its namespace for its hosts"},
	{"another tenant's listener", "tenants", "HTTPRoute", "team-b/models", "spec.parentRefs.0.sectionName", "team-a", "takes no routes of its namespace for its hosts"},
	{"limit at a host of no listener", "tenants", "Gateway", "inference/inference-gateway", "spec.listeners.1.hostname", "*.example.com", "no listener is for the host team-a.example.com:80"},
	{"limit by a tenant's name", "tenants", "EnvoyFilter", "inference/tenant-team-a", "spec.configPatches.0.match.routeConfiguration.vhost.route", map[string]any{"name": "team-a.models.0"}, "is not this namespace's to choose"},
	{"tenant not granted", "tenants", "ReferenceGrant", "inference/tenants", "spec.from.0.namespace", "team-c", "no ReferenceGrant"},

	// The router among the others.
	{"Istio's filter name", "", "EnvoyFilter", "inference/vsr-ext-proc", "spec.configPatches.0.patch.value.name", "envoy.filters.http.ext_proc", "Istio's own name"},
	{"before authentication", "", "EnvoyFilter", "inference/vsr-ext-proc", "spec.configPatches.0.patch.operation", "INSERT_FIRST", "must stand right before"},
	{"elsewhere in the chain", "", "EnvoyFilter", "inference/vsr-ext-proc", "spec.configPatches.0.match.listener.filterChain.filter.subFilter.name", "envoy.filters.http.router", "must stand right before"},
	{"two timeouts", "", "EnvoyFilter", "inference/vsr-ext-proc", processor + "message_timeout", "0.2s", "message_timeout is 200ms, of the router 2s"},
	{"no body", "", "EnvoyFilter", "inference/vsr-ext-proc", processor + "processing_mode.request_body_mode", "NONE", "whole body"},
	{"trailers unseen", "", "EnvoyFilter", "inference/vsr-ext-proc", processor + "processing_mode.request_trailer_mode", "SKIP", "vsr.ext_proc: without request_trailer_mode SEND"},
	{"the large ones' trailers", "", "EnvoyFilter", "inference/vsr-ext-proc", theOther + "processing_mode.request_trailer_mode", "SKIP", "vsr.ext_proc_large: without request_trailer_mode SEND"},
	{"the large ones' timeout", "", "EnvoyFilter", "inference/vsr-ext-proc", theOther + "message_timeout", "3s", "vsr.ext_proc_large: message_timeout is 3s"},
	{"requests that neither takes", "", "EnvoyFilter", "inference/vsr-ext-proc", filterConfig + "xds_matcher.matcher_list.matchers.0.predicate.not_matcher.single_predicate.value_match.safe_regex.regex", "[0-9]{1,5}", "don't share out all requests"},
	{"skipped without the other", "", "EnvoyFilter", "inference/vsr-ext-proc", "spec.configPatches.1.applyTo", "CLUSTER", "don't share out all requests"},
	{"no response", "", "EnvoyFilter", "inference/vsr-ext-proc", processor + "processing_mode.response_header_mode", "SKIP", "headers both ways"},
	{"cluster", "", "EnvoyFilter", "inference/vsr-ext-proc", processor + "grpc_service.envoy_grpc.cluster_name", "outbound|50052||vsr-proxy.vsr-system.svc.cluster.local", "is no Service here"},
	{"model's route", "", "HTTPRoute", "inference/phi4-mini", "spec.rules.0.matches.0.headers.0.value", "phi4", "model phi4-mini has no HTTPRoute"},
	{"default's route", "", "HTTPRoute", "inference/default-pool", "spec.rules.0.backendRefs.0.name", "phi4-mini", "default model llama3-8b"},
}
