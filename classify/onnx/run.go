package onnx

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// buffer is the memory of one run: the inputs, [row][width], and the output of
// each head.
//
// The runtime keeps plain addresses into it from the making of the tensors until
// the run's end, longer than the one call for which Go keeps an argument still.
// So the memory is pinned for that long. Between runs it is ordinary memory in a
// pool, which the collector may take.
type buffer struct {
	ids, mask []int64
	// types has a zero for each token and is never written: a text is one
	// segment.
	types  []int64
	logits [][]float32 // by head
	pinner runtime.Pinner
}

func newBuffer(heads int) *buffer { return &buffer{logits: make([][]float32, heads)} }

// fill lays out the windows between their special tokens, padded to the longest,
// makes room for the outputs, and gives the shape.
func (b *buffer) fill(windows [][]uint32, f frame, heads []Head) (rows, width int) {
	width = 1 // a tensor has no empty side
	for _, w := range windows {
		width = max(width, len(w)+f.size())
	}
	rows = len(windows)
	if n := rows * width; n > len(b.ids) {
		b.ids, b.mask, b.types = make([]int64, n), make([]int64, n), make([]int64, n)
	}
	for i, h := range heads {
		if n := int(h.shape(rows, width).FlattenedSize()); n > len(b.logits[i]) {
			b.logits[i] = make([]float32, n)
		}
	}
	for i, w := range windows {
		ids, mask := b.ids[i*width:(i+1)*width], b.mask[i*width:(i+1)*width]
		at := 0
		for _, part := range [...][]uint32{f.before, w, f.after} {
			for _, id := range part {
				ids[at], mask[at] = int64(id), 1
				at++
			}
		}
		for ; at < width; at++ {
			ids[at], mask[at] = int64(f.pad), 0
		}
	}
	return rows, width
}

// shape is that of the head's output.
func (h Head) shape(rows, width int) ort.Shape {
	if h.Kind == classify.KindToken {
		return ort.NewShape(int64(rows), int64(width), int64(len(h.Labels)))
	}
	return ort.NewShape(int64(rows), int64(len(h.Labels)))
}

// pin keeps the memory where it is until unpin.
func (b *buffer) pin() {
	b.pinner.Pin(&b.ids[0])
	b.pinner.Pin(&b.mask[0])
	b.pinner.Pin(&b.types[0])
	for _, logits := range b.logits {
		b.pinner.Pin(&logits[0])
	}
}

func (b *buffer) unpin() { b.pinner.Unpin() }

// tensors are views of a pinned buffer in one shape, for one run.
type tensors struct{ inputs, outputs []ort.Value }

func (b *buffer) tensors(rows, width int, heads []Head, types bool) (tensors, error) {
	inputs := [][]int64{b.ids, b.mask}
	if types {
		inputs = append(inputs, b.types)
	}
	t := tensors{inputs: make([]ort.Value, 0, len(inputs)), outputs: make([]ort.Value, 0, len(heads))}
	shape := ort.NewShape(int64(rows), int64(width))
	for _, data := range inputs {
		in, err := ort.NewTensor(shape, data)
		if err != nil {
			t.free()
			return tensors{}, fmt.Errorf("make input tensor: %w", err)
		}
		t.inputs = append(t.inputs, in)
	}
	// With outputs of this shape the runtime refuses a graph that gives others.
	for i, h := range heads {
		out, err := ort.NewTensor(h.shape(rows, width), b.logits[i])
		if err != nil {
			t.free()
			return tensors{}, fmt.Errorf("make output tensor of head %s: %w", h.Name, err)
		}
		t.outputs = append(t.outputs, out)
	}
	return t, nil
}

func (t tensors) free() {
	for _, v := range t.inputs {
		_ = v.Destroy()
	}
	for _, v := range t.outputs {
		_ = v.Destroy()
	}
}

// run gives the logits of each window, which no later run changes.
func (s *session) run(ctx context.Context, windows [][]uint32) ([]classify.Output, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := s.pool.Get().(*buffer)
	defer s.pool.Put(b)
	rows, width := b.fill(windows, s.frame, s.heads)
	b.pin()
	defer b.unpin()
	t, err := b.tensors(rows, width, s.heads, s.types)
	if err != nil {
		return nil, err
	}
	defer t.free()
	if err := s.runUntil(ctx, t); err != nil {
		return nil, err
	}
	outputs := make([]classify.Output, rows)
	for i, w := range windows {
		outputs[i] = b.output(i, width, len(w), s.frame, s.heads)
	}
	return outputs, nil
}

// output copies what the heads say of one row, without the rows of special tokens
// and padding.
func (b *buffer) output(row, width, tokens int, f frame, heads []Head) classify.Output {
	out := make(classify.Output, len(heads))
	for i, h := range heads {
		labels := len(h.Labels)
		from, n := row*labels, labels
		if h.Kind == classify.KindToken {
			from, n = (row*width+len(f.before))*labels, tokens*labels
		}
		out[i] = slices.Clone(b.logits[i][from : from+n])
	}
	return out
}

// runUntil runs the graph, or stops it before its next kernel when ctx ends.
func (s *session) runUntil(ctx context.Context, t tensors) error {
	options, err := ort.NewRunOptions()
	if err != nil {
		return fmt.Errorf("make run options: %w", err)
	}
	defer func() { _ = options.Destroy() }()
	var terminateErr error
	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		terminateErr = options.Terminate()
	})
	err = s.ort.RunWithOptions(t.inputs, t.outputs, options)
	if !stop() {
		<-terminated // the options must not be freed under its hands
	}
	if ctx.Err() != nil && err != nil {
		// The runtime only says that it was told to stop; the caller knows why.
		return errors.Join(ctx.Err(), terminateErr)
	}
	return err
}
