//go:build e2e

package envoy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// pki is a processor with mutual TLS, and what it takes to call it.
type pki struct {
	servers, clients, others *rig.Authority
	good, wrong              rig.Pair
}

func newPKI(t *testing.T) (pki, string) {
	t.Helper()
	var k pki
	folder := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	k.servers, err = rig.NewAuthority(folder, "servers")
	must(err)
	k.clients, err = rig.NewAuthority(folder, "clients")
	must(err)
	k.others, err = rig.NewAuthority(folder, "others")
	must(err)
	server, err := k.servers.Issue("processor.test")
	must(err)
	k.good, err = k.clients.Issue("envoy")
	must(err)
	k.wrong, err = k.others.Issue("envoy")
	must(err)
	files := fmt.Sprintf("listen: EXTPROC, tls: {cert_file: %q, key_file: %q, client_ca_file: %q}", server.Cert, server.Key, k.clients.File)
	return k, strings.Replace(routes, "listen: EXTPROC", files, 1)
}

// X11, S10: Envoy is served over mutual TLS with a certificate of the right
// authority, and with no other; nor does it take a processor that is not the one
// it means.
func TestMutualTLSToTheProcessor(t *testing.T) {
	k, text := newPKI(t)
	p := processor(t, doors+text)
	for name, tt := range map[string]struct {
		tls *rig.ClientTLS
		ok  bool
	}{
		"right":                 {&rig.ClientTLS{CA: k.servers.File, Cert: k.good.Cert, Key: k.good.Key}, true},
		"no certificate":        {&rig.ClientTLS{CA: k.servers.File}, false},
		"of another authority":  {&rig.ClientTLS{CA: k.servers.File, Cert: k.wrong.Cert, Key: k.wrong.Key}, false},
		"a processor not meant": {&rig.ClientTLS{CA: k.others.File, Cert: k.good.Cert, Key: k.good.Key}, false},
		"no TLS":                {nil, false},
	} {
		e := gateway(t, p.Addr, func(g *rig.Gateway) { g.Processor.TLS, g.Processor.FailClosed = tt.tls, true })
		r := call{body: chat(phi, plainPrompt)}.do(t, e.URL)
		a := arrived(r.id)
		if tt.ok && (r.status != 200 || r.model() != phi || len(a) != 1) || !tt.ok && (r.status != 503 || len(a) > 0) {
			t.Errorf("%s: %v, %d arrivals", name, r, len(a))
		}
		e.Stop()
	}
}

// The health service says whether the processor serves, for the server and for the
// processor by name, and says no from the start of a shutdown on.
func TestHealth(t *testing.T) {
	k, text := newPKI(t)
	p := processor(t, doors+text)
	pair, err := tls.LoadX509KeyPair(k.good.Cert, k.good.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(k.servers.File); err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(p.Addr, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: "processor.test",
	})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	health := grpc_health_v1.NewHealthClient(conn)
	for _, service := range []string{"", "envoy.service.ext_proc.v3.ExternalProcessor"} {
		if r, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service}); err != nil || r.Status != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, r, err)
		}
	}
	watch, err := health.Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := watch.Recv(); err != nil || r.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Fatalf("%v, %v", r, err)
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if r, err := watch.Recv(); err == nil && r.Status != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("while it shuts down: %v", r)
	}
	eventually(t, func() error {
		if p.Running() {
			return fmt.Errorf("it still runs")
		}
		return nil
	})
}
