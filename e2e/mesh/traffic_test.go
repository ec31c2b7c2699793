//go:build mesh

package mesh

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Requests of one pool are spread over its replicas by the picker.
func TestSpreadOverReplicas(t *testing.T) {
	for _, model := range []string{"llama3-8b", "phi4-mini"} {
		seen := map[string]int{}
		for i := range 40 {
			a := mustAsk(t, chat(model, fmt.Sprintf("%d: tell me something new about the number %d", i, i*i)))
			if a.status != 200 || a.pool() != model {
				t.Fatalf("%s", a)
			}
			seen[a.pod()]++
		}
		names := map[string]bool{}
		for _, r := range rig.podsOf("inference", model) {
			names[r.pod.Meta.Name] = true
		}
		for name := range seen {
			if !names[name] {
				t.Errorf("%s answered, which is no pod of %s", name, model)
			}
		}
		if len(seen) < 2 {
			t.Errorf("40 requests for %s all went to one replica: %v", model, seen)
		}
	}
}

// withImage is a chat request of about size bytes, with an image as the SDKs send it.
func withImage(model string, size int) request {
	r := chat(model, "")
	body, err := json.Marshal(map[string]any{"model": model, "messages": []any{map[string]any{"role": "user", "content": []any{
		map[string]any{"type": "text", "text": mathPrompt},
		map[string]any{"type": "image_url", "image_url": map[string]any{"url": "data:image/png;base64," + strings.Repeat("QUJD", size/4)}},
	}}}})
	if err != nil {
		panic(err) // it holds strings alone
	}
	r.body = body
	return r
}

// 4 MiB pass whole, decided or by name, and so does what is just short of the 4 MB
// from where the gateway streams to the router: a picker takes no gRPC message of
// more than 4 MiB, and what the gateway has kept goes to it as one.
func TestBodyOf4MiB(t *testing.T) {
	for _, model := range []string{"phi4-mini", "auto"} {
		for _, size := range []int{1 << 20, 3_999_000, 4 << 20} {
			r := withImage(model, size)
			if a := mustAsk(t, r); a.status != 200 || a.pool() != "phi4-mini" || a.selected() != "phi4-mini" {
				t.Errorf("model %s, %d bytes: %s", model, len(r.body), a)
			}
		}
	}
}

// A body whose length was not said before.
func TestChunkedBody(t *testing.T) {
	r := chat("auto", mathPrompt)
	r.chunked = true
	if a := mustAsk(t, r); a.status != 200 || a.pool() != "phi4-mini" || a.selected() != "phi4-mini" {
		t.Errorf("%s", a)
	}
}

// A body over the router's limit is 413 in our envelope, and goes nowhere.
func TestBodyOverTheLimit(t *testing.T) {
	r := chat("llama3-8b", strings.Repeat("x", 34<<20))
	a := mustAsk(t, r)
	if a.status != http.StatusRequestEntityTooLarge || a.code() == "" || a.pod() != "" {
		t.Errorf("%s", a)
	}
}

// The list of models is the router's own: no pool is asked.
func TestModels(t *testing.T) {
	a := mustAsk(t, request{method: http.MethodGet, path: "/v1/models"})
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(a.body, &list); err != nil || a.status != 200 || a.pod() != "" {
		t.Fatalf("%v: %s", err, a)
	}
	names := ""
	for _, m := range list.Data {
		names += m.ID + " "
	}
	for _, want := range []string{"auto", "llama3-8b", "phi4-mini"} {
		if !strings.Contains(names, want+" ") {
			t.Errorf("%s is not among the models %s", want, names)
		}
	}
	if a := mustAsk(t, request{method: http.MethodGet, path: "/v1/models/phi4-mini"}); a.status != 200 {
		t.Errorf("%s", a)
	}
	if a := mustAsk(t, request{method: http.MethodGet, path: "/v1/models/none"}); a.status != 404 || a.code() != "model_not_found" {
		t.Errorf("%s", a)
	}
}

