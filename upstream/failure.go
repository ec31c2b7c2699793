package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"syscall"
)

// A Reason names one kind of failure; it is fit for a log field and a metric
// label, and the list is closed.
type Reason = string

// The reasons, with the status each is reported under.
const (
	Refused       Reason = "refused"        // 502: nobody listens there
	Unreachable   Reason = "unreachable"    // 502: no route, or the dial failed otherwise
	DNS           Reason = "dns"            // 502: the name does not resolve
	TLS           Reason = "tls"            // 502: handshake or certificate
	DialTimeout   Reason = "dial_timeout"   // 502: no connection within the limit
	Forbidden     Reason = "forbidden"      // 502: the name leads to a forbidden address
	Reset         Reason = "reset"          // 502: the connection ended before the answer did
	Malformed     Reason = "malformed"      // 502: not HTTP, or a head beyond the limit
	Protocol      Reason = "protocol"       // 502: HTTP that has no place here, as a 101
	Closed        Reason = "closed"         // 502: the Set was closed
	UnknownPool   Reason = "unknown_pool"   // 502: no such pool in the table
	HeaderTimeout Reason = "header_timeout" // 504: no response head within the limit
	Silence       Reason = "silence"        // 504: too long between two chunks
	Deadline      Reason = "deadline"       // 504: the caller's own deadline
	Canceled      Reason = "canceled"       // 499: the caller's context ended, the client left
	ClientGone    Reason = "client_gone"    // 499: writing to the client failed
	ClientSlow    Reason = "client_slow"    // 499: the client took nothing within the limit
	BadCall       Reason = "bad_call"       // 400: a path, query or header that cannot be sent
)

// statusClientClosed is nginx's number for a client that left before its answer.
const statusClientClosed = 499

// Failure is the error of Do and Relay.
type Failure struct {
	Reason Reason
	// Status is what a client should be told where it can still be told anything:
	// 502, 504, 499, or 400 for BadCall.
	Status int
	// Err may name addresses. It is for logs, never for a client.
	Err error
	// Retried says that the call failed after a second try.
	Retried bool
}

func (f *Failure) Error() string { return fmt.Sprintf("upstream %s: %v", f.Reason, f.Err) }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

func fail(reason Reason, err error) *Failure {
	status := http.StatusBadGateway
	switch reason {
	case HeaderTimeout, Silence, Deadline:
		status = http.StatusGatewayTimeout
	case Canceled, ClientGone, ClientSlow:
		status = statusClientClosed
	case BadCall:
		status = http.StatusBadRequest
	}
	return &Failure{Reason: reason, Status: status, Err: err}
}

// Causes with which a call's context is cancelled from inside.
var (
	errLimit    = errors.New("upstream said nothing within the limit")
	errFinished = errors.New("call finished")
)

// classify names an error of the transport or of a response body. cause is what
// ended the call's context, if anything: it explains every error that follows
// from it. limit is the reason to give when that was the current wait's own limit.
func classify(cause, err error, limit Reason) *Failure {
	if cause != nil {
		switch {
		case errors.Is(cause, errLimit):
			return fail(limit, cause)
		case errors.Is(cause, context.DeadlineExceeded):
			return fail(Deadline, cause)
		}
		return fail(Canceled, cause)
	}
	return fail(reasonOf(err), err)
}

func reasonOf(err error) Reason {
	var (
		dns  *net.DNSError
		op   *net.OpError
		text = err.Error()
	)
	switch {
	case errors.Is(err, errForbidden):
		return Forbidden
	case errors.As(err, &dns):
		return DNS
	case isTLS(err, text):
		return TLS
	case errors.As(err, &op) && op.Op == "dial":
		switch {
		case op.Timeout():
			return DialTimeout
		case errors.Is(err, syscall.ECONNREFUSED):
			return Refused
		}
		return Unreachable
	case isEnd(err, text):
		return Reset
	case isMalformed(err, text):
		return Malformed
	}
	return Protocol
}

func isTLS(err error, text string) bool {
	var (
		verify *tls.CertificateVerificationError
		record tls.RecordHeaderError
		alert  tls.AlertError
		host   x509.HostnameError
		issuer x509.UnknownAuthorityError
		cert   x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &host) || errors.As(err, &issuer) || errors.As(err, &cert) ||
		// The rest has no types.
		strings.HasPrefix(text, "tls: ") || strings.HasPrefix(text, "remote error: tls: ") ||
		strings.Contains(text, "TLS handshake timeout")
}

// isEnd reports a connection or stream that ended early. net/http keeps most of
// the HTTP/2 errors and its own to itself, so their texts must do.
func isEnd(err error, text string) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, errReplayRefused) ||
		strings.Contains(text, "server closed idle connection") ||
		strings.Contains(text, "stream error:") ||
		strings.Contains(text, "GOAWAY") ||
		strings.Contains(text, "client connection lost") ||
		strings.Contains(text, "client connection force closed")
}

func isMalformed(err error, text string) bool {
	var head textproto.ProtocolError
	return errors.As(err, &head) ||
		strings.Contains(text, "malformed") || strings.Contains(text, "headers exceeded") ||
		strings.Contains(text, "chunk") ||
		strings.Contains(text, "Content-Length") || strings.Contains(text, "transfer encoding")
}

// clientFailure names an error of writing to the client.
func clientFailure(err error) *Failure {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fail(ClientSlow, err)
	}
	return fail(ClientGone, err)
}
