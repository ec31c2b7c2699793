package eval

import (
	"fmt"
	"math"

	"github.com/vsr-proxy/vsr-proxy/classify/eval/chart"
)

// Chart is a diagram as a standalone SVG, and the name of the file it is for.
type Chart struct {
	Name string
	SVG  []byte
}

// Charts are the confusion matrix and the reliability diagram, and for heads
// with a positive label the ROC curve.
func (r *Labels) Charts() []Chart {
	charts := []Chart{{"confusion.svg", r.confusionChart()}, {"reliability.svg", r.reliabilityChart()}}
	if r.Binary != nil && r.AUC != nil {
		charts = append(charts, Chart{"roc.svg", r.rocChart()})
	}
	return charts
}

func (s Summary) title(what string) string {
	return fmt.Sprintf("%s: head %s, n = %d", what, s.Head, s.N)
}

func (r *Labels) confusionChart() []byte {
	m := chart.Matrix{
		Title:   r.title("Confusion"),
		About:   fmt.Sprintf("Rows of data by label; the stronger the colour, the larger the share of the line. Accuracy %.1f %%", 100*r.Accuracy),
		RowAxis: "label in the data", ColAxis: "label given (number of rows)",
		Rows: r.Confusion.Labels, Cols: r.Confusion.Labels, Counts: r.Confusion.Counts,
	}
	if r.Unanswered > 0 {
		m.Cols = append(append([]string{}, m.Cols...), noSource)
		return m.SVG()
	}
	m.Counts = nil
	for _, counts := range r.Confusion.Counts {
		m.Counts = append(m.Counts, counts[:len(counts)-1])
	}
	return m.SVG()
}

// The axis of a share.
func shareAxis(label string) chart.Axis { return chart.Axis{Label: label, Max: 1, Percent: true} }

// evenly is the diagonal.
func evenly(name string) chart.Series {
	return chart.Series{Name: name, Role: chart.Base, Points: []chart.Point{{X: 0, Y: 0}, {X: 1, Y: 1}}}
}

func (r *Labels) reliabilityChart() []byte {
	return reliabilityChart(r.Calibration, chart.Plot{
		Title: r.title("Calibration"),
		About: fmt.Sprintf("How often answers of a confidence are right, in %d bins. Expected calibration error %s", len(r.Calibration), percent(r.ECE)),
		X:     shareAxis("confidence: probability of the label given (%)"), Y: shareAxis("accuracy: share of those rows that is right (%)"),
	})
}

// reliabilityChart draws what came of forecasts into p.
func reliabilityChart(of []Bin, p chart.Plot) []byte {
	p.Series, p.Strip.Label = []chart.Series{evenly("as sure as right")}, "number of rows"
	for _, b := range of {
		p.Strip.Bars = append(p.Strip.Bars, chart.Bar{From: b.From, To: b.To, Value: float64(b.N)})
		if b.Accuracy != nil {
			p.Bars = append(p.Bars, chart.Bar{From: b.From, To: b.To, Value: *b.Accuracy})
		}
	}
	return p.SVG()
}

func (r *Labels) rocChart() []byte {
	curve := chart.Series{Name: "thresholds", Role: chart.Main, Points: []chart.Point{{}}}
	for _, o := range r.curve { // with an AUC there are rows of both kinds, and so both rates
		curve.Points = append(curve.Points, chart.Point{X: *o.FPR, Y: *o.Recall})
	}
	curve.Points = append(curve.Points, chart.Point{X: 1, Y: 1}) // rows without an answer
	return chart.Plot{
		Title: r.title("ROC"),
		About: fmt.Sprintf("%d rows are %s. Area under the curve %.3f", r.Positives, r.Positive, *r.AUC),
		X:     shareAxis("false positive rate: found, of the rows that are not (%)"), Y: shareAxis("recall: found, of the rows that are (%)"),
		Series: []chart.Series{curve, evenly("by chance")},
		Marks: []chart.Mark{{
			Point: chart.Point{X: *r.FPR, Y: *r.Recall}, Label: fmt.Sprintf("threshold %.2f", r.Threshold),
		}},
	}.SVG()
}

