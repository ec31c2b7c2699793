package classify_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

var errDevice = errors.New("device lost")

// C1: a model that fails, panics, hangs or answers nonsense gives its error, no
// label, and the next request is answered.
func TestFaultyModel(t *testing.T) {
	for _, test := range []struct {
		name    string
		knobs   classifytest.Knobs
		want    error
		outcome string
	}{
		{"fails", classifytest.Knobs{Err: errDevice}, errDevice, classify.OutcomeError},
		{"panics", classifytest.Knobs{Panic: true}, classify.ErrPanic, classify.OutcomePanic},
		{"gives NaN", classifytest.Knobs{NaN: true}, classify.ErrBadOutput, classify.OutcomeBadOutput},
		{"gives the wrong width", classifytest.Knobs{WrongWidth: true}, classify.ErrBadOutput, classify.OutcomeBadOutput},
		{"gives too few rows", classifytest.Knobs{WrongRows: true}, classify.ErrBadOutput, classify.OutcomeBadOutput},
		{"is too slow", classifytest.Knobs{Delay: time.Hour}, classify.ErrDeadline, classify.OutcomeDeadline},
		{"hangs", classifytest.Knobs{Hang: true}, classify.ErrDeadline, classify.OutcomeDeadline},
		{"fails to tokenise", classifytest.Knobs{TokenizeErr: errDevice}, errDevice, classify.OutcomeError},
		{"panics tokenising", classifytest.Knobs{TokenizePanic: true}, classify.ErrPanic, classify.OutcomePanic},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := classifytest.New(classifytest.Options{})
			o := options()
			o.Deadline = 200 * time.Millisecond
			c := newClassifier(t, fake, o)
			fake.Set(test.knobs)
			r, err := c.Classify(t.Context(), "history")
			if !errors.Is(err, test.want) || classify.Outcome(err, r) != test.outcome || label(r) != "" {
				t.Errorf("%+v, %v", r, err)
			}
			if r.Elapsed <= 0 || r.Elapsed > 5*time.Second {
				t.Errorf("took %v", r.Elapsed)
			}
			fake.Set(classifytest.Knobs{})
			fake.Release()
			eventually(t, "no slot in use", func() bool { return idle(c) })
			if r, err := c.Classify(t.Context(), "history"); err != nil || label(r) != "history" {
				t.Errorf("afterwards: %+v, %v", r, err)
			}
		})
	}
}

// indexPanic panics with a runtime error, goexit ends the goroutine.
type indexPanic struct{ *classifytest.Fake }

func (indexPanic) Run(_ context.Context, w [][]uint32) ([]classify.Output, error) {
	return []classify.Output{{make([]float32, 1)[len(w):][:2]}}, nil
}

type goexit struct{ *classifytest.Fake }

func (goexit) Run(context.Context, [][]uint32) ([]classify.Output, error) {
	runtime.Goexit()
	return nil, nil
}

func TestPanicsAreNamedWithoutTheirText(t *testing.T) {
	fake := classifytest.New(classifytest.Options{})
	_, err := newClassifier(t, indexPanic{fake}, options()).Classify(t.Context(), "x")
	if !errors.Is(err, classify.ErrPanic) || !strings.Contains(err.Error(), "out of range") {
		t.Errorf("runtime error: %v", err)
	}
	_, err = newClassifier(t, goexit{fake}, options()).Classify(t.Context(), "x")
	if !errors.Is(err, classify.ErrPanic) {
		t.Errorf("Goexit: %v", err)
	}
	fake.Set(classifytest.Knobs{Panic: true})
	_, err = newClassifier(t, fake, options()).Classify(t.Context(), "x")
	if !errors.Is(err, classify.ErrPanic) || strings.Contains(err.Error(), "told") {
		t.Errorf("any value: %v", err)
	}
}

// C4: over the bound of the queue the answer is an error, at once; those within
// it are answered.
func TestQueueFull(t *testing.T) {
	fake := classifytest.New(classifytest.Options{})
	fake.Set(classifytest.Knobs{Hang: true})
	o := options()
	o.Slots, o.Queue = 1, 2
	c := newClassifier(t, fake, o)
	errs := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := c.Classify(context.Background(), "history")
			errs <- err
		}()
	}
	eventually(t, "one running, two waiting", func() bool {
		s := c.Stats()
		return s.InUse == 1 && s.Waiting == 2 && s.Inside == 3
	})
	r, err := c.Classify(t.Context(), "history")
	if !errors.Is(err, classify.ErrQueueFull) || r.Elapsed > time.Second {
		t.Errorf("%v after %v", err, r.Elapsed)
	}
	fake.Set(classifytest.Knobs{})
	fake.Release()
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := fake.Counts(); got.MaxConcurrent != 1 || got.Runs != 3 || !idle(c) {
		t.Errorf("%+v, %+v", got, c.Stats())
	}
}

