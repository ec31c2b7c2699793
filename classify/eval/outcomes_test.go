package eval

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

func outcomeAnswer(line int, score float64, weak, strong bool) Answer {
	return gradedAnswer(line, score, number(weak), number(strong))
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func gradedAnswer(line int, score, weak, strong float64) Answer {
	return Answer{
		Row:     Row{Line: line, Text: "canary", Weak: weak, Strong: strong},
		Outcome: classify.OutcomeOK,
		Result: classify.Result{
			Verdicts: []classify.Verdict{{Head: "complexity", Scores: []classify.Score{{Label: "weak", P: 1 - score}, {Label: "strong", P: score}}}},
			Tokens:   4, Elapsed: time.Duration(line) * time.Millisecond,
		},
	}
}

func complexity() classify.Head {
	return classify.Head{Name: "complexity", Kind: classify.KindSequence, Labels: []string{"weak", "strong"}, Positive: "strong", Threshold: 0.5}
}

// outcomeSample by hand: ten rows, weak right in 5, strong in 8. In order of the
// score, the gain in rows of sending this one and all before it to strong:
//
//	0.9  only strong   1
//	0.8  only strong   2
//	0.7  both          2
//	0.6  only strong   2+1/2   a tie of two, of which one gains:
//	0.6  both          3       each half, in expectation
//	0.4  only weak     2
//	0.3  neither       2
//	0.2  only strong   3
//	0.1  both          3
//	0.1  both          3
func outcomeSample() (Task, []Answer) {
	return Task{Kind: KindOutcomes, Head: complexity()}, []Answer{
		outcomeAnswer(1, 0.6, false, true), outcomeAnswer(2, 0.1, true, true), outcomeAnswer(3, 0.9, false, true), outcomeAnswer(4, 0.4, true, false),
		outcomeAnswer(5, 0.2, false, true), outcomeAnswer(6, 0.6, true, true), outcomeAnswer(7, 0.8, false, true), outcomeAnswer(8, 0.1, true, true),
		outcomeAnswer(9, 0.7, true, true), outcomeAnswer(10, 0.3, false, false),
	}
}

func TestOutcomesByHand(t *testing.T) {
	_, answers := outcomeSample()
	r := measureOutcomes(complexity(), answers)
	if !near(r.WeakAccuracy, 0.5) || !near(r.StrongAccuracy, 0.8) || !near(r.OracleAccuracy, 0.9) || !near(r.OracleShare, 0.4) {
		t.Errorf("weak %v, strong %v, oracle %v with %v", r.WeakAccuracy, r.StrongAccuracy, r.OracleAccuracy, r.OracleShare)
	}
	// Trapezoids: the sum of all heights less half of the last, over 10 rows and
	// the gap of 3.
	if want := (1 + 2 + 2 + 2.5 + 3 + 2 + 2 + 3 + 3 + 3 - 1.5) / 10 / 3; !is(r.APGR, want) {
		t.Errorf("APGR %v, want %v", *r.APGR, want)
	}
	// PGR 0.5 is a gain of 1.5, halfway from one row to two; 0.8 is 2.4, four
	// fifths of the way from three rows to four.
	if !is(r.CPT50, 0.15) || !is(r.CPT80, 0.38) {
		t.Errorf("CPT(50%%) %v, CPT(80%%) %v", *r.CPT50, *r.CPT80)
	}
	if p := r.AtThreshold; !near(p.StrongShare, 0.5) || !near(p.Accuracy, 0.8) || !is(p.PGR, 1) || !is(p.Threshold, 0.5) {
		t.Errorf("%+v", p)
	}
	if len(r.Curve) != 101 {
		t.Fatalf("%d points", len(r.Curve))
	}
	for i, want := range map[int]CostPoint{
		0: {Accuracy: 0.5}, 25: {Accuracy: 0.7}, 35: {Accuracy: 0.725}, 60: {Accuracy: 0.7}, 100: {Accuracy: 0.8},
	} {
		if p := r.Curve[i]; !near(p.StrongShare, float64(i)/100) || !near(p.Accuracy, want.Accuracy) || !is(p.PGR, (want.Accuracy-0.5)/0.3) {
			t.Errorf("at %d %%: %+v, want %v", i, p, want.Accuracy)
		}
	}
	if r.Curve[0].Threshold != nil || !is(r.Curve[25].Threshold, 0.7) || !is(r.Curve[30].Threshold, 0.7) || !is(r.Curve[100].Threshold, 0.1) {
		t.Errorf("thresholds %v", []*float64{r.Curve[0].Threshold, r.Curve[25].Threshold, r.Curve[30].Threshold, r.Curve[100].Threshold})
	}
}

// The bins that hold anything, by number: 2 (0.1 twice, strong better in neither),
// 3 (0.2: better), 5 (0.3: not), 6 (0.4: not), 9 (0.6 twice, better in one), 11 (0.7: not),
// 12 (0.8: better), 14 (0.9: better). What counts is the positive label, and
// not the label given.
func TestCalibrationOfOutcomesByHand(t *testing.T) {
	task, answers := outcomeSample()
	want := (2*0.1 + (1 - 0.2) + 0.3 + 0.4 + math.Abs(1-2*0.6) + 0.7 + (1 - 0.8) + (1 - 0.9)) / 10
	if r := measureOutcomes(task.Head, answers); !is(r.ECE, want) {
		t.Errorf("ECE %v, want %v", *r.ECE, want)
	}
	answers[2].Outcome, answers[8].Outcome = classify.OutcomeNoText, classify.OutcomeDeadline // 0.9 and 0.7
	if r := measureOutcomes(task.Head, answers); !is(r.ECE, (10*want-0.1-0.7)/8) {
		t.Errorf("ECE %v of those that have an answer", *r.ECE)
	}
	for name, test := range map[string]struct{ p, weak, strong, want float64 }{
		"sure and right": {1, 3, 3.5, 0}, "sure and equal": {1, 3, 3, 1}, "sure that not": {0, 7, 2, 0},
	} {
		if r := measureOutcomes(task.Head, []Answer{gradedAnswer(1, test.p, test.weak, test.strong)}); !is(r.ECE, test.want) {
			t.Errorf("%s: ECE %v", name, *r.ECE)
		}
	}
}

// gradedSample by hand: a judge's scores from 1 to 10. Weak has 20 in all, strong
// 26; in order of the score, the gain of sending this one and all before it:
//
//	0.9  8 to 9.5    1.5
//	0.7  5 to 5      1.5
//	0.6  3 to 7.5    6 less half of the next: a tie of 4.5 and -1.5, half of 3 each
//	0.6  4 to 2.5    4.5
//	0.2  0 to 1.5    6
func gradedSample() (Task, []Answer) {
	return Task{Kind: KindOutcomes, Head: complexity()}, []Answer{
		gradedAnswer(1, 0.6, 3, 7.5), gradedAnswer(2, 0.9, 8, 9.5), gradedAnswer(3, 0.2, 0, 1.5), gradedAnswer(4, 0.7, 5, 5), gradedAnswer(5, 0.6, 4, 2.5),
	}
}

func TestOutcomesOfJudgesScoresByHand(t *testing.T) {
	task, answers := gradedSample()
	r := measureOutcomes(task.Head, answers)
	// The oracle keeps the one row that strong makes worse, and the one it leaves.
	if !near(r.WeakAccuracy, 4) || !near(r.StrongAccuracy, 5.2) || !near(r.OracleAccuracy, 5.5) || !near(r.OracleShare, 0.6) {
		t.Errorf("weak %v, strong %v, oracle %v with %v", r.WeakAccuracy, r.StrongAccuracy, r.OracleAccuracy, r.OracleShare)
	}
	if want := (1.5 + 1.5 + 3 + 4.5 + 6 - 3) / 5 / 6; !is(r.APGR, want) {
		t.Errorf("APGR %v, want %v", *r.APGR, want)
	}
	// A gain of 3 is that of three rows; 4.8 is a fifth of the way from four to five.
	if !is(r.CPT50, 0.6) || !is(r.CPT80, 4.2/5) {
		t.Errorf("CPT(50%%) %v, CPT(80%%) %v", *r.CPT50, *r.CPT80)
	}
	if p := r.AtThreshold; !near(p.StrongShare, 0.8) || !near(p.Accuracy, 4.9) || !is(p.PGR, 0.75) {
		t.Errorf("%+v", p)
	}
	want := []CostPoint{{Accuracy: 4}, {StrongShare: 0.2, Accuracy: 4.9}, {StrongShare: 0.6, Accuracy: 5.5}, {StrongShare: 0.8, Accuracy: 5.5}, {StrongShare: 1, Accuracy: 5.2}}
	if !slices.EqualFunc(r.best, want, func(a, b CostPoint) bool { return near(a.StrongShare, b.StrongShare) && near(a.Accuracy, b.Accuracy) }) {
		t.Errorf("oracle %v", r.best)
	}
}

// The same answers on another scale are the same choice.
func TestTheScaleOfScoresDoesNotMatter(t *testing.T) {
	task, answers := outcomeSample()
	want := measureOutcomes(task.Head, answers)
	for _, scale := range []float64{1e-9, 7, 1e90} {
		_, scaled := outcomeSample()
		for i := range scaled {
			r := &scaled[i].Row
			r.Weak, r.Strong = scale*(r.Weak-3), scale*(r.Strong-3)
		}
		r := measureOutcomes(task.Head, scaled)
		if r.APGR == nil || !is(r.APGR, *want.APGR) || !is(r.CPT50, *want.CPT50) || !is(r.CPT80, *want.CPT80) || r.OracleShare != want.OracleShare ||
			math.Abs(r.OracleAccuracy/scale+3-want.OracleAccuracy) > 1e-9 || !is(r.Curve[35].PGR, *want.Curve[35].PGR) {
			t.Errorf("times %v: %+v", scale, r.AtThreshold)
		}
	}
}

// What is left over when fractions are added up is no gap: 0.1 + 0.2 is not 0.3.
func TestRoundingIsNoGap(t *testing.T) {
	r := measureOutcomes(complexity(), []Answer{gradedAnswer(1, 0.9, 0.3, 0), gradedAnswer(2, 0.5, 0, 0.1), gradedAnswer(3, 0.1, 0, 0.2)})
	if r.APGR != nil || r.CPT50 != nil || r.Curve[100].PGR != nil {
		t.Errorf("APGR %v", *r.APGR)
	}
}

// Equal scores are no order: the figures are those of a random mix, whatever the
// order in the file.
func TestOutcomesOfEqualScoresAreARandomMix(t *testing.T) {
	var answers []Answer
	for i := range 20 {
		answers = append(answers, outcomeAnswer(i, 0.5, i >= 15, i < 10 || i == 19))
	}
	r := measureOutcomes(complexity(), answers)
	if !is(r.APGR, 0.5) || !is(r.CPT50, 0.5) || !is(r.CPT80, 0.8) {
		t.Errorf("APGR %v, CPT %v, %v", *r.APGR, *r.CPT50, *r.CPT80)
	}
}

func TestOutcomesWithoutAGap(t *testing.T) {
	for name, answers := range map[string][]Answer{
		"equal":  {outcomeAnswer(1, 0.9, true, false), outcomeAnswer(2, 0.1, false, true)},
		"weaker": {outcomeAnswer(1, 0.9, true, false)},
	} {
		r := measureOutcomes(complexity(), answers)
		if r.APGR != nil || r.CPT50 != nil || r.CPT80 != nil || r.Curve[50].PGR != nil {
			t.Errorf("%s: %+v", name, r)
		}
		if p := r.Curve[100]; !near(p.Accuracy, r.StrongAccuracy) {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// Rows without an answer: the first costs a call and gains nothing, the last
// gains when all else went to strong already.
func TestUnansweredOutcomesTakeTheWorstPlace(t *testing.T) {
	answers := []Answer{
		outcomeAnswer(1, 0.9, false, true), outcomeAnswer(2, 0, true, true), outcomeAnswer(3, 1, false, true), outcomeAnswer(4, 0.2, false, true),
	}
	answers[1].Outcome, answers[2].Outcome = classify.OutcomeNoText, classify.OutcomeNoText
	r := measureOutcomes(complexity(), answers)
	// Gains: 0, 1, 2, 3.
	if !is(r.APGR, (1+2+1.5)/4/3) || !is(r.CPT50, 2.5/4) || r.Unanswered != 2 {
		t.Errorf("APGR %v, CPT(50%%) %v, %d unanswered", *r.APGR, *r.CPT50, r.Unanswered)
	}
	if r.Curve[10].Threshold != nil || r.Curve[100].Threshold != nil || !is(r.Curve[50].Threshold, 0.9) {
		t.Errorf("thresholds %v, %v, %v", r.Curve[10].Threshold, r.Curve[50].Threshold, r.Curve[100].Threshold)
	}
}

// The figures were computed in Python from the same rows: the area by
// scikit-learn's auc over the points between different scores, the thresholds by
// NumPy's interp through them. The mean over 20,000 random orders of the rows
// that tie gave an area of 0.73849.
func TestOutcomesAgreeWithScikitLearn(t *testing.T) {
	r := random(54321)
	var answers []Answer
	for i := range 400 {
		a, b, c := r.next(16), r.next(16), r.next(16)
		answers = append(answers, outcomeAnswer(i, float64(a)/16, float64(b) >= float64(a)*0.6+2, c >= 3))
	}
	o := measureOutcomes(complexity(), answers)
	if !near(o.WeakAccuracy, 0.565) || !near(o.StrongAccuracy, 0.795) || !near(o.OracleAccuracy, 0.92) || !near(o.OracleShare, 0.355) {
		t.Errorf("%+v", o)
	}
	if !is(o.APGR, 0.7385054347826088) || !is(o.CPT50, 0.24416666666666667) || !is(o.CPT80, 0.3957777777777778) {
		t.Errorf("APGR %v, CPT %v, %v", *o.APGR, *o.CPT50, *o.CPT80)
	}
	if math.Abs(*o.APGR-0.73849) > 1e-4 {
		t.Errorf("APGR %v", *o.APGR)
	}
}
