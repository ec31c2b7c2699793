package eval

import (
	"cmp"
	"slices"
)

// SourceReport is how the rows of one source fared.
type SourceReport struct {
	Source   string  `json:"-"` // the name
	N        int     `json:"n"`
	Accuracy float64 `json:"accuracy"`
	// Detection is there for heads with a positive label.
	*Detection `json:",inline"`
}

// Detection is how the positive label was found among the rows of a source, at the
// head's threshold; see Binary.
type Detection struct {
	Positives int      `json:"positives"`
	Recall    *float64 `json:"recall"`
	FPR       *float64 `json:"fpr"`
}

const (
	sourcesKept  = 100
	otherSources = "(others)" // the rows of sources beyond those
	noSource     = "(none)"
)

// sourceOf says what rows are told apart by: the member "source" if a row has
// one, else "lang", else nothing. If there are more than 100 sources those of
// the fewest rows are taken together.
func sourceOf(answers []Answer) func(Row) string {
	member := func(r Row) string { return r.Source }
	if !slices.ContainsFunc(answers, func(a Answer) bool { return a.Row.Source != "" }) {
		member = func(r Row) string { return r.Lang }
	}
	count := map[string]int{}
	for _, a := range answers {
		count[member(a.Row)]++
	}
	if len(count) == 1 && count[""] > 0 {
		return func(Row) string { return "" }
	}
	kept := make([]string, 0, len(count))
	for source := range count {
		kept = append(kept, source)
	}
	slices.SortFunc(kept, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	kept = kept[:min(len(kept), sourcesKept)]
	return func(r Row) string {
		switch source := member(r); {
		case !slices.Contains(kept, source):
			return otherSources
		case source == "":
			return noSource
		default:
			return source
		}
	}
}

// perSource is by falling number of rows; nil if rows name no source.
func perSource(positive string, rows []judged) []SourceReport {
	var reports []SourceReport
	for _, group := range bySource(rows, func(j judged) string { return j.source }) {
		r := SourceReport{Source: group[0].source, N: len(group), Accuracy: accuracy(group)}
		if positive != "" {
			b := measureBinary(positive, 0, group)
			r.Detection = &Detection{b.Positives, b.Recall, b.FPR}
		}
		reports = append(reports, r)
	}
	return reports
}

// bySource parts rows by source, the largest part first.
func bySource[T any](rows []T, source func(T) string) [][]T {
	parts := map[string][]T{}
	for _, r := range rows {
		if s := source(r); s != "" {
			parts[s] = append(parts[s], r)
		}
	}
	var all [][]T
	for _, part := range parts {
		all = append(all, part)
	}
	slices.SortFunc(all, func(a, b []T) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(source(a[0]), source(b[0])))
	})
	return all
}
