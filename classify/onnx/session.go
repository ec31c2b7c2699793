package onnx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/vsr-proxy/vsr-proxy/classify/accel"
)

// loader is the runtime as package accel sees it: a loaded library and one model
// to open. The environment is held while it is used.
type loader struct {
	graph   []byte
	heads   []Head
	window  int
	threads int
	frame   frame
	types   bool // the graph wants token_type_ids
	// folder is where the runtime looks for provider libraries.
	folder string
}

var _ accel.Runtime[*session] = (*loader)(nil)

// Offers tries to take the provider into the options of a session. The binding
// has no list of providers; and where a list would only say what was compiled
// in, this loads the provider's library, whose own needs may be missing.
func (l *loader) Offers(p accel.Provider) error {
	o, err := sessionOptions(p, l.threads)
	if err != nil {
		return explain(err, l.folder, p)
	}
	return o.Destroy()
}

// Open loads the model on p and has it answer for a whole window: a window that
// is longer than the graph has positions for shows here, not on a long prompt.
func (l *loader) Open(ctx context.Context, p accel.Provider) (*session, error) {
	o, err := sessionOptions(p, l.threads)
	if err != nil {
		return nil, err
	}
	defer func() { _ = o.Destroy() }()
	inputs := []string{inputIDs, inputMask}
	if l.types {
		inputs = append(inputs, inputTypes)
	}
	outputs := make([]string, len(l.heads))
	for i, h := range l.heads {
		outputs[i] = h.Output
	}
	ortSession, err := ort.NewDynamicAdvancedSessionWithONNXData(l.graph, inputs, outputs, o)
	if err != nil {
		return nil, err
	}
	s := &session{
		ort:   ortSession,
		frame: l.frame,
		types: l.types,
		heads: l.heads,
		pool:  sync.Pool{New: func() any { return newBuffer(len(l.heads)) }},
	}
	if err := s.probe(ctx, l.window); err != nil {
		s.close()
		return nil, fmt.Errorf("first answer of the model: %w", err)
	}
	return s, nil
}

// sessionOptions are those of a session that computes on p.
func sessionOptions(p accel.Provider, threads int) (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	// Requests run beside each other, each on its own thread, so a run spreads
	// over few threads, and a thread without work sleeps instead of spinning.
	err = errors.Join(
		o.SetExecutionMode(ort.ExecutionModeSequential),
		o.SetIntraOpNumThreads(threads),
		o.SetInterOpNumThreads(1),
		o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
		o.AddSessionConfigEntry("session.inter_op.allow_spinning", "0"),
	)
	if err == nil {
		err = appendProvider(o, p)
	}
	if err != nil {
		_ = o.Destroy()
		return nil, err
	}
	return o, nil
}

// appendProvider gives p the first say in where a kernel runs. What p has no
// kernel for runs on the CPU, which every session has.
func appendProvider(o *ort.SessionOptions, p accel.Provider) error {
	switch p {
	case accel.CPU:
		return nil
	case accel.CUDA:
		return appendCUDA(o)
	case accel.TensorRT:
		return appendTensorRT(o)
	case accel.OpenVINO:
		return o.AppendExecutionProviderOpenVINO(nil)
	case accel.CoreML:
		return o.AppendExecutionProviderCoreMLV2(nil)
	case accel.DirectML:
		// DirectML has no memory patterns and refuses a session with them.
		if err := o.SetMemPattern(false); err != nil {
			return err
		}
		return o.AppendExecutionProviderDirectML(0)
	}
	return fmt.Errorf("execution provider %q is not known", p)
}

func appendCUDA(o *ort.SessionOptions) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer func() { _ = cuda.Destroy() }()
	return o.AppendExecutionProviderCUDA(cuda)
}

// appendTensorRT has CUDA take what TensorRT leaves, as ONNX Runtime's
// documentation of the provider asks.
func appendTensorRT(o *ort.SessionOptions) error {
	tensorRT, err := ort.NewTensorRTProviderOptions()
	if err != nil {
		return err
	}
	defer func() { _ = tensorRT.Destroy() }()
	if err := o.AppendExecutionProviderTensorRT(tensorRT); err != nil {
		return err
	}
	return appendCUDA(o)
}

// session is a model loaded on one execution provider. run may be called from
// many goroutines; close only when none of them runs.
type session struct {
	ort   *ort.DynamicAdvancedSession
	frame frame
	types bool
	heads []Head
	pool  sync.Pool // of *buffer
}

// probe runs a window of the given size and checks that the answers are finite.
// Its tokens are not padding, to which some graphs give no position.
func (s *session) probe(ctx context.Context, window int) error {
	ids := make([]uint32, window)
	for i := range ids {
		ids[i] = s.frame.word
	}
	outputs, err := s.run(ctx, [][]uint32{ids})
	if err != nil {
		return err
	}
	for i, logits := range outputs[0] {
		for _, v := range logits {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("a logit of head %s is %v", s.heads[i].Name, v)
			}
		}
	}
	return nil
}

func (s *session) close() { _ = s.ort.Destroy() }
