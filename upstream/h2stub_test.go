package upstream

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2stub is a scripted HTTP/2 upstream on the level of frames. It calls the script
// once for each complete request.
type h2stub struct {
	listener net.Listener
	roots    *tls.Config
	conns    atomic.Int64
	hits     atomic.Int64 // requests that the script counted as processed
}

// h2conn is one connection of an h2stub.
type h2conn struct {
	*h2stub
	net.Conn
	framer *http2.Framer
	n      int64 // requests on this connection, from 1
}

func newH2Stub(t testing.TB, script func(c *h2conn, stream uint32)) *h2stub {
	t.Helper()
	certs := httptest.NewUnstartedServer(nil)
	certs.StartTLS()
	defer certs.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certs.TLS.Certificates, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &h2stub{listener: l, roots: certs.Client().Transport.(*http.Transport).TLSClientConfig}
	var running sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			s.conns.Add(1)
			running.Go(func() {
				defer c.Close()
				(&h2conn{h2stub: s, Conn: c, framer: http2.NewFramer(c, c)}).serve(script)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return s
}

func (s *h2stub) endpoint() Endpoint {
	return Endpoint{URL: &url.URL{Scheme: "https", Host: s.listener.Addr().String()}}
}

func (c *h2conn) serve(script func(*h2conn, uint32)) {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c.Conn, preface); err != nil {
		return
	}
	c.framer.WriteSettings()
	for {
		f, err := c.framer.ReadFrame()
		if err != nil {
			return
		}
		ended := false
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				c.framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			c.framer.WritePing(true, f.Data)
		case *http2.HeadersFrame:
			ended = f.StreamEnded()
		case *http2.DataFrame:
			ended = f.StreamEnded()
		}
		if ended {
			c.n++
			script(c, f.Header().StreamID)
		}
	}
}

// answer sends a whole response.
func (c *h2conn) answer(stream uint32, status, body string) {
	c.head(stream, status)
	c.framer.WriteData(stream, true, []byte(body))
}

func (c *h2conn) head(stream uint32, status string) {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	e.WriteField(hpack.HeaderField{Name: ":status", Value: status})
	e.WriteField(hpack.HeaderField{Name: "content-type", Value: "application/json"})
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
}