func TestSlotsBoundConcurrentRuns(t *testing.T) {
	fake := classifytest.New(classifytest.Options{Window: 8})
	fake.Set(classifytest.Knobs{Delay: time.Millisecond})
	o := options()
	o.Slots, o.Queue = 3, 100
	c := newClassifier(t, fake, o)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if _, err := c.Classify(context.Background(), words(30)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := fake.Counts().MaxConcurrent; got > 3 {
		t.Errorf("%d runs at once with 3 slots", got)
	}
}

// A short prompt waits for a batch of a long one, not for all of it.
func TestShortTextIsNotStuckBehindALongOne(t *testing.T) {
	fake := classifytest.New(classifytest.Options{Window: 8})
	step := make(chan struct{})
	fake.OnRun(func([][]uint32) { <-step })
	o := options()
	o.Slots = 1
	c := newClassifier(t, fake, o)
	long, short := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := c.Classify(context.Background(), words(60)) // ten windows
		long <- err
	}()
	eventually(t, "the long text runs", func() bool { return c.Stats().InUse == 1 })
	go func() {
		_, err := c.Classify(context.Background(), "history")
		short <- err
	}()
	eventually(t, "the short text waits", func() bool { return c.Stats().Waiting == 1 })
	step <- struct{}{}
	step <- struct{}{}
	if err := <-short; err != nil {
		t.Error(err)
	}
	select {
	case <-long:
		t.Error("the long text was done first")
	default:
	}
	close(step)
	if err := <-long; err != nil {
		t.Error(err)
	}
}

// When time is up after some windows, the answer stands for those and says so.
func TestDeadlineGivesAPartialAnswer(t *testing.T) {
	fake := classifytest.New(classifytest.Options{Window: 8})
	runs := 0
	over := make(chan struct{})
	fake.OnRun(func([][]uint32) {
		if runs++; runs == 4 {
			<-over
		}
	})
	o := options()
	o.Slots, o.Deadline = 1, 500*time.Millisecond
	c := newClassifier(t, fake, o)
	r, err := c.Classify(t.Context(), words(100)+"history")
	close(over)
	if err != nil || classify.Outcome(err, r) != classify.OutcomePartial {
		t.Fatalf("%+v, %v", r, err)
	}
	// First, last and middle of 17 windows; the word is in the last.
	if r.Windows != 3 || r.Tokens != 24 || r.UnreadTokens != 101-24 {
		t.Errorf("%+v", r)
	}
	eventually(t, "no slot in use", func() bool { return idle(c) })
}

// L4: a cancelled request returns at once, frees its slot, and one that was
// queued never runs.
func TestCancel(t *testing.T) {
	fake := classifytest.New(classifytest.Options{})
	fake.Set(classifytest.Knobs{Delay: time.Hour})
	o := options()
	o.Slots = 1
	c := newClassifier(t, fake, o)
	start := func() (cancel func(), done chan error) {
		ctx, stop := context.WithCancel(context.Background())
		done = make(chan error, 1)
		go func() {
			_, err := c.Classify(ctx, "history")
			done <- err
		}()
		return stop, done
	}
	stopRunning, running := start()
	eventually(t, "one runs", func() bool { return fake.Counts().Runs == 1 })
	stopQueued, queued := start()
	eventually(t, "one waits", func() bool { return c.Stats().Waiting == 1 })
	stopQueued()
	if err := <-queued; !errors.Is(err, context.Canceled) {
		t.Errorf("queued: %v", err)
	}
	stopRunning()
	if err := <-running; classify.Outcome(err, classify.Result{}) != classify.OutcomeCanceled {
		t.Errorf("running: %v", err)
	}
	eventually(t, "no slot in use", func() bool { return idle(c) })
	if got := fake.Counts().Runs; got != 1 {
		t.Errorf("%d runs, want 1", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Classify(ended, "history"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

// A cancel wins over what was read so far.
func TestCancelAfterSomeWindowsIsNoAnswer(t *testing.T) {
	fake := classifytest.New(classifytest.Options{Window: 8})
	ctx, cancel := context.WithCancel(t.Context())
	runs := 0
	fake.OnRun(func([][]uint32) {
		if runs++; runs == 3 {
			cancel()
		}
	})
	fake.Set(classifytest.Knobs{Delay: time.Millisecond})
	c := newClassifier(t, fake, options())
	if r, err := c.Classify(ctx, words(100)); !errors.Is(err, context.Canceled) || label(r) != "" {
		t.Errorf("%+v, %v", r, err)
	}
	eventually(t, "no slot in use", func() bool { return idle(c) })
}

// L4: cancels at any moment leave nothing behind.
func TestRandomCancels(t *testing.T) {
	fake := classifytest.New(classifytest.Options{Window: 8})
	fake.Set(classifytest.Knobs{Delay: 200 * time.Microsecond})
	o := options()
	o.Queue = 30
	c := newClassifier(t, fake, o)
	text := words(40)
	var wg sync.WaitGroup
	for worker := range 20 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(worker)))
			for range 100 {
				ctx, cancel := context.WithCancel(context.Background())
				timer := time.AfterFunc(time.Duration(random.IntN(2000))*time.Microsecond, cancel)
				_, err := c.Classify(ctx, text)
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				timer.Stop()
				cancel()
			}
		})
	}
	wg.Wait()
	eventually(t, "nothing in use", func() bool { return idle(c) })
}

