//go:build mesh

package mesh

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// writePKI makes what the control plane proves itself with: an authority, the API
// server's certificate, and the key pair that signs service account tokens.
func writePKI(dir string) error {
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "mesh"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "kube-apiserver"},
		NotBefore:    ca.NotBefore,
		NotAfter:     ca.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"kubernetes.default.svc", "localhost"},
		IPAddresses:  []net.IP{net.ParseIP(nodeIP), net.ParseIP("127.0.0.1")},
	}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, ca, serverKey.Public(), caKey)
	if err != nil {
		return err
	}
	tokens, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	for name, key := range map[string]crypto.PrivateKey{"apiserver.key": serverKey, "tokens.key": tokens} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err == nil {
			err = writePEM(filepath.Join(dir, name), "PRIVATE KEY", der)
		}
		if err != nil {
			return err
		}
	}
	public, err := x509.MarshalPKIXPublicKey(tokens.Public())
	if err == nil {
		err = writePEM(filepath.Join(dir, "tokens.pub"), "PUBLIC KEY", public)
	}
	if err == nil {
		err = writePEM(filepath.Join(dir, "ca.crt"), "CERTIFICATE", caDER)
	}
	if err == nil {
		err = writePEM(filepath.Join(dir, "apiserver.crt"), "CERTIFICATE", serverDER)
	}
	return err
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
