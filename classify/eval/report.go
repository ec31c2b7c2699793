package eval

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Report is what an evaluation found. All shares are from 0 to 1; one whose
// denominator is 0 is 0.
type Report struct {
	N        int     `json:"n"`        // rows
	Accuracy float64 `json:"accuracy"` // right answers / N
	// MacroF1 is the mean of F1 over the labels that some row has or got.
	MacroF1 float64 `json:"macro_f1"`
	// ECE is the expected calibration error; see calibrationError.
	ECE float64 `json:"ece"`

	Unanswered int            `json:"unanswered"` // rows without a label, wrong by definition
	Outcomes   map[string]int `json:"outcomes"`   // rows by classify.Outcome
	Unread     int            `json:"unread_tokens"`

	P50 float64 `json:"p50_ms"` // of the latency of answered rows, nearest rank
	P90 float64 `json:"p90_ms"`
	P99 float64 `json:"p99_ms"`

	PerLabel  []LabelReport `json:"per_label"` // in the classifier's order
	Confusion Confusion     `json:"confusion"`
	Coverage  []Coverage    `json:"coverage"`
	Mistakes  []Mistake     `json:"worst_mistakes"`
}

// LabelReport is how one label fared, one against the rest.
type LabelReport struct {
	Label     string  `json:"label"`
	Precision float64 `json:"precision"` // right / given
	Recall    float64 `json:"recall"`    // right / support
	F1        float64 `json:"f1"`        // harmonic mean of the two
	Support   int     `json:"support"`   // rows that have it
	Given     int     `json:"given"`     // rows that got it
}

// Confusion counts rows by the label they have (row) and got (column); the last
// column is those that got none.
type Confusion struct {
	Labels []string `json:"labels"`
	Counts [][]int  `json:"counts"`
}

// Coverage is what is left if only answers of at least this confidence count.
type Coverage struct {
	Confidence float64 `json:"confidence"`
	Share      float64 `json:"share"`    // of all rows
	Accuracy   float64 `json:"accuracy"` // among those
}

// Mistake is a wrong answer given with confidence.
type Mistake struct {
	Line       int     `json:"line"`
	Label      string  `json:"label"`
	Got        string  `json:"got"`
	Confidence float64 `json:"confidence"`
}

const (
	bins         = 15 // of the calibration error
	mistakesKept = 20
)

// Measure computes the report of answers. labels are the classifier's; those of
// the rows must be among them, as Read sees to.
func Measure(labels []string, answers []Answer) Report {
	r := Report{N: len(answers), Outcomes: map[string]int{}}
	right := 0
	for _, a := range answers {
		r.Outcomes[a.Outcome]++
		r.Unread += a.Result.UnreadTokens
		if !a.answered() {
			r.Unanswered++
		}
		if a.right() {
			right++
		}
	}
	r.Accuracy = share(right, r.N)
	r.Confusion = confusion(labels, answers)
	r.PerLabel = perLabel(r.Confusion)
	r.MacroF1 = macroF1(r.PerLabel)
	r.ECE = calibrationError(answers)
	r.Coverage = coverage(answers)
	r.Mistakes = worstMistakes(answers)
	took := latencies(answers)
	r.P50, r.P90, r.P99 = percentile(took, 50), percentile(took, 90), percentile(took, 99)
	return r
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func confusion(labels []string, answers []Answer) Confusion {
	c := Confusion{Labels: slices.Clone(labels), Counts: make([][]int, len(labels))}
	for i := range c.Counts {
		c.Counts[i] = make([]int, len(labels)+1)
	}
	for _, a := range answers {
		has := slices.Index(labels, a.Row.Label)
		got := len(labels)
		if a.answered() {
			got = slices.Index(labels, a.verdict().Label)
		}
		c.Counts[has][got]++
	}
	return c
}

func perLabel(c Confusion) []LabelReport {
	reports := make([]LabelReport, len(c.Labels))
	for i, label := range c.Labels {
		r := LabelReport{Label: label}
		for j := range c.Labels {
			r.Given += c.Counts[j][i]
		}
		for _, n := range c.Counts[i] {
			r.Support += n
		}
		right := c.Counts[i][i]
		r.Precision, r.Recall = share(right, r.Given), share(right, r.Support)
		r.F1 = share(2*right, r.Given+r.Support) // 2PR/(P+R), multiplied out
		reports[i] = r
	}
	return reports
}

func macroF1(reports []LabelReport) float64 {
	sum, n := 0.0, 0
	for _, r := range reports {
		if r.Support+r.Given > 0 {
			sum += r.F1
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// calibrationError is the expected calibration error of Guo et al., "On
// Calibration of Modern Neural Networks" (2017), equation 3: answers are put
// into 15 bins of confidence, ((m-1)/15, m/15], and
//
//	ECE = sum over bins of |bin|/n * |accuracy of bin - mean confidence of bin|
//
// Rows without an answer have no confidence and are left out, of n too.
func calibrationError(answers []Answer) float64 {
	var count, right, confidence [bins]float64
	n := 0.0
	for _, a := range answers {
		if !a.answered() {
			continue
		}
		m := min(max(int(math.Ceil(a.verdict().Confidence*bins))-1, 0), bins-1)
		n++
		count[m]++
		confidence[m] += a.verdict().Confidence
		if a.right() {
			right[m]++
		}
	}
	if n == 0 {
		return 0
	}
	sum := 0.0
	for m := range bins {
		sum += math.Abs(right[m] - confidence[m]) // |bin| cancels
	}
	return sum / n
}

func coverage(answers []Answer) []Coverage {
	var table []Coverage
	for _, confidence := range []float64{0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99} {
		sure, right := 0, 0
		for _, a := range answers {
			if !a.answered() || a.verdict().Confidence < confidence {
				continue
			}
			sure++
			if a.right() {
				right++
			}
		}
		table = append(table, Coverage{Confidence: confidence, Share: share(sure, len(answers)), Accuracy: share(right, sure)})
	}
	return table
}

// worstMistakes are the wrong answers of highest confidence, the worst first.
func worstMistakes(answers []Answer) []Mistake {
	worst := []Mistake{}
	for _, a := range answers {
		if a.answered() && !a.right() {
			worst = append(worst, Mistake{Line: a.Row.Line, Label: a.Row.Label, Got: a.verdict().Label, Confidence: a.verdict().Confidence})
		}
	}
	slices.SortStableFunc(worst, func(a, b Mistake) int { return cmp.Compare(b.Confidence, a.Confidence) })
	return worst[:min(len(worst), mistakesKept)]
}

func latencies(answers []Answer) []time.Duration {
	var took []time.Duration
	for _, a := range answers {
		if a.answered() {
			took = append(took, a.Result.Elapsed)
		}
	}
	slices.Sort(took)
	return took
}

// percentile is the smallest of the sorted times that at least p percent do not
// exceed (nearest rank), in milliseconds; 0 if there are none.
func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (p*len(sorted) + 99) / 100
	return float64(sorted[rank-1]) / float64(time.Millisecond)
}
