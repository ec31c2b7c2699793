package classify

import (
	"errors"
	"math"
	"testing"
)

func TestSoftmax(t *testing.T) {
	for _, test := range []struct {
		name        string
		logits      []float32
		temperature float64
		want        []float64
	}{
		{"equal", []float32{3, 3}, 1, []float64{0.5, 0.5}},
		{"e to one", []float32{1, 0}, 1, []float64{math.E / (math.E + 1), 1 / (math.E + 1)}},
		{"softer", []float32{2, 0}, 2, []float64{math.E / (math.E + 1), 1 / (math.E + 1)}},
		{"no overflow", []float32{3e38, -3e38}, 1e-300, []float64{1, 0}},
		{"one label", []float32{-7}, 1, []float64{1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := appendProbabilities(nil, test.logits, test.temperature)
			for i := range got {
				if math.Abs(got[i]-test.want[i]) > 1e-12 {
					t.Errorf("got %v, want %v", got, test.want)
				}
			}
		})
	}
}

func TestBadLogitsAreRefused(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, logits := range [][]float32{{}, {1}, {1, 2, 3}, {1, nan}, {inf, 1}, {1, -inf}} {
		if err := checkLogits(logits, 2); !errors.Is(err, ErrBadOutput) {
			t.Errorf("%v: error %v, want ErrBadOutput", logits, err)
		}
	}
	if err := checkLogits([]float32{1, -2}, 2); err != nil {
		t.Error(err)
	}
}

func TestMaxOfWindowsTakesTheOneWhereTheLabelIsLikeliest(t *testing.T) {
	got := maxOfWindows([][]float64{{0.9, 0.1}, {0.3, 0.7}, {0.4, 0.6}}, 1)
	if got[0] != 0.3 || got[1] != 0.7 {
		t.Errorf("got %v, want the second window", got)
	}
}

// A document of many windows has many chances of a false alarm.
func TestDiscountGrowsWithTheNumberOfWindows(t *testing.T) {
	p := []float64{0.06, 0.9, 0.04} // odds of 9
	for _, test := range []struct {
		windows  int
		discount float64
		want     []float64
	}{
		{1, 0.5, p},
		{81, 0, p},
		{81, 0.5, []float64{0.3, 0.5, 0.2}},     // odds of 1
		{9, 1, []float64{0.3, 0.5, 0.2}},        // the same
		{6561, 0.5, []float64{0.54, 0.1, 0.36}}, // odds of 1/9
	} {
		got := discounted(p, 1, test.windows, test.discount)
		for i := range got {
			if math.Abs(got[i]-test.want[i]) > 1e-12 {
				t.Errorf("%d windows by %v: got %v, want %v", test.windows, test.discount, got, test.want)
			}
		}
	}
	if got := discounted([]float64{0, 1}, 1, 100, 1); got[1] != 1 {
		t.Errorf("certainty became %v", got)
	}
}

func TestChoosingByThreshold(t *testing.T) {
	two := Head{Labels: []string{"no", "yes"}, Positive: "yes", Threshold: 0.3}
	three := Head{Labels: []string{"yes", "a", "b"}, Positive: "yes", Threshold: 0.9}
	for _, test := range []struct {
		head Head
		p    []float64
		want int
	}{
		{two, []float64{0.7, 0.3}, 1},
		{two, []float64{0.71, 0.29}, 0},
		{Head{Labels: two.Labels}, []float64{0.7, 0.3}, 0},
		{three, []float64{0.8, 0.05, 0.15}, 2},
		{three, []float64{0.9, 0.05, 0.05}, 0},
	} {
		if got := test.head.choose(test.p); got != test.want {
			t.Errorf("%v of %v with %v: label %d, want %d", test.p, test.head.Labels, test.head.Threshold, got, test.want)
		}
	}
}

func TestMeanOfWindowsWeighsByVotes(t *testing.T) {
	got := meanOfWindows([][]float64{{1, 0}, {0.2, 0.8}}, []float64{3, 1})
	for i, want := range []float64{0.8, 0.2} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("got %v, want [0.8 0.2]", got)
		}
	}
}
