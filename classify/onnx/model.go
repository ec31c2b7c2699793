package onnx

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/accel"
)

// acceleratorBatch is how many windows are worth running together where a
// kernel's start costs more than its arithmetic.
const acceleratorBatch = 16

// Model is an open text classifier.
type Model struct {
	heads   []classify.Head
	window  int
	choice  accel.Choice
	version string

	// open is held for reading while C code uses what Close frees.
	open      sync.RWMutex
	closed    bool
	tokenizer *tokenizer
	session   *session
}

var _ classify.Model = (*Model)(nil)

// Open checks the runtime library, loads the model on the accelerator asked for
// and has it answer once. An error means that nothing is left open.
func Open(ctx context.Context, o Options) (*Model, error) {
	m, err := open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open model %q: %w", o.Name, err)
	}
	return m, nil
}

func open(ctx context.Context, o Options) (_ *Model, err error) {
	if o, err = o.withDefaults(); err != nil {
		return nil, err
	}
	declared, err := readGraph(o.Graph)
	if err != nil {
		return nil, err
	}
	types, err := declared.check(o.Heads)
	if err != nil {
		return nil, err
	}
	hash, err := checkLibrary(o.Library, o.LibrarySHA256, o.Accelerator != accel.CPU)
	if err != nil {
		return nil, err
	}
	tokens, err := openTokenizer(o.Tokenizer)
	if err != nil {
		return nil, err
	}
	if err := process.acquire(o.Library, hash); err != nil {
		tokens.close()
		return nil, err
	}
	l := &loader{
		graph: o.Graph, heads: o.Heads, window: o.Window, threads: o.Threads,
		frame: tokens.frame, types: types, folder: filepath.Dir(o.Library),
	}
	wish := accel.Wish{Provider: o.Accelerator, AllowCPU: o.AllowCPU}
	session, choice, err := accel.Choose(ctx, l, wish, runtime.GOOS)
	if err != nil {
		tokens.close()
		return nil, errors.Join(err, process.release())
	}
	m := &Model{window: o.Window, choice: choice, version: ort.GetVersion(), tokenizer: tokens, session: session}
	for _, h := range o.Heads {
		m.heads = append(m.heads, h.Head)
	}
	return m, nil
}

// Heads are those of the options, in their order.
func (m *Model) Heads() []classify.Head { return slices.Clone(m.heads) }

// Window is how many tokens of text one window holds.
func (m *Model) Window() int { return m.window }

// Batch is how many windows are worth running together. On a CPU it is one: a
// batch brings no speed there, and shorter windows pay for the longest.
func (m *Model) Batch() int {
	if m.choice.Provider == accel.CPU {
		return 1
	}
	return acceleratorBatch
}

// Provider names what computes: "cpu", "cuda".
func (m *Model) Provider() string { return string(m.choice.Provider) }

// Fallback says in one line why the CPU computes although an accelerator was
// wished for; empty when it is as wished.
func (m *Model) Fallback() string { return m.choice.Fallback() }

// RuntimeVersion is the version of the ONNX Runtime library, as it tells it.
func (m *Model) RuntimeVersion() string { return m.version }

// Tokenize gives the tokens of the whole text, without special ones. Its time
// grows with the text; it cannot be stopped.
func (m *Model) Tokenize(text string) ([]classify.Token, error) {
	m.open.RLock()
	defer m.open.RUnlock()
	if m.closed {
		return nil, ErrClosed
	}
	return m.tokenizer.encode(text)
}

// Run gives the logits of each window, of a token head a row for each token. When
// ctx ends it returns ctx's error before the graph's next kernel.
func (m *Model) Run(ctx context.Context, windows [][]uint32) ([]classify.Output, error) {
	if len(windows) == 0 {
		return nil, nil
	}
	for _, w := range windows {
		if len(w) > m.window {
			return nil, fmt.Errorf("run model: window of %d tokens, at most %d fit", len(w), m.window)
		}
	}
	m.open.RLock()
	defer m.open.RUnlock()
	if m.closed {
		return nil, ErrClosed
	}
	outputs, err := m.session.run(ctx, windows)
	if err != nil {
		return nil, fmt.Errorf("run model: %w", err)
	}
	return outputs, nil
}

// Close waits for what runs and frees the model, and the runtime after the last
// model. More calls do nothing.
func (m *Model) Close() error {
	m.open.Lock()
	defer m.open.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	m.session.close()
	m.tokenizer.close()
	return process.release()
}
