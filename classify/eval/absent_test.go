package eval

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// guardAnswer is that of a head "jailbreak"; a score below 0 is no answer.
func guardAnswer(line int, label string, score float64) Answer {
	v := classify.Verdict{Head: "jailbreak", Label: "benign", Confidence: 1 - score, Scores: []classify.Score{{Label: "benign", P: 1 - score}, {Label: "jailbreak", P: score}}}
	if score >= 0.5 {
		v.Label, v.Confidence = "jailbreak", score
	}
	a := Answer{
		Row: Row{Line: line, Label: label, Source: label + "s"}, Outcome: classify.OutcomeOK,
		Result: classify.Result{Verdicts: []classify.Verdict{v}, Elapsed: time.Millisecond},
	}
	if score < 0 {
		a.Outcome, a.Result = classify.OutcomeDeadline, classify.Result{}
	}
	return a
}

// guarded is the report of rows of one label or of two.
func guarded(scores map[string][]float64) Report {
	var answers []Answer
	for label, of := range scores {
		for _, score := range of {
			answers = append(answers, guardAnswer(len(answers)+1, label, score))
		}
	}
	return Task{Kind: KindLabels, Head: heads()[1]}.Measure(answers)
}

// figures are those at paths such as "per_label.d.precision" of a report's JSON, in
// words: "null", "0.5", or "left out".
func figures(t *testing.T, r Report, paths ...string) map[string]string {
	t.Helper()
	var whole any
	inJSON(t, r, &whole)
	got := map[string]string{}
	for _, path := range paths {
		at, there := whole, true
		for name := range strings.SplitSeq(path, ".") {
			switch x := at.(type) {
			case map[string]any:
				at, there = x[name]
			case []any:
				var i int
				if _, err := fmt.Sscan(name, &i); err != nil {
					t.Fatal(err)
				}
				at = x[i]
			default:
				there = false
			}
		}
		switch {
		case !there:
			got[path] = "left out"
		case at == nil:
			got[path] = "null"
		default:
			got[path] = fmt.Sprint(at)
		}
	}
	return got
}

// holds checks figures in JSON and lines of the tables, whose spaces are told to be one.
func holds(t *testing.T, name string, r Report, want map[string]string, lines ...string) {
	t.Helper()
	for path, want := range want {
		if got := figures(t, r, path)[path]; got != want {
			t.Errorf("%s: %s is %s, want %s", name, path, got, want)
		}
	}
	text := ""
	for line := range strings.Lines(string(written(t, r.WriteText))) {
		text += strings.Join(strings.Fields(line), " ") + "\n"
	}
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s: no line %q in\n%s", name, line, text)
		}
	}
	for _, c := range r.Charts() {
		if text := string(c.SVG); strings.Contains(text, "NaN") {
			t.Errorf("%s: %s has no finite figures", name, c.Name)
		}
	}
}

// A recall is no figure without the rate of false alarms that it costs, and the rate
// none without rows that could raise one.
func TestAFileOfOneClassHasNoRecallAtARate(t *testing.T) {
	none := func(more map[string]string) map[string]string {
		more["at_1_percent_fpr.threshold"], more["at_1_percent_fpr.recall"], more["at_1_percent_fpr.fpr"], more["auc"] = "null", "null", "null", "null"
		return more
	}
	holds(t, "attacks", guarded(map[string][]float64{"jailbreak": {0.9, 0.2, 0.1, 0.05}}), none(map[string]string{
		"recall": "0.25", "precision": "1", "fpr": "null", "thresholds.0.recall": "0.75", "thresholds.0.fpr": "null", "thresholds.10.recall": "0", "thresholds.10.fpr": "null",
	}), "at 1 % FPR -", "0.10 0.750 -", "0.99 0.000 -")
	holds(t, "honest", guarded(map[string][]float64{"benign": {0.9, 0.2, 0.1, 0.05}}), none(map[string]string{
		"recall": "null", "precision": "0", "fpr": "0.25", "thresholds.0.recall": "null", "thresholds.0.fpr": "0.75", "thresholds.10.recall": "null", "thresholds.10.fpr": "0",
	}), "at 1 % FPR -", "0.10 - 0.750", "0.99 - 0.000")
}

// The rate is that of the point, and where there is no point, no figure is made up.
func TestTheRateOfNoThresholdIsThatOfRowsWithoutAnAnswer(t *testing.T) {
	at := func(threshold, recall, fpr string) map[string]string {
		return map[string]string{"at_1_percent_fpr.threshold": threshold, "at_1_percent_fpr.recall": recall, "at_1_percent_fpr.fpr": fpr}
	}
	const line = "at 1 % FPR no threshold keeps to it"
	holds(t, "too many unanswered", guarded(map[string][]float64{"jailbreak": {0.9}, "benign": {0.1, -1}}), at("null", "null", "null"), line)
	holds(t, "none", guarded(map[string][]float64{"jailbreak": {0.3}, "benign": {0.9, 0.1}}), at("null", "0", "0"), line)
	few := make([]float64, 200)
	few[0], few[1] = -1, 0.95
	few[2] = 0.95
	holds(t, "few unanswered", guarded(map[string][]float64{"jailbreak": {0.3}, "benign": few}), at("null", "0", "0.005"), line)
}

