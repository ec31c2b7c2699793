package hub_test

import (
	"context"
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
