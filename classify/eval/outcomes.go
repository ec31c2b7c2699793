package eval

import (
	"cmp"
	"math"
	"slices"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// Outcomes is the report of a head whose score chooses between a weak and a
// strong language model: rows of the highest scores go to the strong one, as
// many as one pays for. The definitions are those of Ong et al., "RouteLLM:
// Learning to Route LLMs with Preference Data" (2024), arXiv 2406.18665:
//
//   - PGR, the performance gap recovered, of a share of calls to the strong
//     model: (accuracy - that of weak alone) / (that of strong alone - that of
//     weak alone).
//   - APGR, the average of PGR over that share from 0 to 1.
//   - CPT(x), the call-performance threshold: the least share of calls to the
//     strong model at which PGR is x.
//
// Accuracy is the mean quality of the answers that one gets: the share of right
// ones where rows say 1 and 0, the mean score where they have a judge's.
//
// With the rows in order of falling score, accuracy is known at each whole
// number of calls; of rows that have the same score some are chosen at random,
// and the expected accuracy counts, so that it grows evenly over them. Between
// whole numbers it is a straight line (the next row goes to the strong model with
// that probability). APGR is the exact area under that curve, by trapezoids of
// one row each; RouteLLM's own program takes trapezoids between some ten
// thresholds. CPT is where the curve first reaches the height.
//
// A row without a score takes the place in the order that is worst for the
// figures: the last if the strong model is better, else the first.
type Outcomes struct {
	Summary `json:",inline"`

	WeakAccuracy   float64 `json:"weak_accuracy"`   // if all calls go to weak
	StrongAccuracy float64 `json:"strong_accuracy"` // if all go to strong
	OracleAccuracy float64 `json:"oracle_accuracy"` // if each goes to the better one, of equal ones to weak
	OracleShare    float64 `json:"oracle_share"`    // calls to strong which that takes

	// APGR, CPT50 and CPT80 are absent if strong is no more accurate than weak:
	// there is no gap to recover. Calls chosen at random have an APGR of 0.5.
	APGR  *float64 `json:"apgr"`
	CPT50 *float64 `json:"cpt50"`
	CPT80 *float64 `json:"cpt80"`

	// ECE is the expected calibration error of the probability of the positive
	// label, taken for that of strong being better: of right and wrong answers, that
	// only strong is right. Rows without an answer are left out.
	ECE         *float64 `json:"ece"`
	Calibration []Bin    `json:"calibration"`

	// AtThreshold is what the head's own threshold gives.
	AtThreshold CostPoint `json:"at_threshold"`

	Curve []CostPoint `json:"curve"` // at 0, 1, 2 ... 100 % of calls

	graded bool        // some quality is neither 0 nor 1
	best   []CostPoint // the curve of the oracle, for the diagram
}

// CostPoint is what a share of calls to the strong model gives.
type CostPoint struct {
	StrongShare float64  `json:"strong_share"`
	Accuracy    float64  `json:"accuracy"`
	PGR         *float64 `json:"pgr"`
	// Threshold is the score from which on rows go to the strong model: that of
	// the last one that does. Absent at 0, and where that row has no score.
	Threshold *float64 `json:"threshold"`
}

// choice is a row by score; gain is what the strong model changes: of right and
// wrong answers 1 if only it is right, -1 if only the weak one is.
type choice struct{ score, gain float64 }

func measureOutcomes(h classify.Head, answers []Answer) *Outcomes {
	o := &Outcomes{Summary: summarize(KindOutcomes, h.Name, answers)}
	choices := make([]choice, len(answers))
	strongCalls, size := 0, 0.0
	for i, a := range answers {
		w, s := a.Row.Weak, a.Row.Strong
		choices[i] = choice{scoreOf(h, a), s - w}
		o.WeakAccuracy += w
		o.StrongAccuracy += s
		o.OracleAccuracy += max(w, s)
		if s > w {
			strongCalls++
		}
		size += math.Abs(w) + math.Abs(s)
		o.graded = o.graded || w != 0 && w != 1 || s != 0 && s != 1
	}
	n := float64(max(o.N, 1))
	o.WeakAccuracy, o.StrongAccuracy, o.OracleAccuracy = o.WeakAccuracy/n, o.StrongAccuracy/n, o.OracleAccuracy/n
	o.OracleShare = share(strongCalls, o.N)
	c := newGains(choices, size)
	if c.gap > 0 {
		apgr, cpt50, cpt80 := c.area(), c.reach(1, 2), c.reach(4, 5)
		o.APGR, o.CPT50, o.CPT80 = &apgr, &cpt50, &cpt80
	}
	calls := 0
	for _, x := range choices {
		if x.score >= h.Threshold {
			calls++
		}
	}
	o.AtThreshold = c.point(share(calls, o.N), o.WeakAccuracy)
	o.AtThreshold.Threshold = &h.Threshold
	for i := range 101 {
		o.Curve = append(o.Curve, c.point(float64(i)/100, o.WeakAccuracy))
	}
	o.best = oracle(choices, o.WeakAccuracy)
	o.Calibration, o.ECE = reliability(forecasts(h, answers))
	return o
}

// forecasts are how likely the head thinks it that strong is better.
func forecasts(h classify.Head, answers []Answer) (all []forecast) {
	for _, a := range answers {
		if v, ok := a.Verdict(h.Name); ok {
			all = append(all, forecast{v.P(h.Positive), a.Row.Strong > a.Row.Weak})
		}
	}
	return all
}

// scoreOf is the probability of the positive label, and without one the end of
// the order where the row does the most harm.
func scoreOf(h classify.Head, a Answer) float64 {
	if v, ok := a.Verdict(h.Name); ok {
		return v.P(h.Positive)
	}
	if a.Row.Strong > a.Row.Weak {
		return math.Inf(-1)
	}
	return math.Inf(1)
}

// oracle is the curve of one who knows what each call to the strong model gains,
// and makes those first that gain most: its corners.
func oracle(choices []choice, weakAccuracy float64) []CostPoint {
	sorted := slices.Clone(choices)
	slices.SortFunc(sorted, func(a, b choice) int { return cmp.Compare(b.gain, a.gain) })
	corners := []CostPoint{{Accuracy: weakAccuracy}}
	sum, n := 0.0, float64(len(sorted))
	for i, c := range sorted {
		sum += c.gain
		if i+1 == len(sorted) || sorted[i+1].gain != c.gain {
			corners = append(corners, CostPoint{StrongShare: float64(i+1) / n, Accuracy: weakAccuracy + sum/n})
		}
	}
	return corners
}

// gains is the expected gain over weak alone, summed over rows, of sending the
// first k rows to the strong model, for each k from 0.
type gains struct {
	after  []float64
	scores []float64 // falling
	// gap is the gain of sending all; 0 if that is a loss, or no more than what is
	// left over where fractions that should cancel are added up.
	gap float64
}

// newGains is given the sum of the sizes of all that gains are differences of.
func newGains(choices []choice, size float64) gains {
	sorted := slices.Clone(choices)
	slices.SortFunc(sorted, func(a, b choice) int { return cmp.Compare(b.score, a.score) })
	g := gains{after: []float64{0}}
	sum := 0.0
	for from := 0; from < len(sorted); {
		to, group := from, 0.0
		for ; to < len(sorted) && sorted[to].score == sorted[from].score; to++ {
			group += sorted[to].gain
			g.scores = append(g.scores, sorted[to].score)
		}
		for k := from + 1; k <= to; k++ {
			g.after = append(g.after, sum+group*float64(k-from)/float64(to-from))
		}
		sum += group
		from = to
	}
	if sum > 1e-9*size {
		g.gap = sum
	}
	return g
}

// area is APGR.
func (g gains) area() float64 {
	sum := 0.0
	for k := 1; k < len(g.after); k++ {
		sum += (g.after[k-1] + g.after[k]) / 2
	}
	return sum / float64(len(g.after)-1) / g.gap
}

// reach is CPT of the height over/under.
func (g gains) reach(over, under float64) float64 {
	n := float64(len(g.after) - 1)
	height := g.gap * over / under
	for k := 1; k < len(g.after); k++ {
		if a, b := g.after[k-1], g.after[k]; b >= height-1e-9*g.gap { // shares of a tie are rounded
			return (float64(k-1) + min((height-a)/(b-a), 1)) / n
		}
	}
	return 1
}

// point is what a share of calls gives.
func (g gains) point(calls, weakAccuracy float64) CostPoint {
	n := len(g.after) - 1
	at := calls * float64(n)
	k := min(int(at), n)
	gain := g.after[k]
	if k < n {
		gain += (at - float64(k)) * (g.after[k+1] - gain)
	}
	p := CostPoint{StrongShare: calls, Accuracy: weakAccuracy + gain/float64(max(n, 1))}
	if g.gap > 0 {
		pgr := gain / g.gap
		p.PGR = &pgr
	}
	if last := int(math.Ceil(at-1e-9)) - 1; last >= 0 && !math.IsInf(g.scores[last], 0) {
		p.Threshold = &g.scores[last]
	}
	return p
}
