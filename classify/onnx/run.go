package onnx

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	ort "github.com/yalue/onnxruntime_go"
)

// buffer is the memory of one run: the inputs, [row][width], and the output.
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
	logits []float32
	pinner runtime.Pinner
}

// fill lays out the windows between their special tokens, padded to the longest,
// and gives the shape. values is the length of a row of logits.
func (b *buffer) fill(windows [][]uint32, f frame, values int) (rows, width int) {
	width = 1 // a tensor has no empty side
	for _, w := range windows {
		width = max(width, len(w)+f.size())
	}
	rows = len(windows)
	if n := rows * width; n > len(b.ids) {
		b.ids, b.mask, b.types = make([]int64, n), make([]int64, n), make([]int64, n)
	}
	if n := rows * values; n > len(b.logits) {
		b.logits = make([]float32, n)
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

// pin keeps the memory where it is until unpin.
func (b *buffer) pin() {
	b.pinner.Pin(&b.ids[0])
	b.pinner.Pin(&b.mask[0])
	b.pinner.Pin(&b.types[0])
	b.pinner.Pin(&b.logits[0])
}

func (b *buffer) unpin() { b.pinner.Unpin() }

// tensors are views of a pinned buffer in one shape, for one run.
type tensors struct{ inputs, outputs []ort.Value }

func (b *buffer) tensors(rows, width, values int, types bool) (tensors, error) {
	inputs := [][]int64{b.ids, b.mask}
	if types {
		inputs = append(inputs, b.types)
	}
	t := tensors{inputs: make([]ort.Value, 0, len(inputs)), outputs: make([]ort.Value, 0, 1)}
	shape := ort.NewShape(int64(rows), int64(width))
	for _, data := range inputs {
		in, err := ort.NewTensor(shape, data)
		if err != nil {
			t.free()
			return tensors{}, fmt.Errorf("make input tensor: %w", err)
		}
		t.inputs = append(t.inputs, in)
	}
	// With an output of this shape the runtime refuses a graph that gives another.
	out, err := ort.NewTensor(ort.NewShape(int64(rows), int64(values)), b.logits)
	if err != nil {
		t.free()
		return tensors{}, fmt.Errorf("make output tensor: %w", err)
	}
	t.outputs = append(t.outputs, out)
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
func (s *session) run(ctx context.Context, windows [][]uint32) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := s.pool.Get().(*buffer)
	defer s.pool.Put(b)
	rows, width := b.fill(windows, s.frame, s.labels)
	b.pin()
	defer b.unpin()
	t, err := b.tensors(rows, width, s.labels, s.types)
	if err != nil {
		return nil, err
	}
	defer t.free()
	if err := s.runUntil(ctx, t); err != nil {
		return nil, err
	}
	values := append([]float32(nil), b.logits[:rows*s.labels]...)
	logits := make([][]float32, rows)
	for i := range logits {
		logits[i] = values[i*s.labels : (i+1)*s.labels : (i+1)*s.labels]
	}
	return logits, nil
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