// C1: a run that ignores its context keeps its slot, and only that.
func TestHungRunKeepsItsSlotAndNothingElse(t *testing.T) {
	fake := classifytest.New(classifytest.Options{})
	o := options()
	o.Deadline = 100 * time.Millisecond
	c, err := classify.New(fake, o)
	if err != nil {
		t.Fatal(err)
	}
	fake.Set(classifytest.Knobs{Hang: true})
	if _, err := c.Classify(t.Context(), "history"); !errors.Is(err, classify.ErrDeadline) {
		t.Fatal(err)
	}
	if s := c.Stats(); s.Hung != 1 || s.InUse != 1 || s.Inside != 1 || s.Slots != 2 {
		t.Errorf("%+v", s)
	}
	fake.Set(classifytest.Knobs{})
	if r, err := c.Classify(t.Context(), "history"); err != nil || label(r) != "history" {
		t.Errorf("the other slot: %+v, %v", r, err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 of them hung") {
		t.Errorf("close while hung: %v", err)
	}
	if fake.Counts().Closed != 0 {
		t.Error("the model was closed under a run")
	}
	if _, err := c.Classify(t.Context(), "history"); !errors.Is(err, classify.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	fake.Release()
	for range 2 {
		if err := c.Close(t.Context()); err != nil {
			t.Errorf("close again: %v", err)
		}
	}
	if got := fake.Counts().Closed; got != 1 || !idle(c) {
		t.Errorf("model closed %d times, %+v", got, c.Stats())
	}
}

type badClose struct{ *classifytest.Fake }

func (badClose) Close() error { return errDevice }

func TestCloseWaitsAndTellsTheModelsError(t *testing.T) {
	fake := classifytest.New(classifytest.Options{})
	fake.Set(classifytest.Knobs{Hang: true})
	c, err := classify.New(badClose{fake}, options())
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := c.Classify(context.Background(), "history")
		answered <- err
	}()
	eventually(t, "one runs", func() bool { return c.Stats().InUse == 1 })
	closed := make(chan error, 1)
	go func() { closed <- c.Close(context.Background()) }()
	eventually(t, "nobody gets in", func() bool {
		_, err := c.Classify(t.Context(), "")
		return errors.Is(err, classify.ErrClosed)
	})
	fake.Release()
	if err := <-answered; err != nil {
		t.Errorf("the one inside: %v", err)
	}
	if err := <-closed; !errors.Is(err, errDevice) {
		t.Errorf("close: %v", err)
	}
}

// A deadline that is over while the text is still read gives no answer.
func TestDeadlineWhileReading(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	c := newClassifier(t, classifytest.New(classifytest.Options{}), options())
	if _, err := c.Classify(ctx, "history"); !errors.Is(err, classify.ErrDeadline) {
		t.Errorf("over before: %v", err)
	}
	o := options()
	o.Deadline = time.Nanosecond
	c = newClassifier(t, classifytest.New(classifytest.Options{}), o)
	if _, err := c.Classify(t.Context(), "history"); !errors.Is(err, classify.ErrDeadline) {
		t.Errorf("over within: %v", err)
	}
}
