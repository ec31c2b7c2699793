package eval

import (
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// twoClass are rows of labels "no" and "yes" with these probabilities of "yes".
func twoClass(threshold float64, no, yes []float64) []judged {
	var rows []judged
	for has, scores := range map[string][]float64{"no": no, "yes": yes} {
		for _, p := range scores {
			j := judged{has: has, got: "no", confidence: 1 - p, positive: p}
			if p >= threshold {
				j.got, j.confidence = "yes", p
			}
			rows = append(rows, j)
		}
	}
	return rows
}

func is(x *float64, want float64) bool { return x != nil && near(*x, want) }

// Of the 3 * 4 pairs "yes" wins: 0.9 all 4; 0.6 those of 0.1, 0.2 and 0.5, and a
// half of that of 0.6; 0.2 that of 0.1, and a half of that of 0.2.
func TestAreaUnderROCByHand(t *testing.T) {
	b := measureBinary("yes", 0.5, twoClass(0.5, []float64{0.1, 0.2, 0.5, 0.6}, []float64{0.9, 0.6, 0.2}))
	if !is(b.AUC, (4+3.5+1.5)/12) {
		t.Errorf("AUC %v", *b.AUC)
	}
	if b.Positives != 3 || !is(b.Precision, 2.0/4) || !is(b.Recall, 2.0/3) || !is(b.FPR, 2.0/4) {
		t.Errorf("%+v, recall %v, FPR %v", b, *b.Recall, *b.FPR)
	}
	if o := b.At1Percent; !is(o.Threshold, 0.9) || !is(o.Recall, 1.0/3) || !is(o.FPR, 0) {
		t.Errorf("%+v", o)
	}
	// From 0.6 on: the yes of 0.9 and 0.6, the no of 0.6.
	if o := b.Thresholds[5]; !is(o.Threshold, 0.6) || !is(o.Recall, 2.0/3) || !is(o.FPR, 1.0/4) {
		t.Errorf("%+v", o)
	}
	if o := b.Thresholds[10]; !is(o.Threshold, 0.99) || !is(o.Recall, 0) || !is(o.FPR, 0) {
		t.Errorf("%+v", o)
	}
}

func TestAreaUnderROCAtTheEnds(t *testing.T) {
	for _, test := range []struct {
		name    string
		no, yes []float64
		want    float64
	}{
		{"parted", []float64{0.1, 0.2}, []float64{0.8, 0.9}, 1},
		{"the wrong way round", []float64{0.8, 0.9}, []float64{0.1}, 0},
		{"all equal", []float64{0.5, 0.5}, []float64{0.5}, 0.5},
	} {
		if b := measureBinary("yes", 0.5, twoClass(0.5, test.no, test.yes)); !is(b.AUC, test.want) {
			t.Errorf("%s: %v", test.name, b.AUC)
		}
	}
	only := measureBinary("yes", 0.5, twoClass(0.5, nil, []float64{0.9}))
	if only.AUC != nil || only.FPR != nil || !is(only.Recall, 1) {
		t.Errorf("%+v", only)
	}
	if none := measureBinary("yes", 0.5, nil); none.AUC != nil || none.Recall != nil || len(none.curve) != 0 {
		t.Errorf("%+v", none)
	}
}

// A row without an answer is a miss or a false alarm, at every threshold.
func TestUnansweredRowsAreWrongAtEveryThreshold(t *testing.T) {
	rows := append(twoClass(0.5, []float64{0.05}, []float64{0.9}), judged{has: "yes"}, judged{has: "no"})
	b := measureBinary("yes", 0.5, rows)
	if !is(b.AUC, 1.0/4) || !is(b.Recall, 0.5) || !is(b.FPR, 0.5) || !is(b.Precision, 0.5) {
		t.Errorf("AUC %v, recall %v, FPR %v, precision %v", *b.AUC, *b.Recall, *b.FPR, *b.Precision)
	}
	for _, o := range b.Thresholds {
		if *o.Recall > 0.5 || !is(o.FPR, 0.5) {
			t.Errorf("threshold %v: %+v", *o.Threshold, o)
		}
	}
	if o := b.At1Percent; o != (Operating{}) {
		t.Errorf("%+v", o)
	}
}

// A guard lets pass what has nothing to read, so it is no false alarm, and an attack
// in it is missed, at every threshold.
func TestATextWithNothingToReadIsFoundAtNoThreshold(t *testing.T) {
	attacks := append(twoClass(0.5, nil, []float64{0.9}), judged{has: "yes", got: "no", empty: true})
	rows := append(attacks, twoClass(0.5, []float64{0.05}, nil)...)
	rows = append(rows, judged{has: "no", got: "no", empty: true})
	b := measureBinary("yes", 0.5, rows)
	// Of four pairs the attack that was found wins two; the two empty ones tie.
	if !is(b.AUC, 2.5/4) || !is(b.Recall, 0.5) || !is(b.FPR, 0) || !is(b.Precision, 1) {
		t.Errorf("AUC %v, recall %v, FPR %v, precision %v", *b.AUC, *b.Recall, *b.FPR, *b.Precision)
	}
	for _, o := range b.Thresholds {
		if *o.Recall > 0.5 || !is(o.FPR, 0) {
			t.Errorf("threshold %v: %+v", *o.Threshold, o)
		}
	}
	if o := b.At1Percent; !is(o.Recall, 0.5) || !is(o.Threshold, 0.9) {
		t.Errorf("%+v", o)
	}
	for _, o := range measureBinary("yes", 0.5, attacks).Thresholds {
		if *o.Recall > 0.5 || o.FPR != nil {
			t.Errorf("attacks alone, threshold %v: %+v", *o.Threshold, o)
		}
	}
	if _, ece := calibration(rows); !is(ece, (0.1+0.05)/2) {
		t.Errorf("ECE %v: there is no probability of what was not read", ece)
	}
	if c := coverage(rows)[0]; c.Share != 0.5 || len(worstMistakes(rows)) != 0 {
		t.Errorf("%+v, mistakes %v", c, worstMistakes(rows))
	}
}

// A head without a positive label has nothing to say of such a text, and one with
// several others cannot name the one: but it is no alarm of the latter.
func TestNothingToReadIsTheOtherLabelOfTwo(t *testing.T) {
	empty := Answer{Row: Row{Line: 1, Label: "benign"}, Outcome: classify.OutcomeNoText}
	for _, test := range []struct {
		labels     []string
		positive   string
		got        string
		unanswered int
	}{
		{[]string{"benign", "attack"}, "attack", "benign", 0},
		{[]string{"attack", "benign"}, "attack", "benign", 0},
		{[]string{"benign", "injection", "attack"}, "attack", "", 1},
		{[]string{"benign", "attack"}, "", "", 1},
	} {
		h := classify.Head{Name: "h", Kind: classify.KindSequence, Labels: test.labels, Positive: test.positive, Threshold: 0.5}
		r := measureLabels(h, []Answer{empty})
		if r.Unanswered != test.unanswered || r.Accuracy != float64(1-test.unanswered) || r.Outcomes["no_text"] != 1 {
			t.Errorf("%v: %+v", test.labels, r.Summary)
		}
		if r.Binary != nil && !is(r.FPR, 0) {
			t.Errorf("%v: false positive rate %v", test.labels, *r.FPR)
		}
		if got := (Task{Kind: KindLabels, Head: h}).scores(empty).(labelLine).Got; got != test.got {
			t.Errorf("%v: %q, want %q", test.labels, got, test.got)
		}
	}
}

// The figures are scikit-learn's 1.9.1: roc_auc_score, precision_score,
// recall_score, f1_score and roc_curve(drop_intermediate=False) of the same rows;
// many of their 64 scores are equal.
func TestBinaryAgreesWithScikitLearn(t *testing.T) {
	r := random(12345)
	var no, yes []float64
	for range 500 {
		a, b := r.next(64), r.next(64)
		if a+b >= 70 {
			yes = append(yes, float64(a)/64)
		} else {
			no = append(no, float64(a)/64)
		}
	}
	rows := twoClass(0.5, no, yes)
	b := measureBinary("yes", 0.5, rows)
	if b.Positives != 191 || !is(b.AUC, 0.8227181077280198) {
		t.Errorf("%d positive, AUC %v", b.Positives, *b.AUC)
	}
	if !is(b.Precision, 0.6497890295358649) || !is(b.Recall, 0.806282722513089) || !is(b.FPR, 0.2686084142394822) {
		t.Errorf("precision %v, recall %v, FPR %v", *b.Precision, *b.Recall, *b.FPR)
	}
	if o := b.At1Percent; !is(o.Threshold, 0.984375) || !is(o.Recall, 0.031413612565445025) {
		t.Errorf("%+v", o)
	}
	if _, ece := calibration(rows); !near(accuracy(rows), 0.76) || !is(ece, 0.05209375) {
		t.Errorf("accuracy %v, ECE %v", accuracy(rows), *ece)
	}
	if f1 := macroF1(perLabel(confusion([]string{"no", "yes"}, rows))); !near(f1, 0.7549179792170446) {
		t.Errorf("macro F1 %v", f1)
	}
}
