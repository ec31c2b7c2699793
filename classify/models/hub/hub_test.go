package hub_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/models"
	"github.com/vsr-proxy/vsr-proxy/classify/models/hub"
	"github.com/vsr-proxy/vsr-proxy/classify/models/hub/hubtest"
	"github.com/vsr-proxy/vsr-proxy/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const graphFile = "onnx/model.onnx"

// rig is a hub, a client of it and an order for a guard.
type rig struct {
	t      *testing.T
	server *hubtest.Server
	order  hub.Order
	token  string
	stall  time.Duration
}

func newRig(t *testing.T, files map[string][]byte) *rig {
	t.Helper()
	server := hubtest.Start(files)
	t.Cleanup(server.Close)
	return &rig{t: t, server: server, stall: 5 * time.Second, order: hub.Order{
		Repo: hubtest.Repo, Revision: hubtest.Revision, Head: "jailbreak", Dir: filepath.Join(t.TempDir(), "guard"),
	}}
}

func (r *rig) pull(ctx context.Context) (hub.Pulled, error) {
	r.t.Helper()
	c, err := hub.New(hub.Options{
		Endpoint: r.server.URL, Token: secret.New(r.token), UserAgent: "test", Stall: r.stall, Pause: time.Millisecond,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	return c.Pull(ctx, r.order, func(string, int64, int64) {})
}

func (r *rig) mustPull() hub.Pulled {
	r.t.Helper()
	p, err := r.pull(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// refused pulls and wants an error with all of want, and no bundle.
func (r *rig) refused(want ...string) {
	r.t.Helper()
	_, err := r.pull(context.Background())
	if err == nil {
		r.t.Fatal("no error")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			r.t.Errorf("error %q does not have %q", err, w)
		}
	}
	if strings.Contains(err.Error(), hubtest.Signature) || r.token != "" && strings.Contains(err.Error(), r.token) {
		r.t.Errorf("error %q has what is secret", err)
	}
	if _, err := os.Stat(r.order.Dir); err == nil {
		r.t.Error("an error and a bundle")
	}
}

// size is the graph's, as in a header.
func (r *rig) size() string { return strconv.Itoa(len(r.server.Files[graphFile])) }

// asked counts the requests for a file.
func (r *rig) asked(file string, content bool) (n int) {
	for _, q := range r.server.Requests() {
		if q.File == filepath.Base(file) && q.Content == content {
			n++
		}
	}
	return n
}

func TestPullMakesABundleThatLoads(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	p := r.mustPull()
	b, err := models.Load(r.order.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if b.Name != hubtest.Repo || b.Version != hubtest.Revision[:12] || b.Window != hub.DefaultWindow || b.Overlap != 64 {
		t.Errorf("manifest %+v", b.Manifest)
	}
	h := b.Heads[0]
	if len(b.Heads) != 1 || h.Name != "jailbreak" || h.Kind != classify.KindSequence || h.Output != "logits" ||
		h.Positive != "INJECTION" || h.Threshold != 0.5 || h.Merge != classify.MergeMax || h.Temperature != 1 ||
		!slices.Equal(h.Labels, []string{"SAFE", "INJECTION"}) {
		t.Errorf("head %+v", h)
	}
	if !slices.Equal(b.ONNX, r.server.Files[graphFile]) {
		t.Error("the graph is another")
	}
	for _, f := range p.Files {
		if f.SHA256 != hubtest.SHA256(r.server.Files[f.Name]) || f.Trust != hub.TrustHub {
			t.Errorf("%+v", f)
		}
	}
	card, err := os.ReadFile(filepath.Join(r.order.Dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{hubtest.Revision, "apache-2.0", hubtest.SHA256(r.server.Files["tokenizer.json"]), "`INJECTION`"} {
		if !strings.Contains(string(card), want) {
			t.Errorf("README.md does not have %s:\n%s", want, card)
		}
	}
	if p.License != "apache-2.0" {
		t.Errorf("licence %q", p.License)
	}
	left, err := os.ReadDir(filepath.Dir(r.order.Dir))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the bundle: %v, %v", left, err)
	}
}

func TestPullOfATagger(t *testing.T) {
	r := newRig(t, hubtest.Tagger())
	r.order.Head = "pii"
	h := r.mustPull().Manifest.Heads[0]
	if h.Kind != classify.KindToken || h.Merge != "" || h.Positive != "" || len(h.Labels) != 5 {
		t.Errorf("head %+v", h)
	}
}

func TestFilesBesideTheGraphDoAsWell(t *testing.T) {
	files := hubtest.Guard()
	for _, name := range []string{"config.json", "tokenizer.json", "tokenizer_config.json"} {
		files["onnx/"+name] = files[name]
		delete(files, name)
	}
	delete(files, "README.md")
	if p := newRig(t, files).mustPull(); p.License != "not stated" {
		t.Errorf("licence %q", p.License)
	}
}

// S12: only a commit is taken, and the whole order is judged before anything is asked.
func TestBadOrderAsksNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*hub.Order)
		want   string
	}{
		"branch":          {func(o *hub.Order) { o.Revision = "main" }, "a branch or tag can be moved"},
		"short commit":    {func(o *hub.Order) { o.Revision = "0123456" }, "40 lower-case hexadecimal digits"},
		"no revision":     {func(o *hub.Order) { o.Revision = "" }, "a revision is needed"},
		"path as repo":    {func(o *hub.Order) { o.Repo = "a/../b" }, "OWNER/NAME"},
		"address as repo": {func(o *hub.Order) { o.Repo = "https://x/y" }, "OWNER/NAME"},
		"file outside":    {func(o *hub.Order) { o.File = "../model.onnx" }, "path within the repository"},
		"query in file":   {func(o *hub.Order) { o.File = "model.onnx?x=.onnx" }, "path within the repository"},
		"weights":         {func(o *hub.Order) { o.File = "model.safetensors" }, ".onnx file"},
		"no head":         {func(o *hub.Order) { o.Head = "" }, "head is"},
		"bad pin":         {func(o *hub.Order) { o.Pins = map[string]string{graphFile: "abc"} }, "64 hexadecimal digits"},
		"window below 0":  {func(o *hub.Order) { o.Window = -1 }, "window is -1"},
		"folder exists":   {func(o *hub.Order) { o.Dir = os.TempDir() }, "is there already"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, hubtest.Guard())
			c.change(&r.order)
			if _, err := r.pull(context.Background()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if n := len(r.server.Requests()); n != 0 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// What is wrong with the small files is said before the large one is fetched.
func TestUnfitModelIsNotDownloaded(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string][]byte, *hub.Order)
		want   string
	}{
		"no config":       {func(f map[string][]byte, _ *hub.Order) { delete(f, "config.json") }, "404"},
		"no tokenizer":    {func(f map[string][]byte, _ *hub.Order) { delete(f, "tokenizer.json") }, "older formats"},
		"wrong kind":      {func(_ map[string][]byte, o *hub.Order) { o.Head = "pii" }, "labels each token"},
		"wrong positive":  {func(_ map[string][]byte, o *hub.Order) { o.Positive = "injection" }, `none of "SAFE", "INJECTION"`},
		"too wide window": {func(_ map[string][]byte, o *hub.Order) { o.Window = 511 }, "positions for 510"},
		"config no JSON":  {func(f map[string][]byte, _ *hub.Order) { f["config.json"] = []byte("<html>") }, "config.json"},
		"tokenizer cut":   {func(f map[string][]byte, _ *hub.Order) { f["tokenizer.json"] = []byte(`{"a":1`) }, "tokenizer.json"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, hubtest.Guard())
			c.change(r.server.Files, &r.order)
			r.refused(c.want)
			if n := r.asked(graphFile, false); n != 0 {
				t.Errorf("%d requests for the graph", n)
			}
		})
	}
}

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

