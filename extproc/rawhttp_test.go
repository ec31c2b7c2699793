package extproc_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// rawHTTP sends a request over a connection as it is written, and reads the answer.
func rawHTTP(t *testing.T, conn net.Conn, m *message) (int, http.Header, string) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(patience))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: a.test\r\n", m.get(":method"), m.get(":path"))
	for _, f := range m.fields {
		if !strings.HasPrefix(f[0], ":") {
			fmt.Fprintf(&b, "%s: %s\r\n", f[0], f[1])
		}
	}
	fmt.Fprintf(&b, "\r\n%s", m.body)
	if _, err := io.WriteString(conn, b.String()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}
