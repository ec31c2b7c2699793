package proxy_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// envelope is the shape of every error.
type envelope struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	} `json:"error"`
}

// mustFail checks an error's status and code and its shape, and gives its param.
func mustFail(t testing.TB, what string, a answer, status int, code string) (param string) {
	t.Helper()
	var e envelope
	err := json.Unmarshal([]byte(a.body), &e, json.RejectUnknownMembers(true))
	if a.status != status || err != nil || e.Error.Message == "" || e.Error.Type == "" || e.Error.Code == nil || *e.Error.Code != code ||
		a.header.Get("Content-Type") != "application/json" || a.header.Get("X-Vsr-Response-Path") != "error" {
		t.Errorf("%s: got %d %s %v (%v), want %d %s", what, a.status, a.body, a.header, err, status, code)
	}
	if e.Error.Param == nil {
		return ""
	}
	return *e.Error.Param
}

// Each route reaches the backend's endpoint of the same path, with the query as
// it came.
func TestRoutesReachTheBackend(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	const form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nMODEL\r\n--b--\r\n"
	for path, body := range map[string]string{
		"/v1/chat/completions":     `{"model":"MODEL","messages":[{"role":"user","content":"x"}]}`,
		"/v1/completions":          `{"model":"MODEL","prompt":"x"}`,
		"/v1/responses":            `{"model":"MODEL","input":"x"}`,
		"/v1/embeddings":           `{"model":"MODEL","input":"x"}`,
		"/v1/moderations":          `{"model":"MODEL","input":"x"}`,
		"/v1/rerank":               `{"model":"MODEL","query":"x","documents":["y"]}`,
		"/v1/score":                `{"model":"MODEL","text_1":"x","text_2":"y"}`,
		"/v1/audio/speech":         `{"model":"MODEL","input":"x","voice":"v"}`,
		"/v1/audio/transcriptions": form,
		"/v1/audio/translations":   form,
		"/v1/images/generations":   `{"model":"MODEL","prompt":"x"}`,
		"/v1/images/edits":         form,
		"/v1/images/variations":    form,
	} {
		a := s.send("POST", path+"?api-version=1%20", strings.ReplaceAll(body, "MODEL", "gpt-4"), func(r *http.Request) {
			if body == form {
				r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			}
		})
		got := s.backend.last(t)
		if a.status != 200 || a.body != okBody || got.line != "POST "+path+"?api-version=1%20 HTTP/1.1" ||
			got.body != strings.ReplaceAll(body, "MODEL", "org/large") || !slices.Equal(got.values("host"), []string{s.backend.addr()}) {
			t.Errorf("%s: %d %s\nreceived %+v", path, a.status, a.body, got)
		}
		for name, want := range map[string]string{
			"X-Vsr-Response-Path": "upstream", "X-Vsr-Selected-Model": "large", "X-Vsr-Selected-Decision": "explicit", "X-Vsr-Schema-Version": "1",
		} {
			if a.header.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", path, name, a.header.Get(name), want)
			}
		}
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	for _, path := range []string{
		"/", "/v1", "/v1/", "/v1/nothing", "/v1/chat", "/v1/chat/completions/", "/V1/chat/completions", "/chat/completions", "/v2/chat/completions",
		"/metrics", "/config", "/livez", "/readyz", "/-/reload", "/debug/pprof/", "/api/v1/route", "/api/v1/classify/intent", // P6
		"/v1/chat%2Fcompletions", "/v1/%63hat/completions", "/v1//chat/completions", "//v1/chat/completions",
		"/v1/../v1/chat/completions", "/./v1/chat/completions", "/v1/chat/completions;x=1", "/v1/chat/completions%00",
	} {
		mustFail(t, path, s.send("POST", path, prompt("small", "x"), nil), 404, "unknown_url")
	}
	for method, path := range map[string]string{"GET": "/v1/chat/completions", "PUT": "/v1/responses", "DELETE": "/v1/embeddings", "OPTIONS": "/v1/completions", "PATCH": "/v1/score"} {
		a := s.send(method, path, "", nil)
		mustFail(t, method+path, a, 405, "method_not_supported")
		if a.header.Get("Allow") != "POST" {
			t.Errorf("%s %s: Allow is %q", method, path, a.header.Get("Allow"))
		}
	}
	if a := s.send("POST", "/v1/models", "{}", nil); a.header.Get("Allow") != "GET" {
		t.Errorf("POST /v1/models: Allow is %q", a.header.Get("Allow"))
	}
	if s.backend.hits() != 0 {
		t.Errorf("%d requests reached the backend", s.backend.hits())
	}
}

func TestModels(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	var list struct {
		Object string `json:"object"`
		Data   []struct {
			ID      string `json:"id"`
			Object  string `json:"object"`
			Created int64  `json:"created"`
			OwnedBy string `json:"owned_by"`
			Root    string `json:"root"`
		} `json:"data"`
	}
	a := s.send("GET", "/v1/models", "", nil)
	if err := json.Unmarshal([]byte(a.body), &list, json.RejectUnknownMembers(true)); err != nil || a.status != 200 || list.Object != "list" {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	var got []string
	for _, m := range list.Data {
		got = append(got, m.ID+">"+m.Root)
	}
	if want := []string{"auto>", "vllm-sr/auto>", "MoM>", "small>small", "large>large", "gpt-4>large"}; !slices.Equal(got, want) {
		t.Errorf("models %v, want %v", got, want)
	}
	for path, id := range map[string]string{
		"/v1/models/small": "small", "/v1/models/gpt-4": "gpt-4",
		"/v1/models/vllm-sr/auto": "vllm-sr/auto", "/v1/models/vllm-sr%2Fauto": "vllm-sr/auto", // as openai-node sends it
	} {
		if a := s.send("GET", path, "", nil); a.status != 200 || !strings.Contains(a.body, `"id":"`+id+`"`) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	for _, path := range []string{"/v1/models/nothing", "/v1/models/", "/v1/models/../../admin", "/v1/models/%2e%2e"} {
		if param := mustFail(t, path, s.send("GET", path, "", nil), 404, "model_not_found"); param != "model" {
			t.Errorf("%s: param %q", path, param)
		}
	}
	if s.backend.hits() != 0 {
		t.Error("the list was asked of the backend")
	}
}

// While there is no generation (at the end of a shutdown) the door says so.
func TestNoGenerationIsNotReady(t *testing.T) {
	s := serve(t, newBackend(t, nil), "")
	s.current.Swap(nil)
	a := s.send("GET", "/v1/models", "", nil)
	if a.status != 503 || !strings.Contains(a.body, `"code":"not_ready"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}
