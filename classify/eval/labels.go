package eval

import (
	"cmp"
	"slices"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// Labels is the report of a sequence head on labelled texts.
type Labels struct {
	Summary  `json:",inline"`
	Accuracy float64 `json:"accuracy"` // right answers / n
	// MacroF1 is the mean of F1 over the labels that some row has or got.
	MacroF1 float64 `json:"macro_f1"`
	// ECE is the expected calibration error of the probability of the label
	// given, whichever it is, for heads with a positive label too; absent if none
	// was.
	ECE *float64 `json:"ece"`

	// Binary is there for heads with a positive label.
	*Binary `json:",inline"`

	PerLabel    ByName[LabelReport]  `json:"per_label"`            // in the head's order
	PerSource   ByName[SourceReport] `json:"per_source,omitempty"` // by falling number of rows
	Confusion   Confusion            `json:"confusion"`
	Calibration []Bin                `json:"calibration"`
	Coverage    []Coverage           `json:"coverage"`
	Mistakes    []Mistake            `json:"worst_mistakes"`
}

// LabelReport is how one label fared, one against the rest.
type LabelReport struct {
	Label     string   `json:"-"`         // the name
	Precision *float64 `json:"precision"` // right / given
	Recall    *float64 `json:"recall"`    // right / support
	F1        *float64 `json:"f1"`        // harmonic mean of the two; 0 where one is absent, absent where both are
	Support   int      `json:"support"`   // rows that have it
	Given     int      `json:"given"`     // rows that got it
}

// Confusion counts rows by the label they have (row) and got (column); the last
// column is those that got none.
type Confusion struct {
	Labels []string `json:"labels"`
	Counts [][]int  `json:"counts"`
}

// Coverage is what is left if only answers of at least this confidence count.
type Coverage struct {
	Confidence float64  `json:"confidence"`
	Share      float64  `json:"share"`    // of all rows
	Accuracy   *float64 `json:"accuracy"` // among those
}

// Mistake is a wrong answer given with confidence.
type Mistake struct {
	Line       int     `json:"line"`
	Label      string  `json:"label"`
	Got        string  `json:"got"`
	Confidence float64 `json:"confidence"`
}

const mistakesKept = 50

// judged is one row as a head saw it; got is "" if it gave no label.
type judged struct {
	line       int
	source     string
	has, got   string
	empty      bool    // see nothingToFind; got without a probability
	confidence float64 // the probability of got
	positive   float64 // that of the head's positive label
}

// answered says whether there are probabilities.
func (j judged) answered() bool { return j.got != "" && !j.empty }
func (j judged) right() bool    { return j.got == j.has }

// nothingToFind says of an answer that the text has nothing to read, and that the
// head has a positive label, which such a text cannot have for it: the proxy's guards
// let it pass, at any threshold.
func nothingToFind(h classify.Head, a Answer) bool {
	return h.Positive != "" && a.Outcome == classify.OutcomeNoText
}

// negative is the label that is left when it is not the positive one; "" if there
// are several.
func negative(h classify.Head) string {
	if len(h.Labels) != 2 {
		return ""
	}
	return h.Labels[1-slices.Index(h.Labels, h.Positive)]
}

// judgements takes out of the answers what a head said.
func judgements(h classify.Head, answers []Answer) []judged {
	source := sourceOf(answers)
	all := make([]judged, len(answers))
	for i, a := range answers {
		j := judged{line: a.Row.Line, source: source(a.Row), has: a.Row.Label}
		if v, ok := a.Verdict(h.Name); ok {
			j.got, j.confidence, j.positive = v.Label, v.Confidence, v.P(h.Positive)
		} else if nothingToFind(h, a) {
			j.got, j.empty = negative(h), true
		}
		all[i] = j
	}
	return all
}

// measureLabels computes the report of the answers by head h, which has all
// labels of the rows, as NewTask sees to.
func measureLabels(h classify.Head, answers []Answer) *Labels {
	rows := judgements(h, answers)
	r := &Labels{Summary: summarize(KindLabels, h.Name, answers)}
	r.Unanswered = unlabelled(rows)
	r.Accuracy = accuracy(rows)
	r.Confusion = confusion(h.Labels, rows)
	r.PerLabel = perLabel(r.Confusion)
	r.MacroF1 = macroF1(r.PerLabel)
	r.Calibration, r.ECE = calibration(rows)
	r.Coverage = coverage(rows)
	r.Mistakes = worstMistakes(rows)
	if h.Positive != "" {
		r.Binary = measureBinary(h.Positive, h.Threshold, rows)
	}
	r.PerSource = perSource(h.Positive, rows)
	return r
}

func unlabelled(rows []judged) int {
	n := 0
	for _, j := range rows {
		if j.got == "" {
			n++
		}
	}
	return n
}

func accuracy(rows []judged) float64 {
	right := 0
	for _, j := range rows {
		if j.right() {
			right++
		}
	}
	return share(right, len(rows))
}

func confusion(labels []string, rows []judged) Confusion {
	c := Confusion{Labels: slices.Clone(labels), Counts: make([][]int, len(labels))}
	for i := range c.Counts {
		c.Counts[i] = make([]int, len(labels)+1)
	}
	for _, j := range rows {
		got := slices.Index(labels, j.got)
		if got < 0 {
			got = len(labels)
		}
		c.Counts[slices.Index(labels, j.has)][got]++
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
		r.Precision, r.Recall = defined(right, r.Given), defined(right, r.Support)
		r.F1 = defined(2*right, r.Given+r.Support) // 2PR/(P+R), multiplied out
		reports[i] = r
	}
	return reports
}

func macroF1(reports []LabelReport) float64 {
	sum, n := 0.0, 0
	for _, r := range reports {
		if r.F1 != nil {
			sum += *r.F1
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

func coverage(rows []judged) []Coverage {
	var table []Coverage
	for _, confidence := range []float64{0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99} {
		sure, right := 0, 0
		for _, j := range rows {
			if !j.answered() || j.confidence < confidence {
				continue
			}
			sure++
			if j.right() {
				right++
			}
		}
		table = append(table, Coverage{Confidence: confidence, Share: share(sure, len(rows)), Accuracy: defined(right, sure)})
	}
	return table
}

// worstMistakes are the wrong answers of highest confidence, the worst first.
func worstMistakes(rows []judged) []Mistake {
	worst := []Mistake{}
	for _, j := range rows {
		if j.answered() && !j.right() {
			worst = append(worst, Mistake{Line: j.line, Label: j.has, Got: j.got, Confidence: j.confidence})
		}
	}
	slices.SortStableFunc(worst, func(a, b Mistake) int { return cmp.Compare(b.Confidence, a.Confidence) })
	return worst[:min(len(worst), mistakesKept)]
}
