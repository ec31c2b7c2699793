package rig

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The headers by which a client tells a stub what to do. They are none of ours,
// so that the proxy sends them on.
const (
	HeaderTest  = "X-Test-Id"    // under which the request is remembered, and a script found
	HeaderReply = "X-Test-Reply" // plain (or nothing), echo, stream, echo-stream, status-NNN, odd
)

// Backend is a stub of a model server. It remembers every request byte for byte.
type Backend struct {
	Name string
	Addr string

	server *http.Server
	mu     sync.Mutex
	seen   map[string][]Arrival
	script map[string]Script
	quiet  bool
}

// Arrival is one request as it came.
type Arrival struct {
	Pool   string
	Method string
	URI    string
	Header http.Header
	Body   []byte
	Err    error // of reading the body
	// Trailer holds those that the head announced.
	Trailer http.Header
}

// Script answers in place of the stub.
type Script func(w http.ResponseWriter, r *http.Request, body []byte)

// StartBackend listens on a free port. A quiet one remembers nothing.
func StartBackend(name string, quiet bool) (*Backend, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &Backend{Name: name, Addr: l.Addr().String(), quiet: quiet, seen: make(map[string][]Arrival), script: make(map[string]Script)}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: time.Minute, Protocols: protocols}
	go func() { _ = b.server.Serve(l) }()
	return b, nil
}

// Close ends it.
func (b *Backend) Close() { _ = b.server.Close() }

// On sets the script for requests of a test id.
func (b *Backend) On(id string, s Script) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.script[id] = s
}

// Take gives what came under a test id, and forgets it.
func (b *Backend) Take(id string) []Arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.seen[id]
	delete(b.seen, id)
	return out
}

func (b *Backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.quiet {
		_, _ = io.Copy(io.Discard, r.Body)
		Reply(w, "plain", b.Name, nil)
		return
	}
	body, err := io.ReadAll(r.Body)
	id := r.Header.Get(HeaderTest)
	b.mu.Lock()
	b.seen[id] = append(b.seen[id], Arrival{Pool: b.Name, Method: r.Method, URI: r.RequestURI, Header: r.Header.Clone(), Body: body, Err: err, Trailer: r.Trailer.Clone()})
	script := b.script[id]
	b.mu.Unlock()
	if script != nil {
		script(w, r, body)
		return
	}
	Reply(w, r.Header.Get(HeaderReply), b.Name, body)
}

// Reply answers as the named kind of stub does.
func Reply(w http.ResponseWriter, kind, pool string, body []byte) {
	h := w.Header()
	h.Set("X-Pool", pool)
	text := "An answer."
	if strings.HasPrefix(kind, "echo") {
		text = lastContent(body)
	}
	switch kind {
	case "", "plain", "echo":
		send(w, http.StatusOK, Completion(text))
	case "stream", "echo-stream":
		Stream(w, Events(text))
	case "odd": // headers that a backend must not set for the client, and some that it may
		h["X-Custom"] = []string{"one", "two"}
		h.Set("X-Selected-Model", "THEIRS")
		h.Set("X-Vsr-Selected-Model", "THEIRS")
		h.Set("X-Request-Id", "of-the-backend")
		h.Set("Set-Cookie", "a=b")
		h.Set("Alt-Svc", `h3=":443"`)
		h.Set("Strict-Transport-Security", "max-age=1")
		send(w, http.StatusOK, Completion(text))
	case "empty":
		w.WriteHeader(http.StatusNoContent)
	default:
		status, err := strconv.Atoi(strings.TrimPrefix(kind, "status-"))
		if err != nil {
			status = http.StatusNotImplemented
		}
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			h.Set("Retry-After", "3")
		}
		send(w, status, fmt.Appendf(nil, `{"error":{"message":"a backend's %d","type":"backend","param":null,"code":null}}`, status))
	}
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// Usage is what every answer of a stub reports.
const (
	PromptTokens     = 11
	CompletionTokens = 7
)

var usage = fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, PromptTokens, CompletionTokens, PromptTokens+CompletionTokens)

// Completion is a whole answer.
func Completion(text string) []byte {
	quoted, _ := json.Marshal(text)
	return fmt.Appendf(nil, `{"id":"c-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":%s}`, quoted, usage)
}

// Events are those of a streamed answer, five bytes of text in each, with usage at
// the end.
func Events(text string) []string {
	var out []string
	event := func(choices, more string) {
		out = append(out, fmt.Sprintf(`data: {"id":"c-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[%s]%s}`+"\n\n", choices, more))
	}
	for len(text) > 0 {
		n := min(5, len(text))
		quoted, _ := json.Marshal(text[:n])
		event(fmt.Sprintf(`{"index":0,"delta":{"content":%s},"finish_reason":null}`, quoted), "")
		text = text[n:]
	}
	event(`{"index":0,"delta":{},"finish_reason":"stop"}`, "")
	event("", `,"usage":`+usage)
	return append(out, "data: [DONE]\n\n")
}

// Stream sends events, each by itself.
func Stream(w http.ResponseWriter, events []string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, event := range events {
		if _, err := io.WriteString(w, event); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
}

// lastContent is the text of the last message of a chat.
func lastContent(body []byte) string {
	var chat struct {
		Messages []struct {
			Content any `json:"content"`
		} `json:"messages"`
	}
	if json.Unmarshal(body, &chat) != nil || len(chat.Messages) == 0 {
		return ""
	}
	text, _ := chat.Messages[len(chat.Messages)-1].Content.(string)
	return text
}