// What the router refuses is refused in OpenAI's form, and no pool is asked.
func TestRefusals(t *testing.T) {
	bad := chat("auto", "x")
	bad.body = []byte(`{"model":"auto","model":"llama3-8b","messages":[]}`)
	for _, c := range []struct {
		name   string
		r      request
		status int
		code   string
	}{
		{"unknown model", chat("gpt-9", "hello"), 404, "model_not_found"},
		{"unknown route", request{method: http.MethodPost, path: "/v1/nothing", body: []byte("{}")}, 404, ""},
		{"wrong method", request{method: http.MethodDelete, path: "/v1/chat/completions"}, 405, ""},
		{"two models", bad, 400, ""},
		{"header in disguise", chat("auto", "hello").with("x_selected_model", "llama3-8b"), 400, ""},
	} {
		a := mustAsk(t, c.r)
		if a.status != c.status || a.code() == "" || (c.code != "" && a.code() != c.code) || a.pod() != "" {
			t.Errorf("%s: %s", c.name, a)
		}
	}
}

// Tokens of whole answers and of streams are counted at the router, which sees
// answers pass though it sends none.
func TestUsageIsCountedAtTheRouter(t *testing.T) {
	for _, stream := range []bool{false, true} {
		read := func() (prompt, completion float64) {
			return rig.metric(t, "llm_model_prompt_tokens_total", `model="phi4-mini"`), rig.metric(t, "llm_model_completion_tokens_total", `model="phi4-mini"`)
		}
		prompt, completion := read()
		r := chat("phi4-mini", "one two three four five six seven")
		if stream {
			r.body = []byte(`{"model":"phi4-mini","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"one two three four five six seven"}]}`)
		}
		a := mustAsk(t, r)
		said := usageOf(a.body)
		if a.status != 200 || said.prompt == 0 || said.completion == 0 {
			t.Fatalf("%s", a)
		}
		if err := until(5*time.Second, func() error {
			p, c := read()
			if p-prompt != said.prompt || c-completion != said.completion {
				return fmt.Errorf("stream %v: counted %v and %v tokens, the answer says %v", stream, p-prompt, c-completion, said)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}

type usage struct{ prompt, completion float64 }

// usageOf reads the usage of a whole answer, or the last one of a stream.
func usageOf(body []byte) usage {
	var out usage
	for line := range strings.SplitSeq(string(body), "\n") {
		var v struct {
			Usage *struct {
				Prompt     float64 `json:"prompt_tokens"`
				Completion float64 `json:"completion_tokens"`
			} `json:"usage"`
		}
		if json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &v) == nil && v.Usage != nil {
			out = usage{v.Usage.Prompt, v.Usage.Completion}
		}
	}
	return out
}

// slowly makes the phi4-mini servers slow for the rest of the test: more arguments
// for the simulator, in the Deployment as it is.
func slowly(t *testing.T, args ...string) {
	t.Helper()
	t.Cleanup(func() {
		rig.mustRun(t, "-n", "inference", "rollout", "undo", "deployment/phi4-mini")
		rig.rolledOut(t, "inference", "phi4-mini")
		rig.settle(t)
	})
	var patch []map[string]any
	for _, arg := range args {
		patch = append(patch, map[string]any{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": arg})
	}
	data, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	rig.mustRun(t, "-n", "inference", "patch", "deployment", "phi4-mini", "--type=json", "-p", string(data))
	rig.rolledOut(t, "inference", "phi4-mini")
	rig.settle(t)
}

func (m *mesh) rolledOut(t *testing.T, namespace, deployment string) {
	t.Helper()
	m.mustRun(t, "-n", namespace, "rollout", "status", "deployment/"+deployment, "--timeout=90s")
}

// A stream comes event by event, through the router's and the picker's filters,
// and not when it is over: the model server takes 200 ms for each token.
func TestStreamArrivesEventByEvent(t *testing.T) {
	slowly(t, "--inter-token-latency=200ms")
	r := chat("auto", mathPrompt+strings.Repeat(" and again", 10))
	r.body = []byte(strings.Replace(string(r.body), "{", `{"stream":true,`, 1))
	resp, err := r.send()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("x-vsr-selected-model") != "phi4-mini" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	var at []time.Time
	done := false
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			at = append(at, time.Now())
			done = data == "[DONE]"
		}
	}
	if err := lines.Err(); err != nil || !done || len(at) < 15 {
		t.Fatalf("%d events, done %v, %v", len(at), done, err)
	}
	apart := 0
	for i := 1; i < len(at); i++ {
		if at[i].Sub(at[i-1]) > 100*time.Millisecond {
			apart++
		}
	}
	if apart < len(at)/2 {
		t.Errorf("of %d events %d came apart from the one before: they were held back", len(at), apart)
	}
}
