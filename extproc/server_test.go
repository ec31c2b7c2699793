package extproc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// P2: health says NOT_SERVING before the program is ready and while it drains, by
// the names that probes ask for.
func TestHealth(t *testing.T) {
	s := serve(t, doors)
	check := func() string {
		out := ""
		for _, name := range []string{"", "envoy.service.ext_proc.v3.ExternalProcessor"} {
			r, err := healthpb.NewHealthClient(s.conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
			out += fmt.Sprint(r.GetStatus(), err, " ")
		}
		return out
	}
	if got := check(); got != "SERVING <nil> SERVING <nil> " {
		t.Error(got)
	}
	s.server.SetServing(false)
	if got := check(); got != "NOT_SERVING <nil> NOT_SERVING <nil> " {
		t.Error(got)
	}
}

// P2: at shutdown a started exchange goes on to its end, who watches the health is
// told and let go, and no new stream is taken.
func TestShutdownWaits(t *testing.T) {
	s := serve(t, doors)
	watch, err := healthpb.NewHealthClient(s.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := watch.Recv(); err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatal(r, err)
	}
	e := s.envoy(fullDuplex, streamed)
	e.ask(chatWith(prompt("small", "x")))
	whole := make(chan bool, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		defer cancel()
		whole <- s.server.Shutdown(ctx)
	}()
	for err = nil; err == nil; {
		_, err = watch.Recv()
	}
	if back := e.answer(reply(200, "application/json", okBody)); back.body != okBody {
		t.Errorf("%+v", back)
	}
	e.done()
	if !<-whole {
		t.Error("cut")
	}
}

// P2: what does not end by itself is cut at the limit.
func TestShutdownCuts(t *testing.T) {
	s := serve(t, doors)
	e := s.envoy(fullDuplex, streamed)
	e.ask(chatWith(prompt("small", "x")))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if s.server.Shutdown(ctx) {
		t.Error("whole")
	}
	s.settled()
}

// authority signs certificates of tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{t: t}
	a.cert, a.key = a.sign(name, time.Hour, nil)
	return a
}

// sign makes a certificate that is valid for a while; a nil parent makes it an
// authority of its own.
func (a *authority) sign(name string, valid time.Duration, parent *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(valid),
		IsCA: parent == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	signer, by := c, key
	if parent != nil {
		signer, by = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, signer, &key.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made, key
}

// pair is a certificate by a, with its key.
func (a *authority) pair(name string, valid time.Duration) tls.Certificate {
	c, key := a.sign(name, valid, a)
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// files writes a server's pair and the authority of its clients.
func (a *authority) files(folder string, clients *authority) {
	a.t.Helper()
	pair := a.pair("server.test", time.Hour)
	key, _ := x509.MarshalECPrivateKey(pair.PrivateKey.(*ecdsa.PrivateKey))
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: key},
		"ca.pem": {Type: "CERTIFICATE", Bytes: clients.cert.Raw},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
}

// S10: with client_ca_file only a client with a certificate of that authority, and
// one that is valid now, gets in; new files count without a restart.
func TestMutualTLS(t *testing.T) {
	folder := t.TempDir()
	servers, clients, others := newAuthority(t, "servers"), newAuthority(t, "clients"), newAuthority(t, "others")
	servers.files(folder, clients)
	s := serve(t, fmt.Sprintf(`
server: {enabled: false}
extproc:
  enabled: true
  listen: 0.0.0.0:0
  tls: {cert_file: %s/cert.pem, key_file: %[1]s/key.pem, client_ca_file: %[1]s/ca.pem}
`, folder))
	try := func(with credentials.TransportCredentials) codes.Code {
		conn := s.dial(with)
		defer conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
		return status.Code(err)
	}
	client := func(certs ...tls.Certificate) credentials.TransportCredentials {
		return credentials.NewTLS(&tls.Config{RootCAs: servers.pool(), ServerName: "server.test", Certificates: certs})
	}
	for name, c := range map[string]struct {
		with credentials.TransportCredentials
		want codes.Code
	}{
		"right":       {client(clients.pair("envoy", time.Hour)), codes.OK},
		"none":        {client(), codes.Unavailable},
		"wrong CA":    {client(others.pair("envoy", time.Hour)), codes.Unavailable},
		"expired":     {client(clients.pair("envoy", -time.Hour)), codes.Unavailable},
		"no TLS":      {insecure.NewCredentials(), codes.Unavailable},
		"TLS 1.1":     {credentials.NewTLS(&tls.Config{RootCAs: servers.pool(), ServerName: "server.test", MaxVersion: tls.VersionTLS11, Certificates: []tls.Certificate{clients.pair("envoy", time.Hour)}}), codes.Unavailable},
		"wrong name":  {credentials.NewTLS(&tls.Config{RootCAs: servers.pool(), ServerName: "other.test"}), codes.Unavailable},
		"wrong root":  {credentials.NewTLS(&tls.Config{RootCAs: others.pool(), ServerName: "server.test"}), codes.Unavailable},
		"server's CA": {client(servers.pair("envoy", time.Hour)), codes.Unavailable},
	} {
		if got := try(c.with); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "key.pem"), []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the broken file is seen, and the old ones serve on", func() bool {
		return try(client(clients.pair("envoy", time.Hour))) == codes.OK && len(s.log.String()) > 0
	})
	servers.files(folder, others)
	eventually(t, "the new files count", func() bool { return try(client(others.pair("envoy", time.Hour))) == codes.OK })
	if got := try(client(clients.pair("envoy", time.Hour))); got != codes.Unavailable {
		t.Errorf("the old authority: %v", got)
	}
}
