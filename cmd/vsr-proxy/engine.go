package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/vsr-proxy/vsr-proxy/admin"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/accel"
	"github.com/vsr-proxy/vsr-proxy/classify/onnx"
	"github.com/vsr-proxy/vsr-proxy/classify/pii"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

// engine is a loaded classifier. Generations that use it count themselves; the
// last one closes it.
type engine struct {
	settings   config.Classify
	parts      []part
	models     []*onnx.Model // of the parts
	classifier *classify.Panel
	users      atomic.Int64
}

// openEngine loads and checks models and runtime; each model has answered once
// when it returns.
func openEngine(ctx context.Context, c config.Classify) (_ *engine, err error) {
	bundles, err := loadBundles(c)
	if err != nil {
		return nil, err
	}
	library, err := runtimeLibrary(c.Runtime.Path)
	if err != nil {
		return nil, err
	}
	e := &engine{settings: c}
	var members []*classify.Classifier
	defer func() {
		if err != nil {
			for _, m := range members {
				_ = m.Close(ctx)
			}
		}
	}()
	for _, b := range bundles {
		model, err := openModel(ctx, c, b, library)
		if err != nil {
			return nil, err
		}
		member, err := newClassifier(c, b, model)
		if err != nil {
			_ = model.Close()
			return nil, err
		}
		members = append(members, member)
		e.models, e.parts = append(e.models, model), append(e.parts, b.part)
	}
	if e.classifier, err = classify.NewPanel(members...); err != nil {
		return nil, err
	}
	debug.FreeOSMemory() // what reading vocabularies took
	return e, nil
}

func openModel(ctx context.Context, c config.Classify, b bundle, library string) (*onnx.Model, error) {
	heads := make([]onnx.Head, len(b.heads))
	for i, h := range b.heads {
		heads[i] = onnx.Head{Head: h.Question(), Output: h.Output}
	}
	return onnx.Open(ctx, onnx.Options{
		Name: b.manifest.Name, Graph: b.onnx, Tokenizer: b.tokenizer, Heads: heads, Window: b.manifest.Window,
		Library: library, LibrarySHA256: c.Runtime.SHA256,
		Accelerator: accel.Provider(c.Accelerator), AllowCPU: c.AllowCPU, Threads: c.Threads,
	})
}

func newClassifier(c config.Classify, b bundle, model *onnx.Model) (*classify.Classifier, error) {
	o := classify.Options{
		Slots: slotsOf(c), Queue: c.Queue, Deadline: c.Deadline, MaxWindows: c.MaxWindows, Overlap: b.manifest.Overlap,
	}
	for _, h := range b.heads {
		if h.Name == router.HeadPII {
			o.Patterns = pii.Find
		}
	}
	return classify.New(model, o)
}

func slotsOf(c config.Classify) int {
	if c.Slots == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return c.Slots
}

// runtimeLibrary is the configured path, or the library beside the binary.
func runtimeLibrary(path string) (string, error) {
	if path != "" {
		return path, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find ONNX Runtime library: %w", err)
	}
	if resolved, err := filepath.EvalSymlinks(self); err == nil {
		self = resolved
	}
	return filepath.Join(filepath.Dir(self), onnx.LibraryFile()), nil
}

func (e *engine) use() { e.users.Add(1) }

func (e *engine) done() {
	if e.users.Add(-1) == 0 {
		e.close()
	}
}

// closeWithin bounds the wait for runs that are still going on.
const closeWithin = 2 * time.Second

func (e *engine) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	_ = e.classifier.Close(ctx) // and the model with it
}

// status is the engine's part of the admin door's answer.
func (e *engine) status() admin.Status {
	first, model := e.parts[0].manifest, e.models[0]
	s := admin.Status{
		Model: &admin.Model{Name: first.Name, Version: first.Version},
		Accelerator: &admin.Accelerator{
			Provider: model.Provider(), Requested: e.settings.Accelerator, Fallback: model.Fallback(),
			RuntimeVersion: model.RuntimeVersion(),
		},
	}
	for _, p := range e.parts {
		for _, h := range p.heads {
			s.Model.Heads = append(s.Model.Heads, admin.Head{
				Name: h.Name, Kind: string(h.Kind), Labels: h.Labels, Model: p.manifest.Name + " " + p.manifest.Version,
			})
		}
	}
	return s
}

// traced puts a span around each classification.
type traced struct {
	inner   *classify.Panel
	tracing *telemetry.Tracing
}

func (t traced) Classify(ctx context.Context, text string) (classify.Result, error) {
	ctx, span := t.tracing.Classify(ctx)
	defer span.End()
	res, err := t.inner.Classify(ctx, text)
	if err != nil {
		span.Fail(classify.Outcome(err, res))
	}
	span.Classified(res.Tokens, res.Windows)
	return res, err
}
