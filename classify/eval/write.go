package eval

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// WriteJSON writes the report as indented JSON.
func (r Report) WriteJSON(w io.Writer) error {
	if err := json.MarshalWrite(w, r, json.Deterministic(true), jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// WriteText writes the report as tables for people.
func (r Report) WriteText(w io.Writer) error {
	var page bytes.Buffer
	fmt.Fprintf(&page, "rows      %d\naccuracy  %.4f\nmacro F1  %.4f\nECE       %.4f\n", r.N, r.Accuracy, r.MacroF1, r.ECE)
	fmt.Fprintf(&page, "latency   p50 %.2f ms, p90 %.2f ms, p99 %.2f ms\n", r.P50, r.P90, r.P99)
	fmt.Fprint(&page, "outcomes ")
	for _, outcome := range slices.Sorted(maps.Keys(r.Outcomes)) {
		fmt.Fprintf(&page, " %s %d", outcome, r.Outcomes[outcome])
	}
	if r.Unread > 0 {
		fmt.Fprintf(&page, ", %d tokens unread", r.Unread)
	}
	fmt.Fprintln(&page)
	r.writeLabels(&page)
	r.writeConfusion(&page)
	r.writeCoverage(&page)
	r.writeMistakes(&page)
	_, err := w.Write(page.Bytes())
	return err
}

// table aligns columns of cells parted by tabs.
func table(page *bytes.Buffer, flags uint, write func(w io.Writer)) {
	t := tabwriter.NewWriter(page, 0, 0, 2, ' ', flags)
	write(t)
	t.Flush() // a buffer takes all
}

func (r Report) writeLabels(page *bytes.Buffer) {
	fmt.Fprintln(page)
	table(page, 0, func(w io.Writer) {
		fmt.Fprintln(w, "label\tprecision\trecall\tF1\tsupport\tgiven")
		for _, l := range r.PerLabel {
			fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.3f\t%d\t%d\n", l.Label, l.Precision, l.Recall, l.F1, l.Support, l.Given)
		}
	})
}

func (r Report) writeConfusion(page *bytes.Buffer) {
	fmt.Fprintln(page, "\nconfusion (rows: label in the data; columns: label given, in the same order; then none)")
	table(page, 0, func(w io.Writer) {
		for i, counts := range r.Confusion.Counts {
			fmt.Fprint(w, r.Confusion.Labels[i])
			for _, n := range counts {
				fmt.Fprintf(w, "\t%d", n)
			}
			fmt.Fprintln(w)
		}
	})
}

func (r Report) writeCoverage(page *bytes.Buffer) {
	fmt.Fprintln(page)
	table(page, 0, func(w io.Writer) {
		fmt.Fprintln(w, "confidence at least\tshare of rows\taccuracy among them")
		for _, c := range r.Coverage {
			fmt.Fprintf(w, "%.2f\t%.3f\t%.3f\n", c.Confidence, c.Share, c.Accuracy)
		}
	})
}

func (r Report) writeMistakes(page *bytes.Buffer) {
	if len(r.Mistakes) == 0 {
		return
	}
	fmt.Fprintln(page, "\nmost confident mistakes")
	table(page, 0, func(w io.Writer) {
		fmt.Fprintln(w, "line\tlabel\tgiven\tconfidence")
		for _, m := range r.Mistakes {
			fmt.Fprintf(w, "%d\t%s\t%s\t%.3f\n", m.Line, m.Label, m.Got, m.Confidence)
		}
	})
}

// WriteScores writes one line of JSON for each answer: line, label, outcome, and
// if it was answered what was given, all scores by label, and the milliseconds.
// It writes no text.
func WriteScores(w io.Writer, answers []Answer) error {
	type line struct {
		Line    int                `json:"line"`
		Label   string             `json:"label"`
		Outcome string             `json:"outcome"`
		Got     string             `json:"got,omitempty"`
		Scores  map[string]float64 `json:"scores,omitempty"`
		TookMS  float64            `json:"ms"`
		Tokens  int                `json:"tokens"`
		Unread  int                `json:"unread_tokens"`
	}
	for _, a := range answers {
		l := line{
			Line: a.Row.Line, Label: a.Row.Label, Outcome: a.Outcome, Got: a.verdict().Label,
			TookMS: float64(a.Result.Elapsed.Microseconds()) / 1000,
			Tokens: a.Result.Tokens, Unread: a.Result.UnreadTokens,
		}
		if len(a.verdict().Scores) > 0 {
			l.Scores = make(map[string]float64, len(a.verdict().Scores))
		}
		for _, s := range a.verdict().Scores {
			l.Scores[s.Label] = s.P
		}
		text, err := json.Marshal(l, json.Deterministic(true))
		if err != nil {
			return fmt.Errorf("write scores: line %d: %w", a.Row.Line, err)
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return fmt.Errorf("write scores: %w", err)
		}
	}
	return nil
}