func TestWhatNothingCouldCountForIsNull(t *testing.T) {
	holds(t, "nothing found", guarded(map[string][]float64{"jailbreak": {0.3}, "benign": {0.1}}), map[string]string{
		"precision": "null", "recall": "0", "fpr": "0",
		"per_label.jailbreak.precision": "null", "per_label.jailbreak.recall": "0", "per_label.jailbreak.f1": "0",
		"coverage.6.share": "0", "coverage.6.accuracy": "null", "calibration.0.accuracy": "null", "calibration.0.confidence": "null",
		"per_source.jailbreaks.recall": "0", "per_source.jailbreaks.fpr": "null", "per_source.benigns.recall": "null", "per_source.benigns.fpr": "0",
	}, "jailbreak - 0.000 0.000 1 0", "0.99 0.000 -", "jailbreaks 1 0.000 1 0.000 -", "benigns 1 1.000 0 - 0.000",
		"positive jailbreak, from a probability of 0.50 on: precision -, recall 0.0000, false positive rate 0.0000")
	holds(t, "nothing answered", guarded(map[string][]float64{"jailbreak": {-1}}), map[string]string{
		"ece": "null", "p50_ms": "null", "p90_ms": "null", "p99_ms": "null", "accuracy": "0", "macro_f1": "0",
		"per_label.benign.recall": "null", "per_label.benign.f1": "null", "per_label.jailbreak.f1": "0",
	}, "ECE -", "latency -", "benign - - - 0 0")

	task, answers := sample() // of a head without a positive label
	holds(t, "labels", task.Measure(answers), map[string]string{
		"per_label.d.precision": "null", "per_label.d.recall": "null", "per_label.d.f1": "null", "calibration.0.accuracy": "null",
		"per_source.book.recall": "left out", "per_source.book.fpr": "left out", "precision": "left out",
	}, "d - - - 0 0")

	task, answers = outcomeSample()
	for i := range answers {
		answers[i].Outcome = classify.OutcomeDeadline
	}
	holds(t, "outcomes", task.Measure(answers), map[string]string{
		"ece": "null", "p50_ms": "null", "curve.0.threshold": "null", "curve.0.pgr": "0",
	}, "ECE - (of the probability that strong is better)", "latency -")
}

func TestWhatNoSpanCouldCountForIsNull(t *testing.T) {
	task, answers := spanSample()
	holds(t, "sample", task.Measure(answers), map[string]string{
		"per_type.CARD.precision": "0", "per_type.CARD.recall": "null", "per_type.CARD.f1": "0", "per_type.CARD.lenient.recall": "null", "per_type.CARD.lenient.f1": "0",
		"per_type.EMAIL.precision": "null", "per_type.EMAIL.recall": "0", "per_type.EMAIL.lenient.precision": "null", "flagged_clean_rows": "0.5",
	}, "CARD 0.000 - 0.000 0 1 0.000 - 0.000", "EMAIL - 0.000 0.000 2 0 - 0.000 0.000")
	task.Types = []string{"PERSON"}
	holds(t, "no clean rows", task.Measure(answers[:1]), map[string]string{"flagged_clean_rows": "null"}, "clean rows 0 without entities, - of them got a span")
	task.Types = []string{"IBAN"}
	holds(t, "clean rows alone", task.Measure(answers), map[string]string{
		"micro_precision": "null", "micro_recall": "null", "micro_f1": "null", "macro_f1": "null", "lenient_micro_f1": "null", "lenient_macro_f1": "null",
		"per_type.IBAN.f1": "null", "per_type.IBAN.lenient.f1": "null", "per_source.mail.precision": "null", "per_source.mail.f1": "null", "flagged_clean_rows": "0",
	}, "micro F1 - (precision -, recall -; same type, start and end)", "macro F1 -", "mail 2 - - - 0", "IBAN - - - 0 0 - - -")
}

// The sample's chart has a bar for each figure that there is.
func TestADiagramDrawsNoBarForWhatIsAbsent(t *testing.T) {
	task, answers := spanSample()
	svg := string(task.Measure(answers).Charts()[0].SVG)
	if n := strings.Count(svg, ">-<"); n != 2 {
		t.Errorf("%d figures are told to be absent, want the recall of CARD and the precision of EMAIL:\n%s", n, svg)
	}
	holds(t, "of nothing", task.Measure(nil), map[string]string{"micro_f1": "null"})
	written(t, func(w io.Writer) error { return WriteJSON(w, task.Measure(nil)) })
}