// Charts is precision and recall of each type.
func (r *Spans) Charts() []Chart {
	p := chart.Grouped{
		Title:  r.title("Spans"),
		About:  fmt.Sprintf("Same type, start and end. All types together: F1 %s", percent(r.MicroF1)),
		Axis:   "share (%)",
		Names:  []string{"precision", "recall"},
		Groups: []chart.Group{},
	}
	for _, t := range r.PerType {
		p.Groups = append(p.Groups, chart.Group{
			Label: t.Type, Note: fmt.Sprintf("n = %d", t.Support), Values: []float64{orNaN(t.Precision), orNaN(t.Recall)},
		})
	}
	return []Chart{{"spans.svg", p.SVG()}}
}

// percent is a share in the words of a diagram.
func percent(share *float64) string {
	if share == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100**share)
}

// orNaN is a share to be drawn; one that is absent is not.
func orNaN(share *float64) float64 {
	if share == nil {
		return math.NaN()
	}
	return *share
}

// Charts are the curve of cost and quality and the reliability diagram.
func (r *Outcomes) Charts() []Chart {
	return []Chart{{"cost_quality.svg", r.costChart()}, {"reliability.svg", r.reliabilityChart()}}
}

func (r *Outcomes) reliabilityChart() []byte {
	return reliabilityChart(r.Calibration, chart.Plot{
		Title: r.title("Calibration"),
		About: fmt.Sprintf("How often the strong model answers better, in %d bins. Expected calibration error %s", len(r.Calibration), percent(r.ECE)),
		X:     shareAxis("probability given (%)"), Y: shareAxis("share of those rows where strong answers better (%)"),
	})
}

func (r *Outcomes) costChart() []byte {
	low, high := min(r.WeakAccuracy, r.StrongAccuracy), r.OracleAccuracy
	routed := chart.Series{Name: "head " + r.Head, Role: chart.Main}
	for _, c := range r.Curve {
		routed.Points = append(routed.Points, chart.Point{X: c.StrongShare, Y: c.Accuracy})
		low = min(low, c.Accuracy)
	}
	about := "Strong is no better than weak: there is no gap to recover"
	var marks []chart.Mark
	if r.APGR != nil {
		about = fmt.Sprintf("Average performance gap recovered %.3f; by chance it is 0.5", *r.APGR)
		gap := r.StrongAccuracy - r.WeakAccuracy
		marks = []chart.Mark{
			{Point: chart.Point{X: *r.CPT50, Y: r.WeakAccuracy + 0.5*gap}, Label: fmt.Sprintf("CPT(50%%) %.1f %%", 100**r.CPT50)},
			{Point: chart.Point{X: *r.CPT80, Y: r.WeakAccuracy + 0.8*gap}, Label: fmt.Sprintf("CPT(80%%) %.1f %%", 100**r.CPT80)},
		}
	}
	best := chart.Series{Name: "oracle", Role: chart.Best}
	for _, c := range r.best {
		best.Points = append(best.Points, chart.Point{X: c.StrongShare, Y: c.Accuracy})
	}
	return chart.Plot{
		Title: r.title("Cost and quality"),
		About: about,
		X:     shareAxis("calls to the strong model (% of all)"),
		Y:     r.qualityAxis(low, high),
		Series: []chart.Series{
			routed,
			{Name: "random mix", Role: chart.Base, Points: []chart.Point{{X: 0, Y: r.WeakAccuracy}, {X: 1, Y: r.StrongAccuracy}}},
			best,
		},
		Marks: marks,
	}.SVG()
}

// qualityAxis has room around what is drawn, from low to high: a share of rows, or
// a score on a scale that nobody has named.
func (r *Outcomes) qualityAxis(low, high float64) chart.Axis {
	margin := 0.05 * (high - low)
	if !r.graded {
		margin = max(margin, 0.005)
		return chart.Axis{Label: "accuracy (% of rows)", Min: max(low-margin, 0), Max: min(high+margin, 1), Percent: true}
	}
	margin = max(margin, 0.005*max(math.Abs(low), math.Abs(high)))
	return chart.Axis{Label: "quality (mean over rows)", Min: low - margin, Max: high + margin}
}
