package eval

import "math"

const bins = 15 // of the calibration error

// Bin is the answers whose confidence is in (From, To]; 0 is in the first.
type Bin struct {
	From       float64 `json:"from"`
	To         float64 `json:"to"`
	N          int     `json:"n"`
	Accuracy   float64 `json:"accuracy"`   // among them
	Confidence float64 `json:"confidence"` // their mean
}

// calibration puts answers into 15 bins of confidence, ((m-1)/15, m/15], and
// gives the expected calibration error of Guo et al., "On Calibration of Modern
// Neural Networks" (2017), equation 3:
//
//	ECE = sum over bins of |bin|/n * |accuracy of bin - mean confidence of bin|
//
// Rows without an answer have no confidence and are left out, of n too.
func calibration(rows []judged) ([]Bin, float64) {
	table := make([]Bin, bins)
	var right, confidence [bins]float64
	n := 0
	for _, j := range rows {
		if !j.answered() {
			continue
		}
		m := min(max(int(math.Ceil(j.confidence*bins))-1, 0), bins-1)
		n++
		table[m].N++
		confidence[m] += j.confidence
		if j.right() {
			right[m]++
		}
	}
	sum := 0.0
	for m := range table {
		b := &table[m]
		b.From, b.To = float64(m)/bins, float64(m+1)/bins
		if b.N > 0 {
			b.Accuracy, b.Confidence = right[m]/float64(b.N), confidence[m]/float64(b.N)
		}
		sum += math.Abs(right[m] - confidence[m]) // |bin| cancels
	}
	if n == 0 {
		return table, 0
	}
	return table, sum / float64(n)
}
