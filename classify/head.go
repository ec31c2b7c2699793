package classify

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Kind says what a head gives labels to.
type Kind string

// The kinds of heads.
const (
	KindSequence Kind = "sequence" // the text as a whole
	KindToken    Kind = "token"    // each token; runs of equal type become spans
)

// Merge says how the windows of a long text become one verdict.
type Merge string

// The rules of merging.
const (
	// MergeMean is the mean of the probabilities, each token having one say. It
	// suits a head which asks what a text is about: one odd window does not
	// outvote the rest.
	MergeMean Merge = "mean"
	// MergeMax lets the window stand for the text in which Positive is the
	// likeliest. It suits a head which asks whether something occurs anywhere.
	MergeMax Merge = "max"
)

// Head is one question that a model answers in its one pass over a window.
type Head struct {
	// Name is what verdicts and spans are told apart by.
	Name string
	Kind Kind
	// Labels in logit order. Those of a token head are "O" and pairs of "B-" and
	// "I-" with a type: the tagging of Ramshaw and Marcus, "Text Chunking using
	// Transformation-Based Learning" (1995), in its form IOB2.
	Labels []string
	// Temperature divides the logits before the softmax: over 1 softens the
	// probabilities, 1 leaves them. It is fitted with the head.
	Temperature float64

	// The rest is for sequence heads alone.

	Merge Merge
	// Positive, if not empty, is the label that the verdict gets when its
	// probability is at least Threshold; below, it is the likeliest other.
	Positive  string
	Threshold float64
	// Discount is for MergeMax, 0 for none: of a text of n windows the odds of
	// Positive are divided by n^Discount, because n windows have n chances to look
	// like what they are not. 1 is Bonferroni's correction, which takes windows for
	// independent; neighbours are not, so a fitted value is smaller.
	Discount float64
}

// outside is the label of a token that belongs to no span.
const outside = "O"

// Check gives everything that is wrong with a head.
func (h Head) Check() error {
	var wrong []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf("head %q: "+format, append([]any{h.Name}, args...)...))
		}
	}
	need(h.Name != "", "it has no name")
	need(h.Kind == KindSequence || h.Kind == KindToken, "kind is %q, needs %q or %q", h.Kind, KindSequence, KindToken)
	need(h.Temperature > 0 && !math.IsInf(h.Temperature, 0), "temperature is %v, needs to be finite and more than 0", h.Temperature)
	need(len(h.Labels) > 0, "it has no labels")
	need(!slices.Contains(h.Labels, ""), "a label is empty")
	sorted := slices.Sorted(slices.Values(h.Labels))
	need(len(slices.Compact(sorted)) == len(h.Labels), "two labels are equal")
	if h.Kind == KindToken {
		need(h.Merge == "" && h.Positive == "" && h.Threshold == 0 && h.Discount == 0, "merge, positive, threshold and discount are for sequence heads")
		need(slices.Contains(h.Labels, outside), "a token head needs the label %q", outside)
		for _, label := range h.Labels {
			kind, _ := typeOf(label)
			need(kind != "" || label == outside || label == "", "label %q is not %q and has no B- or I- before a type", label, outside)
		}
		return errors.Join(wrong...)
	}
	need(h.Merge == MergeMean || h.Merge == MergeMax, "merge is %q, needs %q or %q", h.Merge, MergeMean, MergeMax)
	need(h.Merge != MergeMax || h.Positive != "", "to merge by %q it needs a positive label", MergeMax)
	need(h.Discount >= 0 && h.Discount <= 1, "discount is %v, needs to be from 0 to 1", h.Discount)
	need(h.Merge == MergeMax || h.Discount == 0, "a discount is for merging by %q", MergeMax)
	need(h.Positive != "" || h.Threshold == 0, "a threshold needs a positive label")
	if h.Positive != "" {
		need(slices.Contains(h.Labels, h.Positive), "positive %q is not one of its labels", h.Positive)
		need(h.Threshold > 0 && h.Threshold <= 1, "threshold is %v, needs more than 0 and at most 1", h.Threshold)
	}
	return errors.Join(wrong...)
}

// Types are what the spans of a token head can be, in the order of its labels;
// nil of a sequence head.
func (h Head) Types() []string {
	if h.Kind != KindToken {
		return nil
	}
	var all []string
	for _, label := range h.Labels {
		if kind, _ := typeOf(label); kind != "" && !slices.Contains(all, kind) {
			all = append(all, kind)
		}
	}
	return all
}

// typeOf parts a label of a token head into the type and whether it begins one.
func typeOf(label string) (kind string, begins bool) {
	if kind, ok := strings.CutPrefix(label, "B-"); ok {
		return kind, true
	}
	kind, _ = strings.CutPrefix(label, "I-")
	if len(kind) == len(label) {
		return "", false
	}
	return kind, false
}

// Token is one token of a text.
type Token struct {
	ID uint32
	// From and To are byte offsets in the text given to Tokenize, [From, To).
	// They do not fall from one token to the next.
	From, To int
}

// Output is what a model made of one window: for each head, in the order of
// Heads, one slice of logits. That of a sequence head has a value for each
// label, that of a token head a row of them for each token of the window.
type Output [][]float32

// Verdict is what a sequence head says of a text.
type Verdict struct {
	Head  string
	Label string
	// Confidence is the probability of Label.
	Confidence float64
	// Scores are the probabilities of all labels, in logit order; they sum to 1.
	Scores []Score
}

// Score is the probability of one label.
type Score struct {
	Label string
	P     float64
}

// P is the probability of a label, 0 if the head has none of that name.
func (v Verdict) P(label string) float64 {
	for _, s := range v.Scores {
		if s.Label == label {
			return s.P
		}
	}
	return 0
}
