package classify

import "context"

// Model turns windows of token ids into logits. It is the only thing this
// package knows about machine learning; classify/onnx holds the real one and
// classify/classifytest a deterministic one for tests.
//
// Tokenize and Run are called from several goroutines at once.
type Model interface {
	// Labels are the names of the head's outputs, in logit order.
	Labels() []string

	// Window is how many tokens one window holds; the special tokens which
	// Run adds are not counted.
	Window() int

	// Batch is how many windows are worth running together (1 on a CPU).
	Batch() int

	// Tokenize gives the ids of the whole text: no special tokens, nothing
	// truncated.
	Tokenize(text string) ([]uint32, error)

	// Run adds the special tokens, pads to the longest window and gives the
	// logits as [window][label]. It returns soon after ctx ends.
	Run(ctx context.Context, windows [][]uint32) ([][]float32, error)

	// Provider names what does the arithmetic: "cpu", "cuda".
	Provider() string

	// Close frees the model. Run is never called after it.
	Close() error
}
