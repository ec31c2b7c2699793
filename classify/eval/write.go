package eval

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// WriteJSON writes a report as one indented JSON object.
func WriteJSON(w io.Writer, r Report) error {
	if err := json.MarshalWrite(w, r, json.Deterministic(true), jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// page is a text report in the making.
type page struct{ bytes.Buffer }

// facts are lines of a name and a value.
func (p *page) facts(lines ...[2]string) {
	p.table(func(row func(...any)) {
		for _, line := range lines {
			if line[1] != "" {
				row(line[0], line[1])
			}
		}
	})
}

// table aligns rows of cells.
func (p *page) table(write func(row func(cells ...any))) {
	t := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	write(func(cells ...any) {
		for i, cell := range cells {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			switch x := cell.(type) {
			case float64:
				fmt.Fprintf(t, "%.3f", x)
			case *float64:
				fmt.Fprint(t, optional("%.3f", x))
			default:
				fmt.Fprint(t, x)
			}
		}
		fmt.Fprintln(t)
	})
	t.Flush() // a buffer takes all
}

func (p *page) heading(text string) { fmt.Fprintf(p, "\n%s\n", text) }

func (p *page) writeTo(w io.Writer) error {
	_, err := w.Write(p.Bytes())
	return err
}

// summary begins every report.
func (p *page) summary(s Summary, figures ...[2]string) {
	lines := [][2]string{{"head", s.Head}, {"rows", strconv.Itoa(s.N)}}
	lines = append(lines, figures...)
	lines = append(lines, [2]string{"latency", s.latency()})
	outcomes := ""
	for _, outcome := range slices.Sorted(maps.Keys(s.Outcomes)) {
		outcomes += fmt.Sprintf("%s %d  ", outcome, s.Outcomes[outcome])
	}
	if s.Unread > 0 {
		outcomes += fmt.Sprintf("(%d tokens unread)", s.Unread)
	}
	p.facts(append(lines, [2]string{"outcomes", string(bytes.TrimSpace([]byte(outcomes)))})...)
}

func (s Summary) latency() string {
	if s.P50 == nil {
		return "-"
	}
	return fmt.Sprintf("p50 %.2f ms, p90 %.2f ms, p99 %.2f ms", *s.P50, *s.P90, *s.P99)
}

// WriteText writes the figures, and tables by label, source and confidence.
func (r *Labels) WriteText(w io.Writer) error {
	p := &page{}
	figures := [][2]string{{"accuracy", figure(r.Accuracy)}, {"macro F1", figure(r.MacroF1)}, {"ECE", maybe(r.ECE)}}
	if b := r.Binary; b != nil {
		figures = append(figures,
			[2]string{"AUC", maybe(b.AUC)},
			[2]string{"positive", fmt.Sprintf("%s, from a probability of %.2f on: precision %s, recall %s, false positive rate %s",
				b.Positive, b.Threshold, maybe(b.Precision), maybe(b.Recall), maybe(b.FPR))},
			[2]string{"at 1 % FPR", b.at1Percent()})
	}
	p.summary(r.Summary, figures...)
	p.heading("by label")
	p.table(func(row func(...any)) {
		row("label", "precision", "recall", "F1", "support", "given")
		for _, l := range r.PerLabel {
			row(shown(l.Label), l.Precision, l.Recall, l.F1, l.Support, l.Given)
		}
	})
	r.writeSources(p)
	r.writeThresholds(p)
	r.writeConfusion(p)
	p.heading("by confidence")
	p.table(func(row func(...any)) {
		row("confidence at least", "share of rows", "accuracy among them")
		for _, c := range r.Coverage {
			row(fmt.Sprintf("%.2f", c.Confidence), c.Share, c.Accuracy)
		}
	})
	r.writeMistakes(p)
	return p.writeTo(w)
}

func (b *Binary) at1Percent() string {
	switch o := b.At1Percent; {
	case b.Recall == nil || b.FPR == nil:
		return "-" // there is nothing to choose
	case o.Threshold == nil:
		return "no threshold keeps to it"
	default:
		return fmt.Sprintf("recall %.4f, from a probability of %.4f on", *o.Recall, *o.Threshold)
	}
}

func (r *Labels) writeSources(p *page) {
	if len(r.PerSource) == 0 {
		return
	}
	p.heading("by source")
	p.table(func(row func(...any)) {
		if r.Binary == nil {
			row("source", "rows", "accuracy")
			for _, s := range r.PerSource {
				row(shown(s.Source), s.N, s.Accuracy)
			}
			return
		}
		row("source", "rows", "accuracy", "positive", "recall", "FPR")
		for _, s := range r.PerSource {
			row(shown(s.Source), s.N, s.Accuracy, s.Positives, s.Recall, s.FPR)
		}
	})
}

func (r *Labels) writeThresholds(p *page) {
	if r.Binary == nil {
		return
	}
	p.heading("by threshold of " + shown(r.Positive))
	p.table(func(row func(...any)) {
		row("probability at least", "recall", "false positive rate")
		for _, o := range r.Thresholds {
			row(fmt.Sprintf("%.2f", *o.Threshold), o.Recall, o.FPR)
		}
	})
}

func (r *Labels) writeConfusion(p *page) {
	p.heading("confusion (rows: label in the data; columns: label given, in the same order; then none)")
	p.table(func(row func(...any)) {
		for i, counts := range r.Confusion.Counts {
			cells := []any{shown(r.Confusion.Labels[i])}
			for _, n := range counts {
				cells = append(cells, n)
			}
			row(cells...)
		}
	})
}

func (r *Labels) writeMistakes(p *page) {
	if len(r.Mistakes) == 0 {
		return
	}
	p.heading("most confident mistakes")
	p.table(func(row func(...any)) {
		row("line", "label", "given", "confidence")
		for _, m := range r.Mistakes {
			row(m.Line, shown(m.Label), shown(m.Got), m.Confidence)
		}
	})
}

// WriteText writes the figures, and tables by type and source.
func (r *Spans) WriteText(w io.Writer) error {
	p := &page{}
	p.summary(r.Summary,
		[2]string{"entities", fmt.Sprintf("%d in the data, %d found", r.Entities, r.Found)},
		[2]string{"micro F1", fmt.Sprintf("%s (precision %s, recall %s; same type, start and end)", maybe(r.MicroF1), maybe(r.MicroPrecision), maybe(r.MicroRecall))},
		[2]string{"macro F1", maybe(r.MacroF1)},
		[2]string{"lenient", fmt.Sprintf("micro F1 %s, macro F1 %s (same type, overlapping)", maybe(r.LenientMicroF1), maybe(r.LenientMacroF1))},
		[2]string{"clean rows", fmt.Sprintf("%d without entities, %s of them got a span", r.CleanRows, maybe(r.FlaggedCleanRows))},
	)
	p.heading("by type")
	p.table(func(row func(...any)) {
		row("type", "precision", "recall", "F1", "support", "given", "lenient precision", "recall", "F1")
		for _, t := range r.PerType {
			row(shown(t.Type), t.Precision, t.Recall, t.F1, t.Support, t.Given, t.Lenient.Precision, t.Lenient.Recall, t.Lenient.F1)
		}
	})
	if len(r.PerSource) > 0 {
		p.heading("by source")
		p.table(func(row func(...any)) {
			row("source", "rows", "precision", "recall", "F1", "entities")
			for _, s := range r.PerSource {
				row(shown(s.Source), s.N, s.Precision, s.Recall, s.F1, s.Entities)
			}
		})
	}
	return p.writeTo(w)
}

// WriteText writes the figures and every tenth point of the curve.
func (r *Outcomes) WriteText(w io.Writer) error {
	p, mean := &page{}, r.meanName()
	p.summary(r.Summary,
		[2]string{"APGR", maybe(r.APGR) + " (random mix 0.5)"},
		[2]string{"CPT(50%)", maybe(r.CPT50) + " of the calls (random mix 0.5)"},
		[2]string{"CPT(80%)", maybe(r.CPT80) + " of the calls (random mix 0.8)"},
		[2]string{"ECE", maybe(r.ECE) + " (of the probability that strong is better)"},
		[2]string{"weak alone", mean + " " + figure(r.WeakAccuracy)},
		[2]string{"strong alone", mean + " " + figure(r.StrongAccuracy)},
		[2]string{"random mix", fmt.Sprintf("%s %.4f with half of the calls", mean, (r.WeakAccuracy+r.StrongAccuracy)/2)},
		[2]string{"oracle", fmt.Sprintf("%s %.4f with %.4f of the calls", mean, r.OracleAccuracy, r.OracleShare)},
		[2]string{"threshold", fmt.Sprintf("%.2f: %s %.4f with %.4f of the calls", *r.AtThreshold.Threshold, mean, r.AtThreshold.Accuracy, r.AtThreshold.StrongShare)},
	)
	p.heading("by share of calls to the strong model")
	p.table(func(row func(...any)) {
		row("share", mean, "PGR", "score at least")
		for i := 0; i < len(r.Curve); i += 10 {
			c := r.Curve[i]
			row(fmt.Sprintf("%.2f", c.StrongShare), c.Accuracy, c.PGR, maybe(c.Threshold))
		}
	})
	return p.writeTo(w)
}

// meanName is what people call the mean of right and wrong, or of a judge's scores.
func (r *Outcomes) meanName() string {
	if r.graded {
		return "quality"
	}
	return "accuracy"
}

func figure(x float64) string { return fmt.Sprintf("%.4f", x) }

// maybe is a figure that can be absent.
func maybe(x *float64) string { return optional("%.4f", x) }

func optional(format string, x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf(format, *x)
}

// shown is a name from a file as a terminal may get it.
func shown(name string) string {
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return strconv.Quote(name)
		}
	}
	return name
}
