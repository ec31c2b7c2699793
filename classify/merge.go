package classify

import (
	"fmt"
	"math"
)

// checkLogits refuses logits of the wrong number, or not finite.
func checkLogits(logits []float32, want int) error {
	if len(logits) != want {
		return fmt.Errorf("%w: %d logits, expected %d", ErrBadOutput, len(logits), want)
	}
	for _, x := range logits {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("%w: a logit is %v", ErrBadOutput, x)
		}
	}
	return nil
}

func errBadOffsets(i int, t Token, size int) error {
	return fmt.Errorf("%w: token %d is at [%d, %d) of %d bytes", ErrBadOutput, i, t.From, t.To, size)
}

// appendProbabilities appends the softmax of logits, exp(x/T) / sum exp(x/T), with the
// temperature T of Guo et al., "On Calibration of Modern Neural Networks" (2017),
// section 4.2. The largest logit is taken off first, which changes nothing but
// keeps exp in range.
func appendProbabilities(p []float64, logits []float32, temperature float64) []float64 {
	top := math.Inf(-1)
	for _, x := range logits {
		top = max(top, float64(x))
	}
	sum := 0.0
	from := len(p)
	for _, x := range logits {
		e := math.Exp((float64(x) - top) / temperature)
		p = append(p, e)
		sum += e
	}
	for i := range p[from:] {
		p[from+i] /= sum
	}
	return p
}

// meanOfWindows merges the probabilities of windows into those of the text: the
// mean, each window weighted by its votes, so that every token has one say
// however many windows read it.
func meanOfWindows(windows [][]float64, vote []float64) []float64 {
	p := make([]float64, len(windows[0]))
	total := 0.0
	for i, window := range windows {
		total += vote[i]
		for j, x := range window {
			p[j] += vote[i] * x
		}
	}
	for j := range p {
		p[j] /= total
	}
	return p
}

// maxOfWindows is the window in which a label is the likeliest, the first of
// equals.
func maxOfWindows(windows [][]float64, label int) []float64 {
	top := windows[0]
	for _, window := range windows[1:] {
		if window[label] > top[label] {
			top = window
		}
	}
	return top
}

// discounted divides the odds of a label by n^discount; the others share what that
// leaves as they shared the rest before. It gives a new slice if anything changes.
func discounted(p []float64, label, n int, discount float64) []float64 {
	by := math.Pow(float64(n), discount)
	if by == 1 || p[label] == 1 {
		return p
	}
	rest := 1 - p[label]
	left := p[label] / (p[label] + by*rest)
	out := make([]float64, len(p))
	for i, x := range p {
		out[i] = x / rest * (1 - left)
	}
	out[label] = left
	return out
}

// best is the index of the highest probability, the first of equals.
func best(p []float64) int {
	top := 0
	for i, x := range p {
		if x > p[top] {
			top = i
		}
	}
	return top
}

// choose is the index of the label that a head gives: its positive one from the
// threshold on, else the likeliest other.
func (h Head) choose(p []float64) int {
	if h.Positive == "" {
		return best(p)
	}
	top := -1
	for i, label := range h.Labels {
		switch {
		case label == h.Positive && p[i] >= h.Threshold:
			return i
		case label != h.Positive && (top < 0 || p[i] > p[top]):
			top = i
		}
	}
	return max(top, 0)
}
