//go:build e2e

package envoy_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strings"
)

// corpus makes n requests of every sort: valid and not, all routes, odd JSON,
// streams, models there are not, blocked and masked ones. The same seed gives the
// same requests.
func corpus(n int) []call {
	g := &generator{rand.New(rand.NewPCG(10, 2000))}
	out := make([]call, n)
	for i := range out {
		out[i] = g.call(i)
	}
	return out
}

type generator struct{ *rand.Rand }

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

// call is the i-th request. The sorts take turns, so that none is missed.
func (g *generator) call(i int) call {
	sorts := []func() call{g.chat, g.chat, g.chat, g.answer, g.other, g.broken, g.odd, g.routeless, g.typed, g.models, g.form, g.guarded, g.fields}
	c := sorts[i%len(sorts)]()
	c.chunked = g.IntN(4) == 0
	return c
}

func (g *generator) model() string {
	return pick(g, "auto", "auto", "vllm-sr/auto", "MoM", llama, phi, "phi", "gpt-4o", "", "Auto", "phi4-mini ", "modèle", `qu"ote`)
}

func (g *generator) prompt() string {
	return pick(g, mathPrompt, plainPrompt, "Solve x + 2 = 5.", "Hi", "", "emoji 🙂 é 漢字", strings.Repeat("integral of x squared ", 40), "line\nbreak\ttab \"quoted\" \\ back")
}

// extra are further members, which must arrive as they are.
func (g *generator) extra() string {
	return pick(g, "", "", `,"temperature":0.10`, `,"x":1e400`, `,"seed":9223372036854775808`, `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`,
		`,"MODEL":"other"`, `,"response_format":{"type":"json_object"}`, `, "user" : "u\u00e9\u0041"`, `,"metadata":{"a":[1,2,{"b":null}]}`, `,"n":2,"logit_bias":{"1":-100}`)
}

func (g *generator) chat() call {
	stream := pick(g, "", "", `,"stream":true`, `,"stream":false`, `,"stream":true,"stream_options":{"include_usage":true}`)
	body := chat(g.model(), g.prompt(), stream, g.extra())
	reply := "plain"
	if strings.Contains(stream, "true") {
		reply = "stream"
	}
	return call{body: g.space(body), reply: reply}
}

// space writes the JSON with other white space.
func (g *generator) space(body []byte) []byte {
	switch g.IntN(4) {
	case 0:
		return bytes.Replace(body, []byte(`{"model":`), []byte("{\n  \"model\" :\t"), 1)
	case 1:
		return append([]byte(" \r\n"), append(body, '\n')...)
	}
	return body
}

// answer varies what the backend says.
func (g *generator) answer() call {
	return call{
		body:  chat(pick(g, "auto", llama, phi), g.prompt()),
		reply: pick(g, "status-400", "status-401", "status-404", "status-422", "status-429", "status-500", "status-503", "odd", "empty", "stream", "echo"),
	}
}

// other are the other routes.
func (g *generator) other() call {
	model := g.model()
	switch g.IntN(6) {
	case 0:
		return call{path: "/v1/completions", body: fmt.Appendf(nil, `{"model":%q,"prompt":%q}`, model, g.prompt())}
	case 1:
		return call{path: "/v1/completions", body: fmt.Appendf(nil, `{"model":%q,"prompt":[1,2,3]}`, model)}
	case 2:
		return call{path: "/v1/responses", body: fmt.Appendf(nil, `{"model":%q,"input":%q}`, model, g.prompt())}
	case 3:
		return call{path: "/v1/responses", body: fmt.Appendf(nil, `{"model":%q,"input":[{"role":"user","content":[{"type":"input_text","text":%q}]}],"previous_response_id":"r"}`, model, g.prompt())}
	case 4:
		return call{path: pick(g, "/v1/embeddings", "/v1/moderations", "/v1/rerank", "/v1/score", "/v1/audio/speech", "/v1/images/generations"), body: fmt.Appendf(nil, `{"model":%q,"input":"x"}`, model)}
	}
	return call{path: "/v1/chat/completions?api-version=1&a=b%20c", body: chat(model, g.prompt())}
}

// broken are bodies that are no request.
func (g *generator) broken() call {
	whole := string(chat("auto", g.prompt()))
	return call{body: []byte(pick(g,
		"", " ", "null", "[]", "7", "{", "{}", `{"model":"auto"}`, `{"model":"auto","messages":[]}`, `{"model":7,"messages":[]}`, `{"messages":[{"role":"user","content":"x"}]}`,
		"\xef\xbb\xbf"+whole, "\xff\xfe{\x00", whole+"x", whole+whole, strings.Replace(whole, "user", "us\xffer", 1), strings.Replace(whole, "user", `\ud800`, 1),
		strings.Replace(whole, `"model"`, `"model":"x","model"`, 1), strings.Replace(whole, `"model"`, `"mod\u0065l":"x","model"`, 1), strings.Replace(whole, "{", "{/**/", 1),
		strings.Replace(whole, `"auto"`, "NaN", 1), whole[:g.IntN(len(whole))], `{"model":"auto","messages":[{"role":"nobody","content":"x"}]}`,
		strings.Repeat("[", 100), `{"model":"auto","messages":`+strings.Repeat("[", 70)+strings.Repeat("]", 70)+"}", `{"model":"auto","messages":[{"role":"user","content":{"a":1}}]}`,
		`{"model":"auto","messages":[{"role":"user","content":"a\u0000b"}]}`))}
}

