// Package classifytest holds a classify.Model that is cheap, deterministic and
// fails on request, for tests of everything above the model.
//
// It promises that equal texts get equal logits, whatever else runs and however
// windows are batched. It knows nothing about language: a word is a token, and
// a token may stand for a label.
package classifytest

import (
	"context"
	"hash/fnv"
	"math"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Options shape a Fake; they stay as they are.
type Options struct {
	// Labels in logit order; "math", "history", "other" if there are none.
	Labels []string
	// Words point to the labels they speak for, in lower case. Without any,
	// every label's own name is such a word.
	Words map[string]string
	// Window is the tokens per window, 510 if 0; Batch the windows per run, 1
	// if 0.
	Window, Batch int
}

// Knobs make a Fake slow or faulty; they may be turned while it runs.
type Knobs struct {
	Delay      time.Duration // of each Run; ends early with the context
	Err        error         // returned by Run
	Hang       bool          // Run ignores its context and waits for Release
	Panic      bool          // in Run
	NaN        bool          // one logit is not a number
	WrongWidth bool          // one logit is missing
	WrongRows  bool          // the last window gets no logits

	TokenizeErr   error // returned by Tokenize
	TokenizePanic bool  // in Tokenize
}

// Fake is a classify.Model. A window's logit for a label is 4 times the number
// of its tokens that speak for it; a window where none speaks for any gets 1 at
// a label chosen by a hash of its tokens.
type Fake struct {
	labels        []string
	speaks        map[uint32]int // token to label
	window, batch int

	mu       sync.Mutex
	knobs    Knobs
	released chan struct{}
	counts   Counts
	running  int
	onRun    func(windows [][]uint32)
}

// Counts is what a Fake was asked to do so far.
type Counts struct {
	Tokenized     int // calls of Tokenize
	LongestText   int // bytes of the longest text tokenised
	Runs, Windows int
	MaxConcurrent int // runs at the same time
	Closed        int // calls of Close
}

// New makes a Fake without faults.
func New(o Options) *Fake {
	f := &Fake{
		labels:   o.Labels,
		speaks:   make(map[uint32]int),
		window:   o.Window,
		batch:    o.Batch,
		released: make(chan struct{}),
	}
	if len(f.labels) == 0 {
		f.labels = []string{"math", "history", "other"}
	}
	if f.window == 0 {
		f.window = 510
	}
	if f.batch == 0 {
		f.batch = 1
	}
	for i, label := range f.labels {
		if len(o.Words) == 0 {
			f.speaks[Token(label)] = i
		}
		for word, of := range o.Words {
			if of == label {
				f.speaks[Token(word)] = i
			}
		}
	}
	return f
}

// Set turns the knobs.
func (f *Fake) Set(k Knobs) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.knobs = k
}

// OnRun has every Run call look with its windows before anything else; look must
// be safe for concurrent use.
func (f *Fake) OnRun(look func(windows [][]uint32)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onRun = look
}

// Release lets all hanging runs go on.
func (f *Fake) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.released)
	f.released = make(chan struct{})
}

// Counts says what was asked so far.
func (f *Fake) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts
}

// Labels are the names given in Options.
func (f *Fake) Labels() []string { return f.labels }

// Window is the tokens per window.
func (f *Fake) Window() int { return f.window }

// Batch is the windows per run.
func (f *Fake) Batch() int { return f.batch }

// Provider is "fake".
func (f *Fake) Provider() string { return "fake" }

// Close counts.
func (f *Fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts.Closed++
	return nil
}

// Token is the id of a word: a hash of it in lower case, without the
// punctuation around it.
func Token(word string) uint32 {
	word = strings.TrimFunc(strings.ToLower(word), unicode.IsPunct)
	h := fnv.New32a()
	h.Write([]byte(word))
	return h.Sum32()
}

// Tokenize makes each word a token.
func (f *Fake) Tokenize(text string) ([]uint32, error) {
	f.mu.Lock()
	f.counts.Tokenized++
	f.counts.LongestText = max(f.counts.LongestText, len(text))
	knobs := f.knobs
	f.mu.Unlock()
	if knobs.TokenizePanic {
		panic("classifytest: told to panic")
	}
	if knobs.TokenizeErr != nil {
		return nil, knobs.TokenizeErr
	}
	var ids []uint32
	for word := range strings.FieldsSeq(text) {
		ids = append(ids, Token(word))
	}
	return ids, nil
}

// Run gives logits, or fails as the knobs say.
func (f *Fake) Run(ctx context.Context, windows [][]uint32) ([][]float32, error) {
	knobs, released, look := f.begin(len(windows))
	defer f.end()
	if look != nil {
		look(windows)
	}
	if knobs.Hang {
		<-released
	}
	if knobs.Delay > 0 {
		timer := time.NewTimer(knobs.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if knobs.Panic {
		panic("classifytest: told to panic")
	}
	if knobs.Err != nil {
		return nil, knobs.Err
	}
	return f.answer(windows, knobs), nil
}

func (f *Fake) begin(windows int) (Knobs, <-chan struct{}, func([][]uint32)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running++
	f.counts.Runs++
	f.counts.Windows += windows
	f.counts.MaxConcurrent = max(f.counts.MaxConcurrent, f.running)
	return f.knobs, f.released, f.onRun
}

func (f *Fake) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running--
}

func (f *Fake) answer(windows [][]uint32, knobs Knobs) [][]float32 {
	rows := make([][]float32, len(windows))
	for i, window := range windows {
		rows[i] = f.logits(window)
	}
	last := len(rows) - 1
	switch {
	case knobs.NaN:
		rows[last][0] = float32(math.NaN())
	case knobs.WrongWidth:
		rows[last] = rows[last][1:]
	case knobs.WrongRows:
		rows = rows[:last]
	}
	return rows
}

func (f *Fake) logits(window []uint32) []float32 {
	row := make([]float32, len(f.labels))
	spoken := false
	hash := uint32(0)
	for _, token := range window {
		hash = hash*31 + token
		if label, ok := f.speaks[token]; ok {
			row[label] += 4
			spoken = true
		}
	}
	if !spoken {
		row[hash%uint32(len(row))] = 1
	}
	return row
}
