package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// backend is a scripted HTTP/1 server that keeps what it received, byte for byte
// and unparsed.
type backend struct {
	listener net.Listener

	mu       sync.Mutex
	received []*received
	conns    int
}

// received is one request as it stood on the wire.
type received struct {
	line   string
	fields []string // "name: value", in order
	body   string
}

// values are those of a header, whatever its case.
func (r *received) values(name string) []string {
	var out []string
	for _, f := range r.fields {
		if key, value, _ := strings.Cut(f, ":"); strings.EqualFold(key, name) {
			out = append(out, strings.TrimSpace(value))
		}
	}
	return out
}

// wire is a connection to a backend.
type wire struct {
	net.Conn
	in *bufio.Reader
	b  *backend
}

// newBackend serves each connection with the script; it is closed when the script
// returns. Without a script every request is answered with ok.
func newBackend(t testing.TB, script func(*wire)) *backend {
	t.Helper()
	if script == nil {
		script = replies(ok)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{listener: l}
	var running sync.WaitGroup
	open := map[net.Conn]bool{}
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.conns++
			open[conn] = true
			b.mu.Unlock()
			running.Go(func() {
				defer conn.Close()
				script(&wire{Conn: conn, in: bufio.NewReader(conn), b: b})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		b.mu.Lock()
		for conn := range open {
			conn.Close()
		}
		b.mu.Unlock()
		running.Wait()
	})
	return b
}

func (b *backend) addr() string { return b.listener.Addr().String() }

// hits is how many requests came.
func (b *backend) hits() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.received)
}

// last is the newest request.
func (b *backend) last(t testing.TB) *received {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.received) == 0 {
		t.Fatal("nothing was received")
	}
	return b.received[len(b.received)-1]
}

// read reads one request, nil where the connection ended.
func (w *wire) read() *received {
	r := &received{}
	size := 0
	for {
		text, err := w.in.ReadString('\n')
		if err != nil {
			return nil
		}
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
		switch {
		case text == "" && r.line != "":
			body := make([]byte, size)
			if _, err := io.ReadFull(w.in, body); err != nil {
				return nil
			}
			r.body = string(body)
			w.b.mu.Lock()
			w.b.received = append(w.b.received, r)
			w.b.mu.Unlock()
			return r
		case r.line == "":
			r.line = text
		default:
			r.fields = append(r.fields, text)
			if v := r.values("content-length"); len(v) > 0 {
				size, _ = strconv.Atoi(v[0])
			}
		}
	}
}

func (w *wire) write(parts ...string) {
	for _, p := range parts {
		_, _ = io.WriteString(w, p) // a door that left is what some tests are about
	}
}

// reset closes with RST.
func (w *wire) reset() {
	_ = w.Conn.(*net.TCPConn).SetLinger(0)
	_ = w.Close()
}

// gone returns when the door closed the connection.
func (w *wire) gone() bool {
	_ = w.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, w.in)
	timeout, isNet := err.(net.Error)
	return !isNet || !timeout.Timeout()
}

// replies answers each request with the same text.
func replies(text string) func(*wire) {
	return func(w *wire) {
		for w.read() != nil {
			w.write(text)
		}
	}
}

// response is a whole response with a JSON body.
func response(status int, body string, fields ...string) string {
	head := fmt.Sprintf("HTTP/1.1 %d Some\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", status, len(body))
	for _, f := range fields {
		head += f + "\r\n"
	}
	return head + "\r\n" + body
}

const okBody = `{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"4"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":5,"total_tokens":16}}`

var ok = response(200, okBody)

// chunked is one chunk.
func chunked(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

const (
	streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	streamEnd  = "0\r\n\r\n"
)

// event is one event of a chat stream.
func event(text string) string {
	return fmt.Sprintf("data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", text)
}
