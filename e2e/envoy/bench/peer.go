package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// router is the running peer.
type router struct {
	*rig.Process
	addr string
}

// startPeer runs the body-based router with the flags of its chart, but without
// TLS, which vsr-proxy does not speak here either. It wants a Kubernetes API for
// the names of adapters; it gets one that has none.
func startPeer(folder, binary string) (*router, func(), error) {
	api, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(emptyAPI), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(api) }()
	config := filepath.Join(folder, "kubeconfig")
	if err := os.WriteFile(config, fmt.Appendf(nil, kubeconfig, api.Addr()), 0o600); err != nil {
		return nil, nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, nil, err
	}
	// v=3 is the chart's. Its --plugin names a type that the binary of this version
	// does not have, so it runs with the built-in one, which does nothing. env becomes
	// what it starts.
	p, err := rig.Start(folder, "env", "KUBECONFIG="+config, binary, "--streaming", "--v=3", "--secure-serving=false", "--metrics-endpoint-auth=false",
		"--grpc-port="+ports[0], "--grpc-health-port="+ports[1], "--metrics-port="+ports[2])
	if err != nil {
		return nil, nil, err
	}
	stop := func() {
		p.Stop()
		_ = server.Close()
	}
	r := &router{p, net.JoinHostPort("127.0.0.1", ports[0])}
	for deadline := time.Now().Add(rig.Patience); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", r.addr)
		if err == nil {
			_ = c.Close()
			return r, stop, nil
		}
		if time.Now().After(deadline) || !p.Running() {
			stop()
			return nil, nil, fmt.Errorf("the body-based router does not listen: %s", p.Log())
		}
	}
}

func freePorts(n int) (out []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		out = append(out, port)
	}
	return out, nil
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://%s"}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
users: [{name: u, user: {}}]
`

// emptyAPI is a Kubernetes API server that knows config maps and has none.
func emptyAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/api":
		fmt.Fprint(w, `{"kind":"APIVersions","versions":["v1"]}`)
	case r.URL.Path == "/apis":
		fmt.Fprint(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`)
	case r.URL.Path == "/api/v1":
		fmt.Fprint(w, `{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"configmaps","namespaced":true,"kind":"ConfigMap","verbs":["list","watch","get"]}]}`)
	case strings.HasSuffix(r.URL.Path, "/configmaps") && r.URL.Query().Get("watch") != "":
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case strings.HasSuffix(r.URL.Path, "/configmaps"):
		fmt.Fprint(w, `{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
	}
}