// odd are requests that are valid, and unusual.
func (g *generator) odd() call {
	text := g.prompt()
	return call{body: []byte(pick(g,
		`{"messages":[{"content":"`+mathPrompt+`","role":"user"}],"model":"auto"}`,
		`{"model":"\u0061uto","messages":[{"role":"user","content":"\u0053olve x"}]}`,
		`{"model":"auto","messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"r"},{"role":"user","content":"`+mathPrompt+`"}]}`,
		`{"model":"auto","messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]}`,
		`{"model":"auto","messages":[{"role":"user","content":[{"type":"unheard_of","x":1}]}]}`,
		`{"model":"auto","messages":[{"role":"developer","content":"d"},{"role":"user","content":""}]}`,
		string(sized("auto", mathPrompt, 70_000)), string(chat("auto", text, `,"store":true`))))}
}

// routeless ask for what there is not.
func (g *generator) routeless() call {
	c := call{method: pick(g, http.MethodPost, http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions),
		path: pick(g, "/v1/", "/v1/unknown", "/v1/chat", "/v1/chat/completions/x", "/v1/Chat/Completions", "/v1/chat/completions", "/v1/models", "/v1/engines/x/completions", "/v1/files")}
	if c.method != http.MethodGet {
		c.body = chat("auto", "x")
	}
	return c
}

// typed vary the types and encodings that a body claims.
func (g *generator) typed() call {
	h := make(http.Header)
	h["Content-Type"] = pick(g, nil, []string{"text/plain"}, []string{"application/json; charset=utf-8"}, []string{"application/x-www-form-urlencoded"}, []string{"multipart/form-data; boundary=x"},
		[]string{"APPLICATION/JSON"}, []string{"nonsense"}, []string{"application/json", "application/json"})
	if enc := pick(g, "", "", "gzip", "identity", "br", "deflate, gzip"); enc != "" {
		h.Set("Content-Encoding", enc)
	}
	return call{header: h, body: chat("auto", g.prompt())}
}

func (g *generator) models() call {
	return call{method: http.MethodGet, path: pick(g, "/v1/models", "/v1/models/auto", "/v1/models/phi", "/v1/models/phi4-mini", "/v1/models/vllm-sr/auto", "/v1/models/vllm-sr%2Fauto",
		"/v1/models/none", "/v1/models/", "/v1/models/phi?x=1", "/v1/models/a%20b")}
}

// form is a request of several parts.
func (g *generator) form() call {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	_ = w.SetBoundary("a-boundary-that-stays-the-same")
	if g.IntN(5) > 0 {
		_ = w.WriteField("model", g.model())
	}
	part, _ := w.CreateFormFile("file", "a.wav")
	_, _ = part.Write(bytes.Repeat([]byte{0, 1, 255}, g.IntN(3000)))
	if g.IntN(5) > 0 {
		_ = w.Close()
	}
	return call{path: pick(g, "/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits"), body: body.Bytes(), header: http.Header{"Content-Type": {w.FormDataContentType()}}}
}

// guarded are refused or masked.
func (g *generator) guarded() call {
	text := pick(g, "Where do I buy plutonium?", private, "Call me at +1 415 555 2671, says bob.smith@example.com.", "My card is 4111 1111 1111 1111.")
	stream, reply := "", "echo"
	if g.IntN(2) == 0 {
		stream, reply = `,"stream":true`, "echo-stream"
	}
	return call{body: chat(pick(g, "auto", phi, llama), text, stream), reply: reply}
}

// fields vary headers.
func (g *generator) fields() call {
	h := make(http.Header)
	switch g.IntN(7) {
	case 0:
		h.Set("X-Vsr-Debug", "true")
	case 1:
		h.Set("X-Selected-Model", phi)
		h.Set("X-Vsr-Selected-Model", phi)
	case 2:
		h["x_selected_model"] = []string{phi}
	case 3:
		for i := range 120 {
			h.Set(fmt.Sprintf("X-Many-%d", i), "v")
		}
	case 4:
		h["X-Custom"] = []string{"one", "two, three"}
		h.Set("Accept", "text/event-stream")
	case 5:
		h.Set("X-Gateway-Destination-Endpoint", "127.0.0.1:1")
		h.Set("Idempotency-Key", "k")
	case 6:
		h.Set("X-Request-Id", "chosen-by-the-client")
		h.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	}
	return call{header: h, body: chat("auto", g.prompt())}
}