// A body that breaks off is continued, not begun again.
func TestBrokenDownloadGoesOnWhereItStopped(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	whole := r.server.Files[graphFile]
	cut := 0
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		if cut++; cut > 2 {
			return false
		}
		from := 0
		if cut == 2 {
			from = 100
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 100-%d/%d", len(whole)-1, len(whole)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(whole)-from)) // and 100 come
		if cut == 2 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(whole[from : from+100])
		return true
	}
	r.mustPull()
	var ranges []string
	for _, q := range r.server.Requests() {
		if q.Content {
			ranges = append(ranges, q.Range)
		}
	}
	if !slices.Equal(ranges, []string{"", "bytes=100-", "bytes=200-"}) {
		t.Errorf("ranges %q", ranges)
	}
}

func TestInterruptedPullIsResumedByTheNext(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		w.Header().Set("Content-Length", r.size())
		_, _ = w.Write(r.server.Files[graphFile][:300])
		_ = http.NewResponseController(w).Flush()
		time.AfterFunc(50*time.Millisecond, cancel)
		<-q.Context().Done()
		return true
	}
	if _, err := r.pull(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if _, err := os.Stat(r.order.Dir); err == nil {
		t.Fatal("half a bundle")
	}
	r.server.Content = nil
	r.mustPull()
	all := r.server.Requests()
	if last := all[len(all)-1]; last.Range != "bytes=300-" {
		t.Errorf("last request %+v", last)
	}
}

func TestServerThatDoesNotContinueSendsAll(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	first := true
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		data := r.server.Files[graphFile]
		w.Header().Set("Content-Length", r.size())
		if first {
			data = data[:10]
		}
		first = false
		_, _ = w.Write(data)
		return true
	}
	r.mustPull()
}

