package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"
)

// What becomes of a request whose body the Envoy door could not read whole.
const (
	UnreadBodyRefuse  = "refuse"
	UnreadBodyDefault = "default"
)

// ExtProc is the door that Envoy calls: its external processor.
type ExtProc struct {
	Enabled bool `mapstructure:"enabled"`
	// Listen is the door's host:port; port 0 takes a free one.
	Listen string `mapstructure:"listen"`
	// Insecure allows a non-loopback Listen without client certificates.
	Insecure bool `mapstructure:"insecure"`
	// MessageTimeout is what message_timeout of Envoy's filter is set to: how long
	// Envoy waits for each reply.
	MessageTimeout time.Duration `mapstructure:"message_timeout"`
	// OnUnreadBody is what happens to a request whose body Envoy does not send
	// whole before its headers must go on: refuse (400) or default (the default
	// model).
	OnUnreadBody string    `mapstructure:"on_unread_body"`
	TLS          ServerTLS `mapstructure:"tls"`
}

// ServerTLS names the files of a listener; without CertFile it speaks no TLS.
type ServerTLS struct {
	CertFile string `mapstructure:"cert_file"`
	KeyFile  string `mapstructure:"key_file"`
	// ClientCAFile holds the authorities whose client certificates are asked for
	// and checked.
	ClientCAFile string `mapstructure:"client_ca_file"`
}

func (t *ServerTLS) resolve(folder string) {
	for _, file := range []*string{&t.CertFile, &t.KeyFile, &t.ClientCAFile} {
		*file = below(folder, *file)
	}
}

func (e *ExtProc) validate(found *problems, classify time.Duration) {
	listenAddress(found, "extproc.listen", e.Listen)
	oneOf(found, "extproc.on_unread_body", e.OnUnreadBody, UnreadBodyRefuse, UnreadBodyDefault)
	positive(found, "extproc.message_timeout", e.MessageTimeout)
	e.TLS.validate(found, "extproc.tls")
	if !e.Enabled {
		return
	}
	if !Loopback(e.Listen) && e.TLS.ClientCAFile == "" && !e.Insecure {
		found.add("extproc.listen", "%s can be reached from other machines, which could have requests decided and counted: set extproc.tls.client_ca_file, or extproc.insecure: true where the network restricts who calls", e.Listen)
	}
	if most := e.MessageTimeout / 4 * 3; e.MessageTimeout > 0 && classify > most {
		found.add("extproc.message_timeout", "Envoy would stop waiting before a classification may end: classify.deadline is %s, and may be three quarters of this at most, %s", classify, most)
	}
}

func (t *ServerTLS) validate(found *problems, path string) {
	switch {
	case t.CertFile == "" && t.KeyFile == "" && t.ClientCAFile == "":
		return
	case t.CertFile == "":
		found.add(path+".cert_file", "missing; without it there is no TLS")
		return
	case t.KeyFile == "":
		found.add(path+".key_file", "missing; cert_file needs it")
		return
	}
	if _, err := t.Load(); err != nil {
		found.add(path, "%v", err)
	}
}

// Load reads the files anew: TLS 1.2 at least, over HTTP/2, and with ClientCAFile
// only for clients whose certificates one of its authorities has signed.
func (t *ServerTLS) Load() (*tls.Config, error) {
	cert, err := readPEM(t.CertFile)
	if err != nil {
		return nil, err
	}
	key, err := readPEM(t.KeyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("cert_file and key_file: %w", err)
	}
	out := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}
	if t.ClientCAFile == "" {
		return out, nil
	}
	authorities, err := readPEM(t.ClientCAFile)
	if err != nil {
		return nil, err
	}
	out.ClientAuth, out.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !out.ClientCAs.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("file %s holds no certificate", t.ClientCAFile)
	}
	return out, nil
}

// maxPEM bounds a file of certificates.
const maxPEM = 1 << 20

func readPEM(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPEM {
		return nil, fmt.Errorf("file %s is no file of certificates", file)
	}
	return os.ReadFile(file)
}
