package eval

import (
	"io"
	"slices"
	"time"
)

// Report is what an evaluation found: *Labels, *Spans or *Outcomes. All shares
// are from 0 to 1. A figure that nothing could count for is absent, which is nil
// here, null in JSON and "-" in tables: a 0 was counted. Figures that are no
// pointers have something to count in any file, for it has a row.
type Report interface {
	// WriteText writes tables for people.
	WriteText(w io.Writer) error
	// Charts are the diagrams that go with the figures.
	Charts() []Chart
}

// Measure computes the report of the answers to a task's rows.
func (t Task) Measure(answers []Answer) Report {
	switch t.Kind {
	case KindSpans:
		return measureSpans(t, answers)
	case KindOutcomes:
		return measureOutcomes(t.Head, answers)
	}
	return measureLabels(t.Head, answers)
}

// Summary is what all reports begin with.
type Summary struct {
	Kind Kind   `json:"kind"`
	Head string `json:"head"`
	N    int    `json:"n"` // rows

	Unanswered int            `json:"unanswered"` // rows that are wrong for want of an answer
	Outcomes   map[string]int `json:"outcomes"`   // rows by classify.Outcome
	Unread     int            `json:"unread_tokens"`

	P50 *float64 `json:"p50_ms"` // of the latency of answered rows, nearest rank
	P90 *float64 `json:"p90_ms"`
	P99 *float64 `json:"p99_ms"`
}

func summarize(kind Kind, head string, answers []Answer) Summary {
	s := Summary{Kind: kind, Head: head, N: len(answers), Outcomes: map[string]int{}}
	var took []time.Duration
	for _, a := range answers {
		s.Outcomes[a.Outcome]++
		s.Unread += a.Result.UnreadOf(head)
		if a.answered() {
			took = append(took, a.Result.Elapsed)
		} else {
			s.Unanswered++
		}
	}
	slices.Sort(took)
	s.P50, s.P90, s.P99 = percentile(took, 50), percentile(took, 90), percentile(took, 99)
	return s
}

// percentile is the smallest of the sorted times that at least p percent do not
// exceed (nearest rank), in milliseconds.
func percentile(sorted []time.Duration, p int) *float64 {
	if len(sorted) == 0 {
		return nil
	}
	rank := (p*len(sorted) + 99) / 100
	return new(float64(sorted[rank-1]) / float64(time.Millisecond))
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// defined is a share that is absent when nothing could have counted.
func defined(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	return new(share(part, whole))
}

// mean is absent when there is nothing that it would be of.
func mean(sum float64, n int) *float64 {
	if n == 0 {
		return nil
	}
	return new(sum / float64(n))
}
