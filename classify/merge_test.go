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
			got, err := softmax(test.logits, len(test.want), test.temperature)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if math.Abs(got[i]-test.want[i]) > 1e-12 {
					t.Errorf("got %v, want %v", got, test.want)
				}
			}
		})
	}
}

func TestSoftmaxRefusesBadOutput(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, logits := range [][]float32{{}, {1}, {1, 2, 3}, {1, nan}, {inf, 1}, {1, -inf}} {
		if _, err := softmax(logits, 2, 1); !errors.Is(err, ErrBadOutput) {
			t.Errorf("%v: error %v, want ErrBadOutput", logits, err)
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
