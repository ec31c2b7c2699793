//go:build mesh

package mesh

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// request is what a client sends to the gateway.
type request struct {
	url     string // of the gateway, unless another is given
	method  string
	path    string
	header  http.Header
	body    []byte
	chunked bool          // without a content-length
	limit   time.Duration // how long to wait for the whole answer; a minute unless given
}

// answer is what came back, whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// chat is the guide's request.
func chat(model, prompt string) request {
	body, err := json.Marshal(map[string]any{"model": model, "messages": []any{map[string]any{"role": "user", "content": prompt}}})
	if err != nil {
		panic(err) // it holds strings alone
	}
	return request{method: http.MethodPost, path: "/v1/chat/completions", header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

// with adds a header, as another request.
func (r request) with(name, value string) request {
	r.header = r.header.Clone()
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
	return r
}

func (r request) at(url string) request {
	r.url = url
	return r
}

func (r request) within(limit time.Duration) request {
	r.limit = limit
	return r
}

// client opens a connection for each request, so that no test depends on another's.
var client = &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (r request) send() (*http.Response, error) {
	url := r.url
	if url == "" {
		url = "http://" + gatewayIP
	}
	req, err := http.NewRequest(r.method, url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	if r.chunked {
		req.ContentLength = -1
	}
	if req.Header = r.header.Clone(); req.Header == nil {
		req.Header = http.Header{}
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	c := *client
	if r.limit > 0 {
		c.Timeout = r.limit
	}
	return c.Do(req)
}

func ask(r request) (answer, error) {
	resp, err := r.send()
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body}, err
}

// pod is the simulator that answered.
func (a answer) pod() string { return a.header.Get("x-inference-pod") }

// pool is the Deployment of that pod.
func (a answer) pool() string {
	parts := strings.Split(a.pod(), "-")
	if len(parts) < 3 {
		return a.pod()
	}
	return strings.Join(parts[:len(parts)-2], "-")
}

// selected is the model that the router named.
func (a answer) selected() string { return a.header.Get("x-vsr-selected-model") }

// model is what the model server says it is.
func (a answer) model() string {
	var body struct {
		Model string `json:"model"`
	}
	_ = json.Unmarshal(a.body, &body)
	return body.Model
}

// code is that of OpenAI's error envelope.
func (a answer) code() string {
	var body struct {
		Error struct {
			Message string `json:"message"`
			Type    string `json:"type"`
			Code    any    `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(a.body, &body) != nil || body.Error.Message == "" || body.Error.Type == "" {
		return ""
	}
	return fmt.Sprint(body.Error.Code)
}

func (a answer) String() string {
	return fmt.Sprintf("status %d, pod %q, selected %q, body %.300q", a.status, a.pod(), a.selected(), a.body)
}
