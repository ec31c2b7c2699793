package eval

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

func answer(line int, label, got string, confidence float64, ms int) Answer {
	return Answer{
		Row:     Row{Line: line, Text: "canary", Label: label},
		Outcome: classify.OutcomeOK,
		Result: classify.Result{
			Verdicts: []classify.Verdict{
				{Head: "other", Label: "z", Confidence: 1},
				{Head: "h", Label: got, Confidence: confidence, Scores: []classify.Score{{Label: got, P: confidence}}},
			},
			Tokens: 3, Elapsed: time.Duration(ms) * time.Millisecond,
		},
	}
}

// sample is small enough to compute by hand: ten rows of labels a, b, c; d is
// neither had nor given.
//
//	got:   a  b  c  none
//	a      3  1  0  0
//	b      1  2  0  1
//	c      0  1  1  0
func sample() (Task, []Answer) {
	answers := []Answer{
		answer(1, "a", "a", 0.99, 10), answer(2, "a", "a", 0.95, 20), answer(3, "a", "a", 0.55, 30), answer(4, "a", "b", 0.91, 40),
		answer(5, "b", "b", 0.80, 50), answer(6, "b", "b", 0.70, 60), answer(7, "b", "a", 0.60, 70),
		{Row: Row{Line: 8, Text: "canary", Label: "b"}, Outcome: classify.OutcomeDeadline, Result: classify.Result{Elapsed: time.Second}},
		answer(9, "c", "c", 0.50, 80), answer(10, "c", "b", 0.40, 90),
	}
	answers[8].Outcome = classify.OutcomePartial
	answers[8].Result.UnreadTokens, answers[8].Result.UnreadBy = 9, map[string]int{"h": 7, "other": 9}
	for i := range answers {
		answers[i].Row.Source = []string{"book", "web\x1b[31m"}[i/6]
	}
	return Task{Kind: KindLabels, Head: classify.Head{Name: "h", Kind: classify.KindSequence, Labels: []string{"a", "b", "c", "d"}}}, answers
}

