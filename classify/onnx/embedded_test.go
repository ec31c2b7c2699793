package onnx

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify/models"
)

// embedded are the options for the model that the binary carries, on the CPU.
func embedded(t testing.TB) (Options, models.Bundle) {
	t.Helper()
	b, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	o := tiny(t)
	o.Name, o.Graph, o.Tokenizer, o.Window = b.Name, b.ONNX, b.Tokenizer, b.Window
	o.Heads = nil
	for _, h := range b.Heads {
		o.Heads = append(o.Heads, Head{h.Question(), h.Output})
	}
	return o, b
}

func TestEmbeddedModelKnowsItsSubjects(t *testing.T) {
	o, _ := embedded(t)
	m := mustOpen(t, o)
	at := slices.IndexFunc(o.Heads, func(h Head) bool { return h.Name == "domain" })
	if at < 0 {
		t.Fatal("no head is named domain")
	}
	for text, want := range map[string]string{
		"Solve the quadratic equation x^2 - 5x + 6 = 0.":      "math",
		"Write a Python function that reverses a linked list": "computer science",
		"Is a verbal contract enforceable under common law?":  "law",
	} {
		outputs, err := m.Run(context.Background(), [][]uint32{mustTokenize(t, m, text)})
		if err != nil {
			t.Fatal(err)
		}
		logits := outputs[0][at]
		best := slices.Index(logits, slices.Max(logits))
		if got := m.Heads()[at].Labels[best]; got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// C2 with real kernels: the time to stop is that of the longest one.
func TestEmbeddedModelStopsWhenItsContextEnds(t *testing.T) {
	o, b := embedded(t)
	m := mustOpen(t, o)
	window := make([]uint32, b.Window)
	batch := slices.Repeat([][]uint32{window}, 16)
	before, err := m.Run(context.Background(), [][]uint32{window})
	if err != nil {
		t.Fatal(err)
	}
	var worst time.Duration
	for i := range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+i)*time.Millisecond)
		deadline, _ := ctx.Deadline()
		_, err := m.Run(ctx, batch)
		worst = max(worst, time.Since(deadline))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("run %d: %v", i, err)
		}
	}
	after, err := m.Run(context.Background(), [][]uint32{window})
	if err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("before %v, after %v, %v", before, after, err)
	}
	t.Logf("20 runs of 16 windows cancelled, the slowest %v after its deadline", worst)
	if worst > 2*time.Second {
		t.Errorf("a run returned %v after its deadline", worst)
	}
}
