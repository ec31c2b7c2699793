package upstream

import (
	"fmt"
	"net"
	"net/url"
	"syscall"
	"testing"
	"time"
)

// U1: an address that swallows connection attempts gives 502 at the dial limit,
// not at twice the limit: there is no other endpoint to try.
func TestU1DialTimeout(t *testing.T) {
	addr := deafListener(t)
	const limit = 400 * time.Millisecond
	s := newSet(t, Options{DialTimeout: limit}, Endpoint{URL: &url.URL{Scheme: "http", Host: addr}})
	start := time.Now()
	f := mustFail(t, s, post("{}"))
	if f.Status != 502 || f.Reason != DialTimeout {
		t.Errorf("got %d %s (%v), want 502 dial_timeout", f.Status, f.Reason, f.Err)
	}
	if d := time.Since(start); d < limit || d > limit*3/2 {
		t.Errorf("took %v with a limit of %v", d, limit)
	}
}

// deafListener is an address whose accept queue is full, so that the kernel drops
// further SYNs.
func deafListener(t *testing.T) string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 8 {
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the accept queue does not fill")
	return ""
}
