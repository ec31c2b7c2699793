package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// H3: whatever is crafted, one request in is at most one at the backend, and what
// is refused is none. The statuses pin what net/http does by itself.
func TestCraftedRequests(t *testing.T) {
	body := prompt("small", "x")
	n := length(body)
	chunks := chunked(body) + streamEnd
	const te = "Transfer-Encoding: chunked"
	// head is a request with another first line or Host.
	head := func(line, host string) string {
		return line + "\r\n" + host + n + "\r\n\r\n" + body
	}
	const post, door = "POST /v1/chat/completions HTTP/1.1", "Host: door\r\n"
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"plain":                         {request(body, n), 200},
		"two lengths":                   {request(body, n, "Content-Length: 3"), 400},
		"two equal lengths":             {request(body, n, n), 200},
		"length list":                   {request(body, n+", 3"), 400},
		"length with sign":              {request("{}", "Content-Length: +2"), 400},
		"length negative":               {request("{}", "Content-Length: -2"), 400},
		"length hexadecimal":            {request("{}", "Content-Length: 0x2"), 400},
		"length beyond int64":           {request("{}", "Content-Length: 18446744073709551618"), 400},
		"length empty":                  {request("", "Content-Length:"), 400},
		"NUL in a value":                {request(body, n, "X-A: a\x00b"), 400},
		"CR in a value":                 {request(body, n, "X-A: a\rb"), 400},
		"NUL in a name":                 {request(body, n, "X\x00A: b"), 400},
		"space in a name":               {request(body, n, "X A: b"), 400},
		"space before the colon":        {request(body, "Content-Length : 5"), 400},
		"space before the first name":   {strings.Replace(request(body, n), "Host", " Host", 1), 400},
		"no colon":                      {request(body, n, "X-A"), 400},
		"no name":                       {request(body, n, ": a"), 400},
		"two hosts":                     {request(body, n, "Host: other"), 400},
		"no host":                       {head(post, ""), 400},
		"host with a path":              {head(post, "Host: a/#@b\r\n"), 400},
		"coding unknown":                {request(chunks, "Transfer-Encoding: xchunked"), 501},
		"coding then identity":          {request(chunks, "Transfer-Encoding: chunked, identity"), 501},
		"coding twice":                  {request(chunks, te, te), 501},
		"coding gzip, chunked":          {request(chunks, "Transfer-Encoding: gzip, chunked"), 501},
		"coding with a control":         {request(chunks, "Transfer-Encoding: \x0bchunked"), 400},
		"coding folded":                 {request(chunks, "Transfer-Encoding:\r\n chunked"), 200},
		"coding before a space colon":   {request(chunks, "Transfer-Encoding : chunked"), 400},
		"coding and length":             {request(chunks, te, n), 200},
		"length and coding":             {request(chunks, "Content-Length: 4", te), 200},
		"coding over HTTP/1.0":          {strings.Replace(request(chunks, te), "HTTP/1.1", "HTTP/1.0", 1), 400},
		"folded header":                 {request(body, n, "X-A: a\r\n b"), 200},
		"chunk extension":               {request(strings.Replace(chunks, "\r\n", ";a=b\r\n", 1), te), 200},
		"chunk with bare LF":            {request(strings.Replace(chunks, "\r\n", "\n", 1), te), 400},
		"last chunk with bare LF":       {request(strings.Replace(chunks, "0\r\n\r\n", "0\n\r\n", 1), te), 400},
		"chunk size with 0x":            {request("0x"+chunks, te), 400},
		"chunk size with sign":          {request("+"+chunks, te), 400},
		"chunk size with space":         {request(" "+chunks, te), 400},
		"chunk size overflowing":        {request("10000000000000002\r\n{}\r\n0\r\n\r\n", te), 400},
		"chunk longer than its size":    {request("2\r\n{}}\r\n0\r\n\r\n", te), 400},
		"chunk missing its end":         {request("2\r\n{}0\r\n\r\n", te), 400},
		"trailer with length":           {request(chunked(body)+"0\r\nContent-Length: 3\r\n\r\n", te), 200},
		"trailer with coding":           {request(chunked(body)+"0\r\nTransfer-Encoding: gzip\r\n\r\n", te), 200},
		"trailer malformed":             {request(chunked(body)+"0\r\nX A\r\n\r\n", te), 400},
		"HTTP/1.0":                      {strings.Replace(request(body, n), "HTTP/1.1", "HTTP/1.0", 1), 200},
		"HTTP/0.9":                      {"POST /v1/chat/completions\r\n\r\n" + body, 400},
		"HTTP/1.2":                      {strings.Replace(request(body, n), "HTTP/1.1", "HTTP/1.2", 1), 200},
		"HTTP/3.0":                      {strings.Replace(request(body, n), "HTTP/1.1", "HTTP/3.0", 1), 505},
		"http/1.1":                      {strings.Replace(request(body, n), "HTTP/1.1", "http/1.1", 1), 400},
		"four words in the first line":  {head(post+" x", door), 400},
		"tab in the first line":         {head("POST\t/v1/chat/completions HTTP/1.1", door), 400},
		"space in the target":           {head("POST /v1/chat/completions x HTTP/1.1", door), 400},
		"control in the target":         {head("POST /v1/chat/completions\x01 HTTP/1.1", door), 400},
		"fragment in the target":        {head("POST /v1/chat/completions#a HTTP/1.1", door), 404},
		"newline escaped in the target": {head("POST /v1/chat/completions%0d%0aX:%20y HTTP/1.1", door), 404},
		"newline escaped in the query":  {head("POST /v1/chat/completions?%0d%0aX:%20y HTTP/1.1", door), 200},
		"small method":                  {head("post /v1/chat/completions HTTP/1.1", door), 405},
		"method with a control":         {head("PO\x01ST /v1/chat/completions HTTP/1.1", door), 400},
		"CONNECT":                       {head("CONNECT 127.0.0.1:1 HTTP/1.1", "Host: 127.0.0.1:1\r\n"), 404},
		"TRACE":                         {"TRACE /v1/chat/completions HTTP/1.1\r\n" + door + "\r\n", 405},
		"upgrade to h2c":                {request(body, n, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), 200},
		"line feeds for line ends":      {strings.ReplaceAll(request(body, n), "\r\n", "\n"), 200},
		"101 fields":                    {request(body, append(many(99), n)...), 431},
		"a head of 80 KiB":              {request(body, n, "X-Long: "+strings.Repeat("a", 80<<10)), 431},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, newBackend(t, nil), "")
			conn := s.dial()
			go io.WriteString(conn, c.text) // the door may close before it has read everything
			in := bufio.NewReader(conn)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != c.status {
				t.Errorf("status %d %s, want %d", resp.StatusCode, text, c.status)
			}
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, in) // nothing that was left over is a request of its own
			want := 0
			if c.status == 200 {
				want = 1
			}
			if hits := s.backend.hits(); hits != want {
				t.Fatalf("%d requests at the backend, want %d", hits, want)
			}
			if want == 0 {
				return
			}
			got := s.backend.last(t)
			if got.body != body || fmt.Sprint(got.values("content-length")) != fmt.Sprintf("[%d]", len(body)) || len(got.values("transfer-encoding")) != 0 {
				t.Errorf("received %+v", got)
			}
		})
	}
}

// many are n header lines beside those that every request has.
func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("X-Field-%d: v", i)
	}
	return out
}
