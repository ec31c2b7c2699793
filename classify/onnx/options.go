package onnx

import (
	"errors"
	"fmt"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/accel"
)

// ErrClosed is what a Model answers after Close.
var ErrClosed = errors.New("model is closed")

// Options say which model to run, and on what.
type Options struct {
	// Name of the model, for errors.
	Name string
	// Graph is the content of an ONNX file, Tokenizer that of a Hugging Face
	// tokenizer.json whose padding and truncation are null. Whoever loaded them
	// has checked their hashes. They are not used after Open.
	Graph, Tokenizer []byte
	// Heads in the order in which Run answers for them.
	Heads []Head
	// Window is how many tokens of text one window holds.
	Window int

	// Library is the path of ONNX Runtime's shared library, version 1.24 or
	// newer; see [LibraryFile].
	Library string
	// LibrarySHA256 is the hash, in hex, that the library must have. When empty
	// it must be a build that this package knows. The provider libraries beside
	// a known build are checked too; those beside another are the operator's to
	// guard.
	LibrarySHA256 string

	// Accelerator is what to compute on; empty means accel.Auto.
	Accelerator accel.Provider
	// AllowCPU lets an accelerator asked for by name fall back to the CPU.
	AllowCPU bool
	// Threads that one Run computes with; zero means 1. More of them make one
	// answer faster and the machine's throughput lower.
	Threads int
}

// Head is a head and the output of the graph that has its logits.
type Head struct {
	classify.Head
	Output string
}

// withDefaults fills in what may be empty and refuses what cannot work.
func (o Options) withDefaults() (Options, error) {
	p, err := accel.Parse(string(o.Accelerator))
	if err != nil {
		return o, err
	}
	o.Accelerator = p
	if o.Threads == 0 {
		o.Threads = 1
	}
	switch {
	case o.Library == "":
		return o, errors.New("no path of an ONNX Runtime library was given")
	case len(o.Heads) == 0:
		return o, errors.New("no heads were given")
	case o.Window < 1:
		return o, fmt.Errorf("window is %d tokens, needs at least 1", o.Window)
	case o.Threads < 0:
		return o, fmt.Errorf("threads is %d, needs at least 1", o.Threads)
	}
	return o, nil
}
