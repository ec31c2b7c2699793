package hub_test

import (
	"crypto/sha1"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify/models/hub"
	"github.com/vsr-proxy/vsr-proxy/classify/models/hub/hubtest"
)

// S2: the token goes to the endpoint and nowhere else.
func TestTokenStaysWithTheEndpoint(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.server.Token, r.token = "hf_canary", "hf_canary"
	r.mustPull()
	for _, q := range r.server.Requests() {
		if q.Content && q.Authorization != "" || !q.Content && q.Authorization != "Bearer hf_canary" {
			t.Errorf("%+v", q)
		}
	}
	if n := r.asked(graphFile, true); n != 1 {
		t.Errorf("%d requests to the content host", n)
	}
}

func TestMissingTokenIsNamed(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.server.Token, r.token = "hf_right", "hf_wrong"
	r.refused("401", "HF_TOKEN")
	if n := len(r.server.Requests()); n != 1 {
		t.Errorf("%d requests, want 1: another try can't help", n)
	}
}

func TestPinIsHeldAgainstTheHubBeforeTheDownload(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.order.Pins = map[string]string{graphFile: strings.Repeat("0", 64)}
	r.refused("the hub says that its SHA-256 is", strings.Repeat("0", 64))
	r.order.Pins[graphFile] = "sha256:" + strings.ToUpper(hubtest.SHA256(r.server.Files[graphFile]))
	p := r.mustPull()
	if last := p.Files[len(p.Files)-1]; last.Trust != hub.TrustPin {
		t.Errorf("trust %q", last.Trust)
	}
}

// S12: a hub that denies a pinned file gets no other one taken in its place.
func TestPinHoldsForTheFileBesideTheGraph(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.order.Pins = map[string]string{"config.json": hubtest.SHA256(r.server.Files["config.json"])}
	r.server.Files["onnx/config.json"] = append([]byte(" "), r.server.Files["config.json"]...)
	delete(r.server.Files, "config.json")
	r.refused("onnx/config.json", "SHA-256", r.order.Pins["config.json"])
}

// nothing vouches: a hub that states no hash, such as a simple mirror.
func mirror(r *rig) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, q *http.Request) bool {
		_, name, _ := strings.Cut(q.URL.Path, hubtest.Revision+"/")
		data, ok := r.server.Files[name]
		if !ok {
			return false
		}
		_, _ = w.Write(data)
		return true
	}
}

func TestFirstDownloadWithoutAHashIsReportedAsSuch(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.server.Hub = mirror(r)
	for _, f := range r.mustPull().Files {
		if f.Trust != hub.TrustFirst {
			t.Errorf("%+v", f)
		}
	}
}

// Some mirrors have the SHA-1 of any file as its ETag.
func TestPlainSHA1AsETagIsUnderstood(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	plain := mirror(r)
	r.server.Hub = func(w http.ResponseWriter, q *http.Request) bool {
		_, name, _ := strings.Cut(q.URL.Path, hubtest.Revision+"/")
		sum := sha1.Sum(r.server.Files[name])
		w.Header().Set("ETag", hex.EncodeToString(sum[:]))
		return plain(w, q)
	}
	for _, f := range r.mustPull().Files {
		if f.Trust != hub.TrustHub {
			t.Errorf("%+v", f)
		}
	}
}

// S12: a byte that differs is noticed whoever states the hash.
func TestAlteredFileIsRefusedAndRemoved(t *testing.T) {
	alter := func(data []byte) []byte { d := slices.Clone(data); d[len(d)/2] ^= 1; return d }
	t.Run("graph", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Content = func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write(alter(r.server.Files[graphFile]))
			return true
		}
		r.refused(graphFile, "SHA-256 is", hubtest.SHA256(r.server.Files[graphFile]))
		r.server.Content = nil
		r.mustPull() // nothing of the wrong file is left to go on with
	})
	t.Run("graph, pinned, from a mirror", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.order.Pins = map[string]string{graphFile: hubtest.SHA256(r.server.Files[graphFile])}
		r.server.Files[graphFile] = alter(r.server.Files[graphFile])
		r.server.Hub = mirror(r)
		r.refused(graphFile, "SHA-256 is", r.order.Pins[graphFile])
	})
	t.Run("small file", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = func(w http.ResponseWriter, q *http.Request) bool {
			if !strings.HasSuffix(q.URL.Path, "/config.json") {
				return false
			}
			w.Header().Set("ETag", `W/"`+hubtest.Blob(r.server.Files["config.json"])+`"`)
			_, _ = w.Write(alter(r.server.Files["config.json"]))
			return true
		}
		r.refused("config.json", "git object id")
	})
}

func TestRedirectsAreFewAndSafe(t *testing.T) {
	to := func(address string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, q *http.Request) bool {
			w.Header().Set("Location", address)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return true
		}
	}
	for name, c := range map[string]struct{ address, want string }{
		"plain http":      {"http://cdn.example/x?" + hubtest.Signature, "http://cdn.example, which is not https"},
		"another scheme":  {"file:///etc/passwd", "which is not https"},
		"in a circle":     {"/round", "more than 5 redirects"},
		"without address": {"", "redirects to nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, hubtest.Guard())
			r.server.Hub = to(c.address)
			r.refused(c.want)
		})
	}
	// A renamed repository redirects to its new name on the same host.
	t.Run("renamed", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.order.Repo = "someone/old-name"
		r.server.Hub = func(w http.ResponseWriter, q *http.Request) bool {
			rest, old := strings.CutPrefix(q.URL.Path, "/someone/old-name/")
			if old {
				http.Redirect(w, q, "/"+hubtest.Repo+"/"+rest, http.StatusTemporaryRedirect)
			}
			return old
		}
		for _, f := range r.mustPull().Files {
			if f.Trust != hub.TrustHub {
				t.Errorf("%+v", f)
			}
		}
	})
}

// S2: the addresses of content hosts are signed, and no error shows one.
func TestErrorOfTheContentHostHasNoAddress(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.server.Content = func(w http.ResponseWriter, _ *http.Request) bool {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = c.Close()
		}
		return true
	}
	r.refused(graphFile)
}

func TestAnotherRevisionIsRefused(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.server.Hub = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("X-Repo-Commit", strings.Repeat("f", 40))
		_, _ = io.WriteString(w, "{}")
		return true
	}
	r.refused("the hub answers with revision")
}
