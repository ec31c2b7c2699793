package classify

import (
	"fmt"
	"math"
)

// softmax turns the logits of one window into probabilities,
// exp(x/T) / sum exp(x/T), with the temperature T of Guo et al., "On Calibration
// of Modern Neural Networks" (2017), section 4.2. The largest logit is taken off
// first, which changes nothing but keeps exp in range. Logits of the wrong
// number, or not finite, are ErrBadOutput.
func softmax(logits []float32, labels int, temperature float64) ([]float64, error) {
	if len(logits) != labels {
		return nil, fmt.Errorf("%w: %d logits for %d labels", ErrBadOutput, len(logits), labels)
	}
	top := math.Inf(-1)
	for _, x := range logits {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, fmt.Errorf("%w: a logit is %v", ErrBadOutput, x)
		}
		top = max(top, float64(x))
	}
	p := make([]float64, labels)
	sum := 0.0
	for i, x := range logits {
		p[i] = math.Exp((float64(x) - top) / temperature)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p, nil
}

// meanOfWindows merges the probabilities of windows into those of the text: the
// mean, each window weighted by its votes, so that every token has one say
// however many windows read it. That suits a head which asks what a text is
// about: one odd window does not outvote the rest, and the scores still sum to
// one. A head that asks whether something occurs anywhere needs the maximum
// instead; it takes the same arguments.
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
