package classify

import "context"

// Model turns windows of token ids into logits. It is the only thing this
// package knows about machine learning; classify/onnx holds the real one and
// classify/classifytest a deterministic one for tests.
//
// Tokenize and Run are called from several goroutines at once.
type Model interface {
	// Heads are the questions that one run answers. They do not change.
	Heads() []Head

	// Window is how many tokens one window holds; the special tokens which
	// Run adds are not counted.
	Window() int

	// Batch is how many windows are worth running together (1 on a CPU).
	Batch() int

	// Tokenize gives the tokens of the whole text: no special ones, nothing
	// truncated.
	Tokenize(text string) ([]Token, error)

	// Run adds the special tokens, pads to the longest window and gives an
	// output for each window, without rows of special tokens. It returns soon
	// after ctx ends.
	Run(ctx context.Context, windows [][]uint32) ([]Output, error)

	// Provider names what does the arithmetic: "cpu", "cuda".
	Provider() string

	// Close frees the model. Run is never called after it.
	Close() error
}
