package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/vsr-proxy/vsr-proxy/admin"
	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/accel"
	"github.com/vsr-proxy/vsr-proxy/classify/models"
	"github.com/vsr-proxy/vsr-proxy/classify/onnx"
	"github.com/vsr-proxy/vsr-proxy/config"
	"github.com/vsr-proxy/vsr-proxy/telemetry"
)

// engine is a loaded classifier. Generations that use it count themselves; the
// last one closes it.
type engine struct {
	settings   config.Classify
	manifest   models.Manifest
	model      *onnx.Model
	classifier *classify.Classifier
	users      atomic.Int64
}

// openEngine loads and checks model and runtime; the model has answered once
// when it returns.
func openEngine(ctx context.Context, c config.Classify) (*engine, error) {
	bundle, err := loadBundle(c.ModelDir)
	if err != nil {
		return nil, err
	}
	library, err := runtimeLibrary(c.Runtime.Path)
	if err != nil {
		return nil, err
	}
	model, err := onnx.Open(ctx, onnx.Options{
		Name: bundle.Name, Graph: bundle.ONNX, Tokenizer: bundle.Tokenizer, Labels: bundle.Labels, Window: bundle.Window,
		Library: library, LibrarySHA256: c.Runtime.SHA256,
		Accelerator: accel.Provider(c.Accelerator), AllowCPU: c.AllowCPU, Threads: c.Threads,
	})
	if err != nil {
		return nil, err
	}
	slots := c.Slots
	if slots == 0 {
		slots = runtime.GOMAXPROCS(0)
	}
	classifier, err := classify.New(model, classify.Options{
		Slots: slots, Queue: c.Queue, Deadline: c.Deadline, MaxWindows: c.MaxWindows,
		Overlap: bundle.Overlap, Temperature: bundle.Temperature,
	})
	if err != nil {
		_ = model.Close()
		return nil, err
	}
	return &engine{settings: c, manifest: bundle.Manifest, model: model, classifier: classifier}, nil
}

func loadBundle(folder string) (models.Bundle, error) {
	if folder == "" {
		return models.Default()
	}
	return models.Load(folder)
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
	return admin.Status{
		Model: &admin.Model{Name: e.manifest.Name, Version: e.manifest.Version, Labels: e.manifest.Labels},
		Accelerator: &admin.Accelerator{
			Provider: e.model.Provider(), Requested: e.settings.Accelerator, Fallback: e.model.Fallback(),
			RuntimeVersion: e.model.RuntimeVersion(),
		},
	}
}

// traced puts a span around each classification.
type traced struct {
	inner   *classify.Classifier
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