// A part on disk that is longer than the file, or of another one, is begun anew.
func TestPartThatDoesNotFitIsBegunAnew(t *testing.T) {
	for name, more := range map[string]int{"longer": 1, "as long": 0} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, hubtest.Guard())
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
				w.Header().Set("Content-Length", r.size())
				_, _ = w.Write(r.server.Files[graphFile][:7])
				_ = http.NewResponseController(w).Flush()
				time.AfterFunc(50*time.Millisecond, cancel)
				<-q.Context().Done()
				return true
			}
			if _, err := r.pull(ctx); err == nil {
				t.Fatal("no error")
			}
			r.server.Content = nil
			parts, err := filepath.Glob(r.order.Dir + ".partial/*.part")
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range parts {
				if info, err := os.Stat(p); err == nil && info.Size() == 7 { // the graph's
					if err := os.WriteFile(p, make([]byte, len(r.server.Files[graphFile])+more), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			if more == 0 {
				r.server.Content = func(w http.ResponseWriter, q *http.Request) bool { // without Content-Range
					w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
					return true
				}
				r.refused("SHA-256 is") // and it is removed
				r.server.Content = nil
			}
			r.mustPull()
		})
	}
}

func TestBusyHubIsAskedAgain(t *testing.T) {
	busy := func(status int, after string, times int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			if times--; times < 0 {
				return false
			}
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(status)
			return true
		}
	}
	t.Run("429 for a second", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = busy(429, "1", 1)
		start := time.Now()
		r.mustPull()
		if waited := time.Since(start); waited < time.Second {
			t.Errorf("waited %v", waited)
		}
	})
	t.Run("429 for an hour", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = busy(429, "3600", 100)
		r.refused("429", "try again in 1h0m0s")
		if n := len(r.server.Requests()); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
	t.Run("503 twice", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = busy(503, "", 2)
		r.mustPull()
	})
	t.Run("500 for ever", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = busy(500, "", 1000)
		r.refused("500")
		if n := len(r.server.Requests()); n != 5 {
			t.Errorf("%d requests, want 5", n)
		}
	})
}

// No file is larger than its bound, whether its size is announced or not.
func TestHugeFileIsRefused(t *testing.T) {
	t.Run("announced", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = func(w http.ResponseWriter, q *http.Request) bool {
			if !strings.HasSuffix(q.URL.Path, ".onnx") {
				return false
			}
			w.Header().Set("X-Linked-Size", "3221225472")
			w.WriteHeader(http.StatusOK)
			return true
		}
		r.refused("3221225472 bytes")
	})
	t.Run("endless", func(t *testing.T) {
		r := newRig(t, hubtest.Guard())
		r.server.Hub = func(w http.ResponseWriter, q *http.Request) bool {
			for piece := make([]byte, 1<<16); ; {
				if _, err := w.Write(piece); err != nil {
					return true
				}
			}
		}
		r.refused("config.json", "more than 1048576 bytes")
		left, err := filepath.Glob(r.order.Dir + ".partial/*")
		if err != nil || len(left) != 0 {
			t.Errorf("left on disk: %v, %v", left, err)
		}
	})
}

func TestSilentServerIsGivenUp(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.stall = 50 * time.Millisecond
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		w.Header().Set("Content-Length", r.size())
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-q.Context().Done()
		return true
	}
	start := time.Now()
	r.refused(graphFile, "nothing came for too long")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// Slow is not silent: there is no bound on the whole.
func TestSlowServerIsWaitedFor(t *testing.T) {
	r := newRig(t, hubtest.Guard())
	r.stall = time.Second
	r.server.Content = func(w http.ResponseWriter, q *http.Request) bool {
		w.Header().Set("Content-Length", r.size())
		for _, piece := range slices.Collect(slices.Chunk(r.server.Files[graphFile], 60)) {
			_, _ = w.Write(piece)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(120 * time.Millisecond)
		}
		return true
	}
	r.mustPull()
	if n := r.asked(graphFile, true); n != 1 {
		t.Errorf("%d requests", n)
	}
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

func TestEndpointMustBeSafe(t *testing.T) {
	for endpoint, ok := range map[string]bool{
		"": true, "https://hub.example": true, "https://hub.example/mirror/": true, "http://127.0.0.1:9": true, "http://localhost:9": true,
		"http://hub.example": false, "hub.example": false, "https://user:pass@hub.example": false, "ftp://hub.example": false, "https://h/?a=b": false, "://": false,
	} {
		c, err := hub.New(hub.Options{Endpoint: endpoint})
		if (err == nil) != ok {
			t.Errorf("%q: %v", endpoint, err)
		}
		if err != nil && strings.Contains(err.Error(), "pass") {
			t.Errorf("error %q has the password", err)
		}
		if c != nil {
			c.Close()
		}
	}
	if _, err := hub.New(hub.Options{Token: secret.New("hf_canary\nx")}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("token of two lines: %v", err)
	}
}

func TestCatalogueInventsNothing(t *testing.T) {
	for _, e := range hub.Catalogue() {
		if hub.CheckRepo(e.Repo) != nil || e.Head == "" || e.Unchecked == "" || e.About == "" {
			t.Errorf("%+v", e)
		}
		if e.Revision != "" && hub.CheckRevision(e.Revision) != nil || e.Revision == "" && e.Pins != nil {
			t.Errorf("%s: revision %q, pins %v", e.Name, e.Revision, e.Pins)
		}
		if found, ok := hub.Find(strings.ToUpper(e.Name)); !ok || found.Repo != e.Repo {
			t.Errorf("%s is not found", e.Name)
		}
	}
}
