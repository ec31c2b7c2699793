//go:build mesh

package mesh

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// overlay renders a folder of deploy/kubernetes.
func (m *mesh) overlay(name string) (string, error) {
	return m.api.kustomize(repoFile("deploy/kubernetes/" + name))
}

// applyManifests applies the shipped manifests, in the order of the guide.
func (m *mesh) applyManifests() error {
	if err := m.api.apply("{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}"); err != nil {
		return err
	}
	if _, err := m.api.run("", "apply", "-f", repoFile("deploy/kubernetes/namespaces.yaml")); err != nil {
		return err
	}
	for _, name := range []string{"backends/demo-sim", "overlays/extproc"} {
		rendered, err := m.overlay(name)
		if err != nil {
			return err
		}
		if err := m.api.apply(rendered); err != nil {
			return err
		}
	}
	return nil
}

// startGateway makes what istiod's deployment controller would make of the
// Gateway: a Service and a pod with Envoy, which istiod programs.
func (m *mesh) startGateway() error {
	return m.makeGateway("inference", "inference-gateway", gatewayIP)
}

func (m *mesh) makeGateway(namespace, gateway, address string) error {
	name := gateway + "-istio"
	bootstrap, err := json.MarshalIndent(gatewayBootstrap(namespace, gateway, address), "", " ")
	if err != nil {
		return err
	}
	config, err := json.Marshal(string(bootstrap))
	if err != nil {
		return err
	}
	if err := until(60*time.Second, func() error {
		return m.api.get("/api/v1/namespaces/"+namespace+"/serviceaccounts/default", nil)
	}); err != nil {
		return err
	}
	return m.api.apply(fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: %[2]s, namespace: %[1]s, labels: {gateway.networking.k8s.io/gateway-name: %[3]s}}
spec:
  selector: {gateway.networking.k8s.io/gateway-name: %[3]s}
  ports: [{name: http, port: 80, targetPort: 80, appProtocol: http}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: %[2]s-bootstrap, namespace: %[1]s}
data: {envoy.json: %[5]s}
---
apiVersion: v1
kind: Pod
metadata:
  name: %[2]s
  namespace: %[1]s
  labels: {gateway.networking.k8s.io/gateway-name: %[3]s, service.istio.io/canonical-name: %[2]s}
  annotations: {mesh/address: %[4]s}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  containers:
    - name: istio-proxy
      image: envoy
      args: [-c, /etc/envoy/envoy.json, --concurrency, "1", --disable-hot-restart, -l, info]
      ports: [{name: http, containerPort: 80}, {name: admin, containerPort: 15000}]
      readinessProbe: {httpGet: {path: /ready, port: admin}, periodSeconds: 1}
      volumeMounts: [{name: bootstrap, mountPath: /etc/envoy}]
  volumes: [{name: bootstrap, configMap: {name: %[2]s-bootstrap}}]
`, namespace, name, gateway, address, config))
}

// gatewayBootstrap is what pilot-agent would give Envoy: who it is, and where istiod is.
func gatewayBootstrap(namespace, gateway, address string) any {
	name := gateway + "-istio"
	type object = map[string]any
	ads := object{"ads": object{}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
	return object{
		"node": object{
			"id":      fmt.Sprintf("router~%s~%s.%s~%s.svc.cluster.local", address, name, namespace, namespace),
			"cluster": name + "." + namespace,
			"metadata": object{
				"NAME": name, "NAMESPACE": namespace, "WORKLOAD_NAME": name, "SERVICE_ACCOUNT": "default",
				"OWNER":      "kubernetes://apis/apps/v1/namespaces/" + namespace + "/deployments/" + name,
				"CLUSTER_ID": "Kubernetes", "MESH_ID": "cluster.local", "ISTIO_VERSION": "1.31.0", "INSTANCE_IPS": address,
				"LABELS": object{"gateway.networking.k8s.io/gateway-name": gateway, "service.istio.io/canonical-name": name},
			},
		},
		"dynamic_resources": object{
			"ads_config": object{"api_type": "GRPC", "transport_api_version": "V3", "set_node_on_first_message_only": true,
				"grpc_services": []any{object{"envoy_grpc": object{"cluster_name": "xds-grpc"}}}},
			"lds_config": ads, "cds_config": ads,
		},
		"static_resources": object{"clusters": []any{object{
			"name": "xds-grpc", "type": "STATIC", "connect_timeout": "1s",
			"typed_extension_protocol_options": object{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": object{
				"@type":                "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
				"explicit_http_config": object{"http2_protocol_options": object{}},
			}},
			"load_assignment": object{"cluster_name": "xds-grpc", "endpoints": []any{object{"lb_endpoints": []any{object{"endpoint": object{
				"address": object{"socket_address": object{"address": nodeIP, "port_value": 15010}},
			}}}}}},
		}}},
		"admin": object{"address": object{"socket_address": object{"address": "0.0.0.0", "port_value": 15000}}},
	}
}

// waitForPods waits until every pod runs and is ready.
func (m *mesh) waitForPods() error {
	return until(180*time.Second, func() error {
		k := m.kubelet
		k.mu.Lock()
		defer k.mu.Unlock()
		for name, why := range k.broken {
			return fmt.Errorf("pod %s can't run: %s", name, why)
		}
		for _, want := range []string{"vsr-proxy", "llama3-8b", "llama3-8b-epp", "phi4-mini", "phi4-mini-epp", "inference-gateway-istio"} {
			found := false
			for _, r := range k.pods {
				if strings.HasPrefix(r.pod.Meta.Name, want) {
					found = true
					if !r.isReady() {
						return fmt.Errorf("pod %s is not ready: %v", r.pod.Meta.Name, r.because())
					}
				}
			}
			if !found {
				return fmt.Errorf("there is no pod of %s", want)
			}
		}
		return nil
	})
}

func (r *running) because() error {
	for _, u := range r.units {
		u.mu.Lock()
		err := u.because
		u.mu.Unlock()
		if err != nil {
			return fmt.Errorf("container %s: %w", u.spec.Name, err)
		}
	}
	return nil
}

// waitForAnswers waits for the guide's first request, to either pool.
func (m *mesh) waitForAnswers() error {
	for _, model := range []string{"llama3-8b", "phi4-mini"} {
		if err := until(120*time.Second, func() error {
			a, err := ask(chat(model, "hello"))
			if err == nil && (a.status != 200 || a.pool() != model) {
				err = fmt.Errorf("model %s: %s", model, a)
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
