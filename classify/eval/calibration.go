package eval

import "math"

const bins = 15 // of the calibration error

// Bin is the answers whose confidence is in (From, To]; 0 is in the first.
type Bin struct {
	From       float64  `json:"from"`
	To         float64  `json:"to"`
	N          int      `json:"n"`
	Accuracy   *float64 `json:"accuracy"`   // among them
	Confidence *float64 `json:"confidence"` // their mean
}

// forecast is a probability that was given, and whether that came true.
type forecast struct {
	p    float64
	came bool // true, that is
}

// calibration is that of the label given, whichever it is. Rows without an answer
// have no confidence and are left out.
func calibration(rows []judged) ([]Bin, *float64) {
	var given []forecast
	for _, j := range rows {
		if j.answered() {
			given = append(given, forecast{j.confidence, j.right()})
		}
	}
	return reliability(given)
}

// reliability puts forecasts into 15 bins of probability, ((m-1)/15, m/15], and
// gives the expected calibration error of Guo et al., "On Calibration of Modern
// Neural Networks" (2017), equation 3:
//
//	ECE = sum over bins of |bin|/n * |share of bin that came true - mean probability of bin|
func reliability(given []forecast) ([]Bin, *float64) {
	table := make([]Bin, bins)
	var came, p [bins]float64
	for _, f := range given {
		m := min(max(int(math.Ceil(f.p*bins))-1, 0), bins-1)
		table[m].N++
		p[m] += f.p
		if f.came {
			came[m]++
		}
	}
	sum := 0.0
	for m := range table {
		b := &table[m]
		b.From, b.To = float64(m)/bins, float64(m+1)/bins
		b.Accuracy, b.Confidence = mean(came[m], b.N), mean(p[m], b.N)
		sum += math.Abs(came[m] - p[m]) // |bin| cancels
	}
	return table, mean(sum, len(given))
}
