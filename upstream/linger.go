package upstream

import (
	"context"
	"net"
	"sync"
	"time"
)

// writeGrace is how long a failed write waits for the reader before it is told.
const writeGrace = 25 * time.Millisecond

// lingerOnWriteError wraps dial so that an upstream's early answer is not lost.
//
// An upstream that refuses a large body answers 413 and closes. Our write fails
// at the same moment as the answer arrives, and net/http's transport takes
// whichever it sees first. Holding the write error back for an instant lets the
// answer win; if none comes, reading fails as well and nothing has waited long.
func lingerOnWriteError(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &lingeringConn{Conn: conn, closed: make(chan struct{})}, nil
	}
}

type lingeringConn struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
}

func (c *lingeringConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		grace := time.NewTimer(writeGrace)
		defer grace.Stop()
		select {
		case <-c.closed:
		case <-grace.C:
		}
	}
	return n, err
}

func (c *lingeringConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
