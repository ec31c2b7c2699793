package onnx

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify/accel"
)

// The tiny model gives the mean weight over all tokens, 6 for a word's own label,
// so the special tokens around a window show as a larger divisor.
func TestRunAddsTheSpecialTokensAndGivesTheLogits(t *testing.T) {
	m := mustOpen(t, tiny(t))
	for text, want := range map[string][]float32{
		"alpha":            {2, 0, 0},
		"Alpha beta":       {1.5, 1.5, 0},
		"gamma gamma":      {0, 0, 3},
		"alpha what gamma": {1.2, 0, 1.2},
		"":                 {0, 0, 0},
	} {
		logits, err := m.Run(context.Background(), [][]uint32{mustTokenize(t, m, text)})
		if err != nil || len(logits) != 1 || !slices.Equal(logits[0][0], want) {
			t.Errorf("%q: %v, %v; want %v", text, logits, err, want)
		}
	}
}

// C6: a window's answer does not depend on the longer ones beside it.
func TestRunPadsABatchWithoutChangingItsAnswers(t *testing.T) {
	m := mustOpen(t, tiny(t))
	texts := []string{"alpha", "beta beta gamma alpha alpha beta", "gamma what"}
	windows := make([][]uint32, len(texts))
	for i, text := range texts {
		windows[i] = mustTokenize(t, m, text)
	}
	together, err := m.Run(context.Background(), windows)
	if err != nil || len(together) != len(texts) {
		t.Fatal(together, err)
	}
	for i := range windows {
		alone, err := m.Run(context.Background(), windows[i:i+1])
		if err != nil || !reflect.DeepEqual(together[i], alone[0]) {
			t.Errorf("%q: %v in a batch, %v alone, %v", texts[i], together[i], alone, err)
		}
	}
}

func TestRunRefusesAWindowThatIsTooLong(t *testing.T) {
	m := mustOpen(t, tiny(t))
	if _, err := m.Run(context.Background(), [][]uint32{make([]uint32, m.Window()+1)}); err == nil {
		t.Error("no error")
	}
	if logits, err := m.Run(context.Background(), nil); err != nil || len(logits) != 0 {
		t.Errorf("no windows: %v, %v", logits, err)
	}
}

// A failed run is that request's failure: the session goes on.
func TestRunFailsOnAnUnknownIDAndGoesOn(t *testing.T) {
	m := mustOpen(t, tiny(t))
	if _, err := m.Run(context.Background(), [][]uint32{{1 << 20}}); err == nil {
		t.Error("no error")
	}
	if _, err := m.Run(context.Background(), [][]uint32{{4}}); err != nil {
		t.Error(err)
	}
}

// C2: "slow" makes the graph loop a million times, which takes seconds.
func TestRunStopsWhenItsContextEndsAndTheSessionGoesOn(t *testing.T) {
	m := mustOpen(t, tiny(t))
	slow, quick := mustTokenize(t, m, "slow"), mustTokenize(t, m, "alpha")
	var worst time.Duration
	for i := range 250 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%5)*time.Millisecond)
		deadline, _ := ctx.Deadline()
		_, err := m.Run(ctx, [][]uint32{slow})
		worst = max(worst, time.Since(deadline))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("cancelled run %d: %v", i, err)
		}
		if logits, err := m.Run(context.Background(), [][]uint32{quick}); err != nil || logits[0][0][0] != 2 {
			t.Fatalf("run after cancelled run %d: %v, %v", i, logits, err)
		}
	}
	t.Logf("250 runs cancelled, the slowest %v after its deadline", worst)
	if worst > time.Second {
		t.Errorf("a run returned %v after its deadline", worst)
	}
}