func measured() *Labels {
	task, answers := sample()
	return measureLabels(task.Head, answers)
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestLabelsByHand(t *testing.T) {
	r := measured()
	if r.N != 10 || r.Head != "h" || !near(r.Accuracy, 0.6) || r.Unanswered != 1 || r.Unread != 7 || r.Binary != nil {
		t.Errorf("n %d, head %s, accuracy %v, %d unanswered, %d unread, %v", r.N, r.Head, r.Accuracy, r.Unanswered, r.Unread, r.Binary)
	}
	want := []LabelReport{
		{"a", new(3.0 / 4), new(3.0 / 4), new(3.0 / 4), 4, 4},
		{"b", new(2.0 / 4), new(2.0 / 4), new(2.0 / 4), 4, 4},
		{"c", new(1.0 / 1), new(1.0 / 2), new(2.0 / 3), 2, 1},
		{"d", nil, nil, nil, 0, 0},
	}
	for i, l := range r.PerLabel {
		if w := want[i]; !reflect.DeepEqual(l, w) {
			t.Errorf("%+v, want %+v", l, w)
		}
	}
	if !near(r.MacroF1, (3.0/4+2.0/4+2.0/3)/3) {
		t.Errorf("macro F1 %v", r.MacroF1)
	}
	if want := [][]int{{3, 1, 0, 0, 0}, {1, 2, 0, 0, 1}, {0, 1, 1, 0, 0}, {0, 0, 0, 0, 0}}; !reflect.DeepEqual(r.Confusion.Counts, want) {
		t.Errorf("confusion %v", r.Confusion.Counts)
	}
	if want := map[string]int{"ok": 8, "partial": 1, "deadline": 1}; !reflect.DeepEqual(r.Outcomes, want) {
		t.Errorf("outcomes %v", r.Outcomes)
	}
	// Nine answers; p90 is the ninth: ceil(0.9 * 9) = 9.
	if !is(r.P50, 50) || !is(r.P90, 90) || !is(r.P99, 90) {
		t.Errorf("latency %v, %v, %v", *r.P50, *r.P90, *r.P99)
	}
}

// The bins that hold anything, by number: 6 (0.40: wrong), 8 (0.50: right),
// 9 (0.55 right, 0.60 wrong), 11 (0.70 right), 12 (0.80 right), 14 (0.91 wrong),
// 15 (0.99, 0.95 right).
func TestCalibrationByHand(t *testing.T) {
	r := measured()
	want := (0.40 + (1 - 0.50) + math.Abs(1-1.15) + (1 - 0.70) + (1 - 0.80) + 0.91 + (2 - 1.94)) / 9
	if !is(r.ECE, want) {
		t.Errorf("ECE %v, want %v", *r.ECE, want)
	}
	if b := r.Calibration[8]; b.N != 2 || !near(b.From, 8.0/15) || !near(b.To, 0.6) || !is(b.Accuracy, 0.5) || !is(b.Confidence, 0.575) {
		t.Errorf("%+v", b)
	}
	if _, ece := calibration([]judged{{has: "a", got: "a", confidence: 1}}); !is(ece, 0) {
		t.Errorf("ECE of the perfect %v", *ece)
	}
	if _, ece := calibration([]judged{{has: "a", got: "b"}}); !is(ece, 0) {
		t.Errorf("ECE of no confidence in a mistake %v", *ece)
	}
}

func TestCoverageByHand(t *testing.T) {
	want := []Coverage{
		{0.5, 0.8, new(6.0 / 8)}, {0.6, 0.6, new(4.0 / 6)}, {0.7, 0.5, new(4.0 / 5)}, {0.8, 0.4, new(3.0 / 4)},
		{0.9, 0.3, new(2.0 / 3)}, {0.95, 0.2, new(1.0)}, {0.99, 0.1, new(1.0)},
	}
	for i, c := range measured().Coverage {
		if w := want[i]; c.Confidence != w.Confidence || !near(c.Share, w.Share) || !is(c.Accuracy, *w.Accuracy) {
			t.Errorf("%+v, want %+v", c, w)
		}
	}
}

func TestWorstMistakes(t *testing.T) {
	want := []Mistake{{4, "a", "b", 0.91}, {7, "b", "a", 0.60}, {10, "c", "b", 0.40}}
	if got := measured().Mistakes; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	many := make([]judged, mistakesKept+9)
	for i := range many {
		many[i] = judged{line: i, has: "a", got: "b", confidence: 0.9}
	}
	if got := worstMistakes(many); len(got) != mistakesKept || got[0].Line != 0 {
		t.Errorf("%d kept, the first %v", len(got), got[0])
	}
}

func TestBySourceOrElseByLanguage(t *testing.T) {
	task, answers := sample()
	want := ByName[SourceReport]{{Source: "book", N: 6, Accuracy: 5.0 / 6}, {Source: "web\x1b[31m", N: 4, Accuracy: 1.0 / 4}}
	if got := measureLabels(task.Head, answers).PerSource; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for i := range answers {
		answers[i].Row.Source = ""
		if i > 0 {
			answers[i].Row.Lang = "de"
		}
	}
	want = ByName[SourceReport]{{Source: "de", N: 9, Accuracy: 5.0 / 9}, {Source: noSource, N: 1, Accuracy: 1}}
	if got := measureLabels(task.Head, answers).PerSource; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for i := range answers {
		answers[i].Row.Lang = ""
	}
	if got := measureLabels(task.Head, answers).PerSource; got != nil {
		t.Errorf("%+v", got)
	}
}

func TestManySourcesAreTakenTogether(t *testing.T) {
	task, _ := sample()
	var answers []Answer
	for i := range 3 * sourcesKept {
		a := answer(i, "a", "a", 1, 1)
		a.Row.Source = time.Duration(i / 2).String()
		answers = append(answers, a)
	}
	got := measureLabels(task.Head, answers).PerSource
	if len(got) != sourcesKept+1 || got[0].Source != otherSources || got[0].N != sourcesKept {
		t.Errorf("%d sources, the first %+v", len(got), got[0])
	}
}

func TestPercentileIsNearestRank(t *testing.T) {
	var took []time.Duration
	for i := 1; i <= 200; i++ {
		took = append(took, time.Duration(i)*time.Millisecond)
	}
	for p, want := range map[int]float64{1: 2, 50: 100, 90: 180, 99: 198, 100: 200} {
		if got := percentile(took, p); !is(got, want) {
			t.Errorf("p%d = %v, want %v", p, *got, want)
		}
	}
}

// random is the sequence that the Python below draws from:
//
//	def nxt():
//	    global s
//	    s = (s * 1103515245 + 12345) % 2**31
//	    return s // 65536
type random uint64

func (r *random) next(n int) int {
	*r = (*r*1103515245 + 12345) % (1 << 31)
	return int(*r/65536) % n
}

// The figures are scikit-learn's 1.9.1: accuracy_score, f1_score(average="macro"),
// precision_recall_fscore_support and confusion_matrix of the same rows, and for
// the calibration error NumPy's masks over the bins.
func TestLabelsAgreeWithScikitLearn(t *testing.T) {
	labels, r := []string{"a", "b", "c", "d", "e"}, random(777)
	var rows []judged
	for range 600 {
		has, well, got, sure := labels[r.next(5)], r.next(10) < 7, labels[r.next(5)], r.next(100)
		if well {
			got = has
		}
		rows = append(rows, judged{has: has, got: got, confidence: float64(sure+1) / 100})
	}
	c := confusion(labels, rows)
	want := [][]int{{86, 8, 9, 9, 8, 0}, {9, 80, 6, 5, 9, 0}, {6, 10, 107, 6, 10, 0}, {6, 3, 4, 101, 11, 0}, {8, 4, 11, 4, 80, 0}}
	if !reflect.DeepEqual(c.Counts, want) {
		t.Errorf("confusion %v", c.Counts)
	}
	per := perLabel(c)
	if !near(accuracy(rows), 0.7566666666666667) || !near(macroF1(per), 0.7548103749941163) {
		t.Errorf("accuracy %v, macro F1 %v", accuracy(rows), macroF1(per))
	}
	if b := per[1]; math.Abs(*b.Precision-0.76190476) > 1e-8 || math.Abs(*b.Recall-0.73394495) > 1e-8 || math.Abs(*b.F1-0.74766355) > 1e-8 || b.Support != 109 {
		t.Errorf("%+v", b)
	}
	if _, ece := calibration(rows); !is(ece, 0.30981666666666663) {
		t.Errorf("ECE %v", *ece)
	}
}
