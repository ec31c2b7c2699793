//go:build e2e

package envoy_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/e2e/envoy/rig"
)

// client keeps connections, follows nothing and asks no proxy of the environment.
var client = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       2 * time.Minute,
}

// call is a request to be sent.
type call struct {
	method, path string // POST /v1/chat/completions where they are empty
	header       http.Header
	body         []byte
	chunked      bool
	id           string // test id; a new one where it is empty
	reply        string // what the stub does
}

// reply is a whole answer.
type reply struct {
	id     string
	status int
	header http.Header
	body   []byte
}

// model is the model that the client is told of.
func (r reply) model() string { return r.header.Get("X-Vsr-Selected-Model") }

// code is that of an error in OpenAI's envelope.
func (r reply) code() string {
	var e struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	_ = json.Unmarshal(r.body, &e)
	return e.Error.Code
}

func (r reply) String() string {
	return fmt.Sprintf("%d %v %.300s", r.status, r.header, r.body)
}

func (c call) request(ctx context.Context, base string) (*http.Request, string, error) {
	if c.method == "" {
		c.method = http.MethodPost
	}
	if c.path == "" {
		c.path = "/v1/chat/completions"
	}
	if c.id == "" {
		c.id = newID()
	}
	var body io.Reader
	if c.body != nil {
		if body = bytes.NewReader(c.body); c.chunked {
			body = io.MultiReader(body) // whose length nobody can see
		}
	}
	req, err := http.NewRequestWithContext(ctx, c.method, base+c.path, body)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, values := range c.header {
		req.Header[name] = values
		if values == nil {
			delete(req.Header, name)
		}
	}
	req.Header.Set(rig.HeaderTest, c.id)
	if c.reply != "" {
		req.Header.Set(rig.HeaderReply, c.reply)
	}
	return req, c.id, nil
}

// try sends the request and reads the whole answer.
func (c call) try(base string) (reply, error) {
	req, id, err := c.request(context.Background(), base)
	if err != nil {
		return reply{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return reply{id: id}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{id, resp.StatusCode, resp.Header, body}, err
}

// do is try where a transport error fails the test.
func (c call) do(t testing.TB, base string) reply {
	t.Helper()
	r, err := c.try(base)
	if err != nil {
		t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	return r
}

// chat is the body of a chat with one user turn. more are further members, each
// with a comma before it.
func chat(model, text string, more ...string) []byte {
	m, _ := json.Marshal(model)
	quoted, _ := json.Marshal(text)
	return fmt.Appendf(nil, `{"model":%s,"messages":[{"role":"user","content":%s}]%s}`, m, quoted, strings.Join(more, ""))
}

// history is a text of n sentences, no two of them the same.
func history(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "In the year %d the emperor sent %d ships to the city. ", i, i*i)
	}
	return out.String()
}

// sized is a chat of exactly size bytes, most of them in a system prompt that
// routing does not look at, or nil where no chat is as small.
func sized(model, text string, size int) []byte {
	const frame = `{"model":%q,"messages":[{"role":"system","content":%q},{"role":"user","content":%q}]}`
	n := size - len(fmt.Sprintf(frame, model, "", text))
	if n < 0 {
		return nil
	}
	return fmt.Appendf(nil, frame, model, strings.Repeat("lorem ipsum dolor ", n/18+1)[:n], text)
}

// raw is a connection on which a test writes what it likes.
type raw struct {
	net.Conn
	in *bufio.Reader
}

func dial(t testing.TB, addr string) *raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return &raw{c, bufio.NewReader(c)}
}

// head writes the head of a POST with lines of one's own, as they are.
func (c *raw) head(t testing.TB, id string, length int, lines ...string) {
	t.Helper()
	text := "POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n" + rig.HeaderTest + ": " + id + "\r\n"
	if length >= 0 {
		text += "Content-Length: " + strconv.Itoa(length) + "\r\n"
	}
	for _, line := range lines {
		text += line + "\r\n"
	}
	c.write(t, text+"\r\n")
}

func (c *raw) write(t testing.TB, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// reply reads a whole answer.
func (c *raw) reply(t testing.TB, id string) reply {
	t.Helper()
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{id, resp.StatusCode, resp.Header, body}
}

// pause is a client's that sends slowly; nothing waits for it.
func pause() { time.Sleep(250 * time.Millisecond) }
