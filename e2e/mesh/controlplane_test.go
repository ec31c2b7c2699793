//go:build mesh

package mesh

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// startControlPlane brings up etcd and the API server.
func (m *mesh) startControlPlane() error {
	etcd, err := m.startTool("etcd", nil, "--name", "mesh", "--data-dir", m.file("etcd"),
		"--unsafe-no-fsync", // it lives for minutes
		"--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
		"--listen-peer-urls", "http://127.0.0.1:2380", "--initial-advertise-peer-urls", "http://127.0.0.1:2380",
		"--initial-cluster", "mesh=http://127.0.0.1:2380")
	if err != nil {
		return err
	}
	if err := etcd.ready(180*time.Second, answers(plain, "http://127.0.0.1:2379/health")); err != nil {
		return err
	}
	server, err := m.startTool("kube-apiserver", nil, "--etcd-servers=http://127.0.0.1:2379",
		"--bind-address="+nodeIP, "--advertise-address="+nodeIP, "--secure-port=6443",
		"--tls-cert-file="+m.file("pki/apiserver.crt"), "--tls-private-key-file="+m.file("pki/apiserver.key"),
		"--token-auth-file="+m.file("tokens.csv"), "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+m.file("pki/tokens.pub"), "--service-account-signing-key-file="+m.file("pki/tokens.key"),
		"--service-cluster-ip-range=198.18.0.0/24", "--allow-privileged=true", "--profiling=false", "--v=1")
	if err != nil {
		return err
	}
	return server.ready(180*time.Second, answers(m.api.client, m.api.base+"/readyz"))
}

// startControllers brings up those without which our manifests do not become pods
// and endpoints, and what is deleted would stay. They read the CRDs once.
func (m *mesh) startControllers() error {
	_, err := m.startTool("kube-controller-manager", nil, "--kubeconfig="+m.kubeconfig, "--bind-address=127.0.0.1",
		"--leader-elect=false", "--service-account-private-key-file="+m.file("pki/tokens.key"), "--root-ca-file="+m.file("pki/ca.crt"),
		"--controllers=endpointslice-controller,serviceaccount-controller,root-ca-certificate-publisher-controller,namespace-controller,deployment-controller,replicaset-controller,garbage-collector-controller",
		"--v=1")
	return err
}

// startIstiod needs the CRDs to be there. A stock Envoy lacks the filters of
// istio-proxy, so telemetry and ALPN are off; without certificates, so is mTLS.
func (m *mesh) startIstiod() error {
	config := fmt.Sprintf(`
rootNamespace: istio-system
trustDomain: cluster.local
accessLogFile: /dev/stdout
defaultConfig: {discoveryAddress: "%s:15012"}
enablePrometheusMerge: false
enableAutoMtls: false
`, nodeIP)
	if err := os.WriteFile(m.file("istio.yaml"), []byte(config), 0o644); err != nil {
		return err
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + m.scratch, "POD_NAMESPACE=istio-system", "POD_NAME=istiod", "INSTANCE_IP=" + nodeIP,
		"CLUSTER_ID=Kubernetes", "REVISION=default",
		"ENABLE_GATEWAY_API_INFERENCE_EXTENSION=true", "PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER=false",
		"PILOT_ENABLE_ALPN_FILTER=false", "PILOT_ENABLE_METADATA_EXCHANGE=false",
		"PILOT_ENABLE_TELEMETRY_LABEL=false", "PILOT_ENDPOINT_TELEMETRY_LABEL=false",
		"ENABLE_CA_SERVER=false", "PILOT_CERT_PROVIDER=none",
		"VALIDATION_WEBHOOK_CONFIG_NAME=", "INJECTION_WEBHOOK_CONFIG_NAME=", "ISTIOD_SA=",
	}
	istiod, err := m.startTool("pilot-discovery", env, "discovery", "--kubeconfig", m.kubeconfig, "--meshConfig", m.file("istio.yaml"),
		"--grpcAddr", nodeIP+":15010", "--secureGRPCAddr", "", "--httpsAddr", "", "--httpAddr", "127.0.0.1:8080",
		"--monitoringAddr", "127.0.0.1:15014", "--ctrlz_port", "0", "--clusterID", "Kubernetes", "--log_output_level", "default:info")
	if err != nil {
		return err
	}
	return istiod.ready(180*time.Second, answers(plain, "http://127.0.0.1:8080/ready"))
}

// applyCRDs applies those that came with the tools, and waits until they are served.
func (m *mesh) applyCRDs() error {
	if _, err := m.api.run("", "apply", "--server-side", "-f", filepath.Join(toolsDir(), "crds")); err != nil {
		return err
	}
	_, err := m.api.run("", "wait", "--for=condition=Established", "--timeout=180s", "crd", "--all")
	return err
}

var plain = &http.Client{Timeout: 2 * time.Second}

// answers is a check that a URL answers with 200.
func answers(client *http.Client, url string) func() error {
	return func() error {
		resp, err := client.Get(url)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, resp.Status)
		}
		return nil
	}
}
