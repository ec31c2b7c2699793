package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Options are the limits that hold for every upstream of a Set. The zero value
// of each field means its default.
type Options struct {
	// DialTimeout bounds one connection attempt, name resolution included. 2 s.
	DialTimeout time.Duration
	// TLSTimeout bounds the TLS handshake. 5 s.
	TLSTimeout time.Duration
	// HeaderTimeout bounds the time from Do to the response head, both tries
	// included. Answers that do not stream come late: 600 s.
	HeaderTimeout time.Duration
	// IdleTimeout bounds the silence between two chunks of an answer. 120 s.
	IdleTimeout time.Duration
	// WriteTimeout bounds each write to the client while relaying; it starts anew
	// with every chunk. 30 s.
	WriteTimeout time.Duration
	// Cooldown is for how long an endpoint that could not be dialled is tried
	// only after the others. 5 s.
	Cooldown time.Duration

	// MaxIdlePerHost is how many idle connections are kept for each host. 256.
	MaxIdlePerHost int
	// MaxHeaderBytes bounds a response head, informational ones included. 64 KiB.
	MaxHeaderBytes int64

	// AllowLinkLocal admits link-local and cloud metadata addresses as targets.
	AllowLinkLocal bool
	// PassHeaders names response headers to pass on although they are dropped by
	// default: cookies and what else speaks for an origin; see speaksForOrigin.
	PassHeaders []string
	// TLS is cloned and used towards https upstreams: roots, client certificate.
	// The minimum version is TLS 1.2.
	TLS *tls.Config
	// Dial opens connections in place of net.Dialer, which then enforces neither
	// DialTimeout nor the ban on link-local addresses.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (o Options) withDefaults() (Options, error) {
	var errs []error
	for _, d := range []struct {
		name  string
		value *time.Duration
		def   time.Duration
	}{
		{"DialTimeout", &o.DialTimeout, 2 * time.Second},
		{"TLSTimeout", &o.TLSTimeout, 5 * time.Second},
		{"HeaderTimeout", &o.HeaderTimeout, 600 * time.Second},
		{"IdleTimeout", &o.IdleTimeout, 120 * time.Second},
		{"WriteTimeout", &o.WriteTimeout, 30 * time.Second},
		{"Cooldown", &o.Cooldown, 5 * time.Second},
	} {
		if *d.value < 0 {
			errs = append(errs, fmt.Errorf("option %s is %v: must not be negative", d.name, *d.value))
		}
		if *d.value == 0 {
			*d.value = d.def
		}
	}
	if o.MaxIdlePerHost < 0 || o.MaxHeaderBytes < 0 {
		errs = append(errs, errors.New("options MaxIdlePerHost and MaxHeaderBytes must not be negative"))
	}
	if o.MaxIdlePerHost == 0 {
		o.MaxIdlePerHost = 256
	}
	if o.MaxHeaderBytes == 0 {
		o.MaxHeaderBytes = 64 << 10
	}
	return o, errors.Join(errs...)
}

// newTransport builds the one transport of a Set. o has its defaults.
func newTransport(o Options) *http.Transport {
	tlsConfig := &tls.Config{}
	if o.TLS != nil {
		tlsConfig = o.TLS.Clone()
	}
	tlsConfig.MinVersion = max(tlsConfig.MinVersion, tls.VersionTLS12)

	dial := o.Dial
	if dial == nil {
		d := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: 30 * time.Second}
		if !o.AllowLinkLocal {
			d.Control = refuseForbidden
		}
		dial = d.DialContext
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Transport{
		Proxy:                  nil, // HTTP_PROXY must not send keys and prompts elsewhere
		DialContext:            lingerOnWriteError(dial),
		TLSClientConfig:        tlsConfig,
		TLSHandshakeTimeout:    o.TLSTimeout,
		Protocols:              protocols,
		DisableCompression:     true, // or the transport would ask for gzip and unpack it
		MaxIdleConnsPerHost:    o.MaxIdlePerHost,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: o.MaxHeaderBytes,
		// A connection whose peer vanished without a word would otherwise collect
		// requests until each of them runs into its own limit.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}
