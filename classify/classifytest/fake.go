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
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// Options shape a Fake; they stay as they are.
type Options struct {
	// Labels of a head "domain", in logit order; "math", "history", "other" if
	// there are neither labels nor heads.
	Labels []string
	// Words point to the labels they speak for, in lower case. Without any,
	// every label's own name is such a word.
	Words map[string]string
	// Heads are all heads, instead of Labels and Words.
	Heads []Head
	// Window is the tokens per window, 510 if 0; Batch the windows per run, 1
	// if 0.
	Window, Batch int
}

// Head is a head and the words that speak for its labels: as in Options, and of
// a token head every label's own name, if there are none.
type Head struct {
	classify.Head
	Words map[string]string
}

// Knobs make a Fake slow or faulty; they may be turned while it runs.
type Knobs struct {
	Delay      time.Duration // of each Run; ends early with the context
	Err        error         // returned by Run
	Hang       bool          // Run ignores its context and waits for Release
	Panic      bool          // in Run
	NaN        bool          // one logit is not a number
	WrongWidth bool          // one logit is missing
	WrongHeads bool          // the last window gets no logits of the last head
	WrongRows  bool          // the last window gets no logits
	Head       string        // whose logits NaN and WrongWidth spoil; the first one's if empty

	TokenizeErr   error // returned by Tokenize
	TokenizePanic bool  // in Tokenize
	WrongOffsets  bool  // the last token ends behind the text
}

// Fake is a classify.Model. A window's logit for a label of a sequence head is 4
// times the number of its tokens that speak for it; a window where none speaks
// for any gets 1 at a label chosen by a hash of its tokens. A token head gives a
// token 4 at the label that it speaks for, else at its first one.
type Fake struct {
	heads         []classify.Head
	speaks        []map[uint32]int // by head, token to label
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
	f := &Fake{window: o.Window, batch: o.Batch, released: make(chan struct{})}
	if len(o.Heads) == 0 {
		if len(o.Labels) == 0 {
			o.Labels = []string{"math", "history", "other"}
		}
		o.Heads = []Head{{Domain(o.Labels...), o.Words}}
	}
	for _, h := range o.Heads {
		speaks := make(map[uint32]int)
		for i, label := range h.Labels {
			if len(h.Words) == 0 {
				speaks[Token(label)] = i
			}
			for word, of := range h.Words {
				if of == label {
					speaks[Token(word)] = i
				}
			}
		}
		f.heads = append(f.heads, h.Head)
		f.speaks = append(f.speaks, speaks)
	}
	if f.window == 0 {
		f.window = 510
	}
	if f.batch == 0 {
		f.batch = 1
	}
	return f
}

// Domain is a head of that name with these labels, merged by mean.
func Domain(labels ...string) classify.Head {
	return classify.Head{
		Name: "domain", Kind: classify.KindSequence, Labels: labels, Temperature: 1, Merge: classify.MergeMean,
	}
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

// Heads are those given in Options.
func (f *Fake) Heads() []classify.Head { return f.heads }

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
func (f *Fake) Tokenize(text string) ([]classify.Token, error) {
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
	var tokens []classify.Token
	at := 0
	for word := range strings.FieldsSeq(text) {
		from := at + strings.Index(text[at:], word)
		at = from + len(word)
		tokens = append(tokens, classify.Token{ID: Token(word), From: from, To: at})
	}
	if knobs.WrongOffsets && len(tokens) > 0 {
		tokens[len(tokens)-1].To = len(text) + 1
	}
	return tokens, nil
}

// Run gives logits, or fails as the knobs say.
func (f *Fake) Run(ctx context.Context, windows [][]uint32) ([]classify.Output, error) {
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

func (f *Fake) answer(windows [][]uint32, knobs Knobs) []classify.Output {
	outputs := make([]classify.Output, len(windows))
	for i, window := range windows {
		for head := range f.heads {
			outputs[i] = append(outputs[i], f.logits(head, window))
		}
	}
	last := len(outputs) - 1
	spoiled := max(slices.IndexFunc(f.heads, func(h classify.Head) bool { return h.Name == knobs.Head }), 0)
	switch {
	case knobs.NaN:
		outputs[last][spoiled][0] = float32(math.NaN())
	case knobs.WrongWidth:
		outputs[last][spoiled] = outputs[last][spoiled][1:]
	case knobs.WrongHeads:
		outputs[last] = outputs[last][:len(f.heads)-1]
	case knobs.WrongRows:
		outputs = outputs[:last]
	}
	return outputs
}

func (f *Fake) logits(head int, window []uint32) []float32 {
	width := len(f.heads[head].Labels)
	if f.heads[head].Kind == classify.KindToken {
		rows := make([]float32, width*len(window))
		for i, token := range window {
			rows[i*width+f.speaks[head][token]] = 4
		}
		return rows
	}
	row := make([]float32, width)
	spoken := false
	hash := uint32(0)
	for _, token := range window {
		hash = hash*31 + token
		if label, ok := f.speaks[head][token]; ok {
			row[label] += 4
			spoken = true
		}
	}
	if !spoken {
		row[hash%uint32(len(row))] = 1
	}
	return row
}
