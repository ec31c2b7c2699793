package eval

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

var update = flag.Bool("update", false, "write the golden files anew")

func answer(line int, label, got string, confidence float64, ms int) Answer {
	return Answer{
		Row:     Row{Line: line, Text: "canary", Label: label},
		Outcome: classify.OutcomeOK,
		Result: classify.Result{
			Verdicts: []classify.Verdict{{Head: "domain", Label: got, Confidence: confidence, Scores: []classify.Score{{Label: got, P: confidence}}}},
			Tokens:   3, Elapsed: time.Duration(ms) * time.Millisecond,
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
func sample() ([]string, []Answer) {
	answers := []Answer{
		answer(1, "a", "a", 0.99, 10), answer(2, "a", "a", 0.95, 20), answer(3, "a", "a", 0.55, 30), answer(4, "a", "b", 0.91, 40),
		answer(5, "b", "b", 0.80, 50), answer(6, "b", "b", 0.70, 60), answer(7, "b", "a", 0.60, 70),
		{Row: Row{Line: 8, Text: "canary", Label: "b"}, Outcome: classify.OutcomeDeadline, Result: classify.Result{Elapsed: time.Second}},
		answer(9, "c", "c", 0.50, 80), answer(10, "c", "b", 0.40, 90),
	}
	answers[8].Outcome = classify.OutcomePartial
	answers[8].Result.UnreadTokens = 7
	return []string{"a", "b", "c", "d"}, answers
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestMeasureByHand(t *testing.T) {
	r := Measure(sample())
	if r.N != 10 || !near(r.Accuracy, 0.6) || r.Unanswered != 1 || r.Unread != 7 {
		t.Errorf("n %d, accuracy %v, %d unanswered, %d unread", r.N, r.Accuracy, r.Unanswered, r.Unread)
	}
	want := []LabelReport{
		{"a", 3.0 / 4, 3.0 / 4, 3.0 / 4, 4, 4},
		{"b", 2.0 / 4, 2.0 / 4, 2.0 / 4, 4, 4},
		{"c", 1.0 / 1, 1.0 / 2, 2.0 / 3, 2, 1},
		{"d", 0, 0, 0, 0, 0},
	}
	for i, l := range r.PerLabel {
		if w := want[i]; l.Label != w.Label || !near(l.Precision, w.Precision) || !near(l.Recall, w.Recall) || !near(l.F1, w.F1) || l.Support != w.Support || l.Given != w.Given {
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
	if r.P50 != 50 || r.P90 != 90 || r.P99 != 90 {
		t.Errorf("latency %v, %v, %v", r.P50, r.P90, r.P99)
	}
}

// The bins that hold anything, by number: 6 (0.40: wrong), 8 (0.50: right),
// 9 (0.55 right, 0.60 wrong), 11 (0.70 right), 12 (0.80 right), 14 (0.91 wrong),
// 15 (0.99, 0.95 right).
func TestCalibrationErrorByHand(t *testing.T) {
	_, answers := sample()
	want := (0.40 + (1 - 0.50) + math.Abs(1-1.15) + (1 - 0.70) + (1 - 0.80) + 0.91 + (2 - 1.94)) / 9
	if got := calibrationError(answers); !near(got, want) {
		t.Errorf("ECE %v, want %v", got, want)
	}
	perfect := []Answer{answer(1, "a", "a", 1, 1), answer(2, "a", "a", 1, 1)}
	if got := calibrationError(perfect); got != 0 {
		t.Errorf("ECE of the perfect %v", got)
	}
	if got := calibrationError([]Answer{answer(1, "a", "b", 0, 1)}); got != 0 {
		t.Errorf("ECE of no confidence in a mistake %v", got)
	}
}

func TestCoverageByHand(t *testing.T) {
	_, answers := sample()
	want := []Coverage{
		{0.5, 0.8, 6.0 / 8}, {0.6, 0.6, 4.0 / 6}, {0.7, 0.5, 4.0 / 5}, {0.8, 0.4, 3.0 / 4},
		{0.9, 0.3, 2.0 / 3}, {0.95, 0.2, 1}, {0.99, 0.1, 1},
	}
	for i, c := range coverage(answers) {
		if w := want[i]; c.Confidence != w.Confidence || !near(c.Share, w.Share) || !near(c.Accuracy, w.Accuracy) {
			t.Errorf("%+v, want %+v", c, w)
		}
	}
}

func TestWorstMistakes(t *testing.T) {
	_, answers := sample()
	want := []Mistake{{4, "a", "b", 0.91}, {7, "b", "a", 0.60}, {10, "c", "b", 0.40}}
	if got := worstMistakes(answers); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var many []Answer
	for i := range 50 {
		many = append(many, answer(i, "a", "b", 0.9, 1))
	}
	if got := len(worstMistakes(many)); got != mistakesKept {
		t.Errorf("%d kept", got)
	}
}

func TestPercentileIsNearestRank(t *testing.T) {
	var took []time.Duration
	for i := 1; i <= 200; i++ {
		took = append(took, time.Duration(i)*time.Millisecond)
	}
	for p, want := range map[int]float64{1: 2, 50: 100, 90: 180, 99: 198, 100: 200} {
		if got := percentile(took, p); got != want {
			t.Errorf("p%d = %v, want %v", p, got, want)
		}
	}
}

func TestMeasureNothing(t *testing.T) {
	r := Measure([]string{"a"}, nil)
	if r.N != 0 || r.Accuracy != 0 || r.MacroF1 != 0 || r.ECE != 0 || r.P50 != 0 {
		t.Errorf("%+v", r)
	}
}

func TestGolden(t *testing.T) {
	labels, answers := sample()
	report := Measure(labels, answers)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"report.txt":   func(b *bytes.Buffer) error { return report.WriteText(b) },
		"report.json":  func(b *bytes.Buffer) error { return report.WriteJSON(b) },
		"scores.jsonl": func(b *bytes.Buffer) error { return WriteScores(b, answers) },
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("differs from %s:\n%s", path, got.String())
			}
			if strings.Contains(got.String(), "canary") {
				t.Error("the text of a row is written")
			}
		})
	}
}

func TestWriteJSONOfNoMistakes(t *testing.T) {
	var b bytes.Buffer
	r := Measure([]string{"a"}, []Answer{answer(1, "a", "a", 1, 1)})
	if err := r.WriteJSON(&b); err != nil || !strings.Contains(b.String(), `"worst_mistakes": []`) {
		t.Errorf("%v\n%s", err, b.String())
	}
	b.Reset()
	if err := r.WriteText(&b); err != nil || strings.Contains(b.String(), "mistakes") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

type fullDisk struct{}

var errFull = errors.New("disk full")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrorsAreTold(t *testing.T) {
	labels, answers := sample()
	r := Measure(labels, answers)
	for name, err := range map[string]error{
		"text": r.WriteText(fullDisk{}), "JSON": r.WriteJSON(fullDisk{}), "scores": WriteScores(fullDisk{}, answers),
	} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
	answers[0].Result.Verdicts[0].Scores[0].P = math.NaN()
	if err := WriteScores(&bytes.Buffer{}, answers); err == nil {
		t.Error("NaN was written")
	}
}
