package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Every test leaves the goroutine count where it found it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stub is a scripted HTTP/1 upstream. The script owns each connection; it is
// closed when the script returns.
type stub struct {
	listener net.Listener
	conns    atomic.Int64 // accepted
	hits     atomic.Int64 // requests read by readRequest
}

// exchange is one connection of a stub.
type exchange struct {
	*stub
	net.Conn
	in *bufio.Reader
	n  int64 // which connection this is, from 1
}

func newStub(t testing.TB, script func(x *exchange)) *stub {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stub{listener: l}
	var running sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			x := &exchange{stub: s, Conn: c, in: bufio.NewReader(c), n: s.conns.Add(1)}
			running.Go(func() {
				defer func() {
					c.Close()
					mu.Lock()
					delete(open, c)
					mu.Unlock()
				}()
				script(x)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return s
}

func (s *stub) endpoint() Endpoint {
	return Endpoint{URL: &url.URL{Scheme: "http", Host: s.listener.Addr().String()}}
}

// readRequest reads one request with its body, nil when the connection ended.
func (x *exchange) readRequest() *http.Request {
	r, err := http.ReadRequest(x.in)
	if err != nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	x.hits.Add(1)
	return r
}

func (x *exchange) send(parts ...string) {
	for _, p := range parts {
		if _, err := io.WriteString(x.Conn, p); err != nil {
			return
		}
	}
}

// reset closes with RST instead of FIN.
func (x *exchange) reset() {
	x.Conn.(*net.TCPConn).SetLinger(0)
	x.Conn.Close()
}

// wait returns when the peer closed the connection, or after five seconds.
func (x *exchange) wait() {
	x.SetReadDeadline(time.Now().Add(5 * time.Second))
	io.Copy(io.Discard, x.in)
}

// serve answers every request on the connection with the same text.
func serve(answer string) func(*exchange) {
	return func(x *exchange) {
		for x.readRequest() != nil {
			x.send(answer)
		}
	}
}

const ok200 = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

func newSet(t testing.TB, o Options, endpoints ...Endpoint) *Set {
	t.Helper()
	s, err := New([]Pool{{Name: "p", Endpoints: endpoints}}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func post(body string) Call {
	return Call{Pool: "p", Method: "POST", Path: "/v1/chat/completions", Header: http.Header{}, Body: []byte(body)}
}

// outcome is what a door's Relay returned.
type outcome struct {
	facts Facts
	err   error
}

// newDoor is the least that a door does with a Set.
func newDoor(t testing.TB, s *Set, change func(*Call), o RelayOptions) (*httptest.Server, <-chan outcome) {
	t.Helper()
	outcomes := make(chan outcome, 4096)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "body", http.StatusBadRequest)
			return
		}
		c := Call{Pool: "p", Method: r.Method, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Header: r.Header, Body: body}
		if change != nil {
			change(&c)
		}
		a, err := s.Do(r.Context(), c)
		if err != nil {
			var f *Failure
			errors.As(err, &f)
			outcomes <- outcome{err: err}
			w.WriteHeader(f.Status)
			return
		}
		facts, err := Relay(w, a, o)
		outcomes <- outcome{facts, err}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	srv.Config.ErrorLog = nil
	srv.Start()
	t.Cleanup(srv.Close)
	return srv, outcomes
}

func newClient(t testing.TB) *http.Client {
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

// mustFail runs Do and returns its Failure.
func mustFail(t testing.TB, s *Set, c Call) *Failure {
	t.Helper()
	a, err := s.Do(context.Background(), c)
	if err == nil {
		a.Close()
		t.Fatalf("Do: status %d, want a failure", a.Status)
	}
	var f *Failure
	if !errors.As(err, &f) {
		t.Fatalf("Do: error %T is no *Failure: %v", err, err)
	}
	return f
}

// receive waits for one value, at most five seconds.
func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(5 * time.Second):
		t.Fatal("nothing came within 5 s")
		panic("unreachable")
	}
}
