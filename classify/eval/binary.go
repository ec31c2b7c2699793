package eval

import (
	"cmp"
	"math"
	"slices"
)

// Binary is how well a head finds its positive label: whether a row has it,
// against how likely the head thinks it. A row without an answer is wrong here
// too: where the row has the label, it is found at no threshold; where not, it
// is a false alarm at each. A row whose text has nothing to read is found at no
// threshold, whichever label it has.
type Binary struct {
	Positive  string  `json:"positive"`
	Threshold float64 `json:"threshold"` // the head's
	Positives int     `json:"positives"` // rows that have the label

	// AUC is the area under the ROC curve; absent if all rows have the label or
	// none has.
	AUC *float64 `json:"auc"`

	// The figures at the head's threshold. Precision is absent if no row is found,
	// recall without positive rows, FPR without others.
	Precision *float64 `json:"precision"` // of the rows found, those that have the label
	Recall    *float64 `json:"recall"`    // of the rows that have the label, those found
	FPR       *float64 `json:"fpr"`       // of the rows that don't, those found

	// At1Percent is the highest recall that a threshold gives with a false
	// positive rate of at most 1 %. Its threshold is the score of a row, absent if
	// none finds anything at such a rate. All of it is absent if rows without an
	// answer alone give a higher one, and without rows that have the label and others:
	// then there is no recall to choose, or no rate to keep to.
	At1Percent Operating `json:"at_1_percent_fpr"`

	Thresholds []Operating `json:"thresholds"`

	curve []Operating // all there are, for the diagram
}

// Operating is what a threshold gives: rows whose probability of the positive
// label is at least that are found. Recall and FPR are absent as in Binary.
type Operating struct {
	Threshold *float64 `json:"threshold"` // absent: none, nothing is found but rows without an answer
	Recall    *float64 `json:"recall"`
	FPR       *float64 `json:"fpr"`
}

// scored is a row by score; hit says that it has the positive label.
type scored struct {
	score float64 // below 0: found at no threshold
	hit   bool
}

// noScore is that of a row with nothing to read.
const noScore = -1

func measureBinary(positive string, threshold float64, rows []judged) *Binary {
	b := &Binary{Positive: positive, Threshold: threshold}
	all := make([]scored, len(rows))
	found, right := 0, 0
	for i, j := range rows {
		s := scored{j.positive, j.has == positive}
		failed := !j.answered() && !j.empty
		switch {
		case j.empty:
			s.score = noScore
		case failed && s.hit:
			s.score = math.Inf(-1)
		case failed:
			s.score = math.Inf(1)
		}
		all[i] = s
		if s.hit {
			b.Positives++
		}
		if j.got == positive || failed && !s.hit {
			found++
			if s.hit {
				right++
			}
		}
	}
	b.Precision = defined(right, found)
	b.Recall = defined(right, b.Positives)
	b.FPR = defined(found-right, len(rows)-b.Positives)
	slices.SortFunc(all, func(x, y scored) int { return cmp.Compare(y.score, x.score) })
	b.AUC = areaUnderROC(all)
	b.curve = roc(all)
	b.At1Percent = recallAt(b.curve, 0.01)
	for _, t := range []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99} {
		b.Thresholds = append(b.Thresholds, operating(b.curve, t))
	}
	return b
}

// areaUnderROC is the share of pairs of a row with the label and one without in
// which the former has the higher score; of equal scores a half counts. That is
// the Mann-Whitney statistic, and the area under the ROC curve: Hanley and
// McNeil, "The Meaning and Use of the Area under a Receiver Operating
// Characteristic (ROC) Curve" (1982). sorted is by falling score.
func areaUnderROC(sorted []scored) *float64 {
	hits, others, twice := 0, 0, 0 // twice the pairs won
	for from := 0; from < len(sorted); {
		to, h := tied(sorted, from)
		o := to - from - h
		twice += o * (2*hits + h)
		hits, others = hits+h, others+o
		from = to
	}
	return defined(twice, 2*hits*others)
}

// tied is the end of the rows that share the score at from, and how many of
// them have the label.
func tied(sorted []scored, from int) (to, hits int) {
	for to = from; to < len(sorted) && sorted[to].score == sorted[from].score; to++ {
		if sorted[to].hit {
			hits++
		}
	}
	return to, hits
}

// roc is what each threshold that makes a difference gives, from the highest
// down. It begins with none and ends with everything that has a score.
func roc(sorted []scored) []Operating {
	positives := 0
	for _, s := range sorted {
		if s.hit {
			positives++
		}
	}
	var curve []Operating
	hits, others := 0, 0
	add := func(threshold *float64) {
		curve = append(curve, Operating{threshold, defined(hits, positives), defined(others, len(sorted)-positives)})
	}
	for from := 0; from < len(sorted); {
		to, h := tied(sorted, from)
		score := sorted[from].score
		if from == 0 && !math.IsInf(score, 1) {
			add(nil)
		}
		hits, others = hits+h, others+to-from-h
		switch {
		case math.IsInf(score, 1):
			add(nil)
		case score >= 0:
			add(&score)
		}
		from = to
	}
	return curve
}

// operating is what a threshold gives, read from the curve.
func operating(curve []Operating, threshold float64) Operating {
	at := Operating{Threshold: &threshold}
	for _, o := range curve {
		if o.Threshold == nil || *o.Threshold >= threshold {
			at.Recall, at.FPR = o.Recall, o.FPR
		}
	}
	return at
}

// recallAt is the point of highest recall whose false positive rate is at most
// limit, and among those the one with the fewest false alarms.
func recallAt(curve []Operating, limit float64) Operating {
	var best Operating
	for _, o := range curve {
		if o.Recall == nil || o.FPR == nil {
			return Operating{}
		}
		if *o.FPR <= limit && (best.Recall == nil || *o.Recall > *best.Recall) {
			best = o
		}
	}
	return best
}
