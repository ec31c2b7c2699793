//go:build unix

package onnx

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// cpuTime is what this process has computed so far, on all its threads. Unlike
// the clock on the wall, it is not disturbed much by what else the machine does.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// bench is one prompt of 32 tokens, special tokens counted, and two ways to get
// its logits on one session of the embedded model.
type bench struct {
	classifier *classify.Classifier
	model      *Model
	text       string
	tensors    tensors
}

func newBench(b *testing.B) *bench {
	b.Helper()
	o, bundle := embedded(b)
	m, err := Open(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	c, err := classify.New(m, classify.Options{
		Slots: runtime.NumCPU(), Queue: 64, Deadline: time.Minute, MaxWindows: 64,
		Overlap: bundle.Overlap,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close(context.Background()) })
	x := &bench{classifier: c, model: m}

	x.text = "Explain how the Treaty of Westphalia changed the balance of power between the states of Europe"
	for n := len(mustTokenize(b, m, x.text)); n < 30; n++ {
		x.text += " too"
	}
	ids := mustTokenize(b, m, x.text)
	if len(ids) != 30 {
		b.Fatalf("%d tokens, want 30 and two special ones: %q", len(ids), x.text)
	}
	x.prepare(b, ids)
	return x
}

// prepare makes the tensors of the bare call, once.
func (x *bench) prepare(b *testing.B, ids []uint32) {
	b.Helper()
	s := x.model.session
	memory := newBuffer(len(s.heads))
	rows, width := memory.fill([][]uint32{ids}, s.frame, s.heads)
	memory.pin()
	t, err := memory.tensors(rows, width, s.heads, s.types)
	if err != nil {
		b.Fatal(err)
	}
	x.tensors = t
	b.Cleanup(func() {
		t.free()
		memory.unpin()
	})
}

func (x *bench) classify(b *testing.B) {
	if _, err := x.classifier.Classify(context.Background(), x.text); err != nil {
		b.Fatal(err)
	}
}

func (x *bench) bare(b *testing.B) {
	if err := x.model.session.ort.Run(x.tensors.inputs, x.tensors.outputs); err != nil {
		b.Fatal(err)
	}
}

// timed runs f b.N times and reports the CPU time of one.
func (x *bench) timed(b *testing.B, f func(*testing.B)) {
	b.ReportAllocs()
	f(b)
	before := cpuTime(b)
	for b.Loop() {
		f(b)
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// All that a classification does: normalise, tokenise, queue, run, score.
func BenchmarkClassify32Tokens(b *testing.B) {
	x := newBench(b)
	x.timed(b, x.classify)
}

// The run alone, on tensors made before.
func BenchmarkBareRuntime32Tokens(b *testing.B) {
	x := newBench(b)
	x.timed(b, x.bare)
}

// The two by turns, so that both see the same machine; ratio is the median over
// rounds of ten, of CPU time.
func BenchmarkClassifyOverBareRuntime(b *testing.B) {
	x := newBench(b)
	x.classify(b)
	const round = 10
	var ratios []float64
	for b.Loop() {
		start := cpuTime(b)
		for range round {
			x.bare(b)
		}
		middle := cpuTime(b)
		for range round {
			x.classify(b)
		}
		ratios = append(ratios, float64(cpuTime(b)-middle)/float64(middle-start))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
}

// Run as the classifier calls it, without tokenising.
func BenchmarkModelRun32Tokens(b *testing.B) {
	x := newBench(b)
	ids := mustTokenize(b, x.model, x.text)
	x.timed(b, func(b *testing.B) {
		if _, err := x.model.Run(context.Background(), [][]uint32{ids}); err != nil {
			b.Fatal(err)
		}
	})
}

// Tokenising grows with the whole text.
func BenchmarkTokenize(b *testing.B) {
	x := newBench(b)
	for name, repeat := range map[string]int{"32": 1, "512": 16, "8192": 256} {
		text := strings.Repeat(x.text+" ", repeat)
		b.Run(name, func(b *testing.B) {
			x.timed(b, func(b *testing.B) { mustTokenize(b, x.model, text) })
		})
	}
}

// What a start pays: hashing the library, loading it and the model, one answer.
func BenchmarkOpen(b *testing.B) {
	o, _ := embedded(b)
	for b.Loop() {
		m, err := Open(context.Background(), o)
		if err != nil {
			b.Fatal(err)
		}
		_ = m.Close()
	}
}
