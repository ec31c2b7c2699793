// Package mesh applies this repository's own manifests to a real control plane
// and sends requests through the gateway that comes of it: etcd, kube-apiserver
// and kube-controller-manager, istiod, GIE's endpoint pickers, the llm-d inference
// simulator in the place of vLLM, Envoy programmed by istiod, and bin/vsr-proxy.
// All of them are processes in network namespaces; no container runs.
//
// A kubelet of a few hundred lines (kubelet_test.go) turns the pods that the
// controllers make of our Deployments into processes, with the arguments, the
// environment, the user, the volumes and the probes of the manifest, so that what
// is shipped is what is tested. README.md says what it can't do.
//
// The tests carry the build tag mesh. scripts/e2e-mesh.sh builds and runs them.
package mesh
