package upstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
)

// errReplayRefused stops the transport from sending a request again.
var errReplayRefused = errors.New("connection ended after the request was written; not sent again")

// try follows one call through the transport, to know at each failure whether
// anything of the request had been written, and to decide on every replay:
//
//   - Ours, in Do: when no connection was made, or when the connection was found
//     dead before the request's first header was even buffered.
//   - The transport's own. It asks GetBody for the body anew, and so can be
//     refused there. It asks in three cases. Over HTTP/2, the peer said that it
//     did not process the request (GOAWAY, REFUSED_STREAM), or the connection was
//     not usable: granted. Over HTTP/1, nothing was written: granted. Over HTTP/1,
//     bytes were written, but the method is idempotent in its eyes: refused.
//
// One replay is granted per call, whichever of the two asks first. Replays of a
// request of which nothing was written yet do not count for the transport: it
// only discards a dead connection and takes the next.
type try struct {
	trace      httptrace.ClientTrace
	idempotent bool // the transport thinks so, by the method
	replayed   bool // only used by the goroutine that runs Do

	phase atomic.Int32 // of the last attempt: preparing, dialling, connected
	wire  atomic.Int32 // what was written on its connection: nothing, overHTTP1, overHTTP2
}

// Values of try.phase.
const (
	preparing int32 = iota
	dialling        // or waiting for a connection, TLS handshake included
	connected
)

// Values of try.wire.
const (
	nothing int32 = iota
	overHTTP1
	overHTTP2
)

func newTry(c *Call) *try {
	t := &try{}
	switch c.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
		t.idempotent = true
	}
	t.trace = httptrace.ClientTrace{
		GetConn: func(string) {
			t.phase.Store(dialling)
			t.wire.Store(nothing)
		},
		GotConn: func(httptrace.GotConnInfo) { t.phase.Store(connected) },
		// Called for every header before any byte of the head is flushed. The name
		// of the first one tells the protocol.
		WroteHeaderField: func(key string, _ []string) {
			switch key {
			case "Host":
				t.wire.Store(overHTTP1)
			case ":authority":
				t.wire.Store(overHTTP2)
			}
		},
	}
	return t
}

// mayReplay reports whether Do may try once more.
func (t *try) mayReplay() bool { return !t.replayed && t.wire.Load() == nothing }

// request builds the request for one attempt at e.
func (t *try) request(ctx context.Context, c *Call, e *endpoint) *http.Request {
	r := &http.Request{
		Method:     c.Method,
		URL:        &url.URL{Scheme: e.URL.Scheme, Host: e.URL.Host, Path: joinPath(e.URL.Path, c.Path), RawQuery: c.RawQuery},
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     requestHeader(c.Header, e, c.HideUsage || c.Readable),
	}
	// A request without a body is replayed without asking GetBody. If the method
	// is one that the transport replays, it gets an empty body to ask about, which
	// changes nothing on the wire.
	if len(c.Body) > 0 || t.idempotent {
		newBody := func() io.ReadCloser { return io.NopCloser(bytes.NewReader(c.Body)) }
		r.ContentLength = int64(len(c.Body))
		r.Body = newBody()
		r.GetBody = func() (io.ReadCloser, error) {
			if !t.grant() {
				return nil, errReplayRefused
			}
			return newBody(), nil
		}
	}
	return r.WithContext(httptrace.WithClientTrace(ctx, &t.trace))
}

// grant decides on a replay that the transport asks for.
func (t *try) grant() bool {
	wire := t.wire.Load()
	if wire == nothing {
		return true
	}
	if t.replayed || wire == overHTTP1 && t.idempotent {
		return false
	}
	t.replayed = true
	// The transport may ask again before it writes again: once where the peer
	// refused, once more when it then finds no connection left to use.
	t.wire.Store(nothing)
	return true
}