func TestRunDoesNotStartWhenItsContextHasEnded(t *testing.T) {
	m := mustOpen(t, tiny(t))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Run(ctx, [][]uint32{{4}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The runs share a session and a pool of memory, some are cancelled, and each
// must get its own answer.
func TestManyGoroutinesShareOneModel(t *testing.T) {
	m := mustOpen(t, tiny(t))
	var wg sync.WaitGroup
	for label, word := range []string{"alpha", "beta", "gamma"} {
		for n := 1; n <= 4; n++ {
			wg.Go(func() {
				text := strings.TrimSpace(strings.Repeat(word+" ", n))
				want := float32(6*n) / float32(n+2)
				for range 100 {
					tokens, err := m.Tokenize(text)
					if err != nil || len(tokens) != n {
						t.Errorf("tokenize %q: %v, %v", text, tokens, err)
						return
					}
					logits, err := m.Run(context.Background(), [][]uint32{idsOf(tokens)})
					if err != nil || logits[0][0][label] != want {
						t.Errorf("%q: %v, %v; want %v for label %d", text, logits, err, want, label)
						return
					}
				}
			})
		}
	}
	slow := mustTokenize(t, m, "slow")
	wg.Go(func() {
		for range 20 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			if _, err := m.Run(ctx, [][]uint32{slow}); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			cancel()
		}
	})
	wg.Wait()
}

func TestCloseWaitsForRunsAndThenRefuses(t *testing.T) {
	m := mustOpen(t, tiny(t))
	slow := mustTokenize(t, m, "slow")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	started, done := make(chan struct{}), make(chan error, 1)
	go func() {
		close(started)
		_, err := m.Run(ctx, [][]uint32{slow})
		done <- err
	}()
	<-started
	time.Sleep(10 * time.Millisecond)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	// Close has returned, so the run is over.
	if err := <-done; !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := m.Run(context.Background(), [][]uint32{{4}}); !errors.Is(err, ErrClosed) {
		t.Errorf("run after close: %v", err)
	}
	if _, err := m.Tokenize("alpha"); !errors.Is(err, ErrClosed) {
		t.Errorf("tokenize after close: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

// The library of the tests has no accelerator.
func TestOpenTakesTheAcceleratorAskedForOrSaysWhyNot(t *testing.T) {
	o := tiny(t)
	o.Accelerator = accel.CUDA
	if _, err := Open(context.Background(), o); err == nil || !strings.Contains(err.Error(), "cuda was asked for") {
		t.Errorf("cuda: %v", err)
	}
	o.AllowCPU = true
	m := mustOpen(t, o)
	if m.Provider() != "cpu" || !strings.Contains(m.Fallback(), "cuda is not offered") || m.Batch() != 1 {
		t.Errorf("cuda with allow_cpu: runs on %q, fallback %q", m.Provider(), m.Fallback())
	}
	o.Accelerator, o.AllowCPU = "", false
	m = mustOpen(t, o)
	if m.Provider() != "cpu" || m.Fallback() == "" {
		t.Errorf("auto: runs on %q, fallback %q", m.Provider(), m.Fallback())
	}
	t.Log(m.Fallback())
	o.Accelerator = accel.CPU
	m = mustOpen(t, o)
	if m.Provider() != "cpu" || m.Fallback() != "" || !strings.HasPrefix(m.RuntimeVersion(), "1.") {
		t.Errorf("cpu: runs on %q, fallback %q, version %q", m.Provider(), m.Fallback(), m.RuntimeVersion())
	}
}

// C8: what is wrong shows at the start, in one line that says what.
func TestOpenRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Options)
		says   string
	}{
		"no graph":        {func(o *Options) { o.Graph = nil }, "not an ONNX file"},
		"half a graph":    {func(o *Options) { o.Graph = o.Graph[:len(o.Graph)/2] }, "not an ONNX file"},
		"a broken node":   {func(o *Options) { o.Graph = bytes.Replace(o.Graph, []byte("Gather"), []byte("Gathex"), 1) }, "Gathex"},
		"a label more":    {func(o *Options) { o.Heads[0] = tinyHead("alpha", "beta", "gamma", "delta") }, "gives 3 logits, and there are 4 labels"},
		"no heads":        {func(o *Options) { o.Heads = nil }, "no heads"},
		"no window":       {func(o *Options) { o.Window = 0 }, "window"},
		"no tokenizer":    {func(o *Options) { o.Tokenizer = nil }, "tokenizer.json"},
		"other tokenizer": {func(o *Options) { o.Tokenizer = []byte(`{"model":{}}`) }, "tokenizer"},
		"no library":      {func(o *Options) { o.Library = "" }, "no path"},
		"bad accelerator": {func(o *Options) { o.Accelerator = "gpu" }, `"gpu"`},
		"threads":         {func(o *Options) { o.Threads = -1 }, "threads"},
	} {
		t.Run(name, func(t *testing.T) {
			o := tiny(t)
			tc.change(&o)
			_, err := Open(context.Background(), o)
			if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), `"tiny"`) {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		})
	}
	if process.users != 0 {
		t.Errorf("%d users of the runtime are left", process.users)
	}
}
