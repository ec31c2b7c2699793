package eval

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// Spans is the report of what was found in texts. A span is right if an entity
// of its row has the same type, the same start and the same end: the exact match
// of Tjong Kim Sang and De Meulder, "Introduction to the CoNLL-2003 Shared Task"
// (2003). Beside that stands a lenient figure, in which it is enough that the two
// have the type and one character in common; it tells what is missed from what
// is cut at another place. In a row without an answer nothing was found.
//
// Spans that the classifier gives don't overlap. Of entities that do, one at
// most can be right.
type Spans struct {
	Summary `json:",inline"`
	Types   []string `json:"types,omitempty"` // to which all is restricted

	MicroPrecision *float64 `json:"micro_precision"` // of all spans together
	MicroRecall    *float64 `json:"micro_recall"`
	MicroF1        *float64 `json:"micro_f1"`
	// MacroF1 is the mean of F1 over the types that some row has or got.
	MacroF1        *float64 `json:"macro_f1"`
	LenientMicroF1 *float64 `json:"lenient_micro_f1"`
	LenientMacroF1 *float64 `json:"lenient_macro_f1"`

	Entities int `json:"entities"` // in the data
	Found    int `json:"found"`    // by the classifier

	CleanRows int `json:"clean_rows"` // rows without entities
	// FlaggedCleanRows is the share of those in which something was found.
	FlaggedCleanRows *float64 `json:"flagged_clean_rows"`

	PerType   ByName[TypeReport]       `json:"per_type"`             // in alphabetical order
	PerSource ByName[SpanSourceReport] `json:"per_source,omitempty"` // by falling number of rows
}

// TypeReport is how one type fared.
type TypeReport struct {
	Type      string   `json:"-"`         // the name
	Precision *float64 `json:"precision"` // right / given
	Recall    *float64 `json:"recall"`    // right / support
	F1        *float64 `json:"f1"`        // harmonic mean of the two; 0 where one is absent, absent where both are
	Support   int      `json:"support"`   // entities of the type
	Given     int      `json:"given"`     // spans of the type
	Lenient   Lenient  `json:"lenient"`
}

// Lenient counts what overlaps something of the same type.
type Lenient struct {
	Precision *float64 `json:"precision"` // of the spans, those that overlap an entity
	Recall    *float64 `json:"recall"`    // of the entities, those that overlap a span
	F1        *float64 `json:"f1"`        // as the strict one
}

// SpanSourceReport is how the rows of one source fared.
type SpanSourceReport struct {
	Source    string   `json:"-"` // the name
	N         int      `json:"n"`
	Precision *float64 `json:"precision"` // of all types together
	Recall    *float64 `json:"recall"`
	F1        *float64 `json:"f1"`
	Entities  int      `json:"entities"`
}

// located is one row: where entities are and where they were found, both sorted
// by place.
type located struct {
	source     string
	has, found []Entity
}

// tally counts spans of a type.
type tally struct {
	support, given, right int
	supportMet, givenMet  int // that overlap one of the other side
}

func (t *tally) add(o tally) {
	t.support += o.support
	t.given += o.given
	t.right += o.right
	t.supportMet += o.supportMet
	t.givenMet += o.givenMet
}

func (t tally) report(kind string) TypeReport {
	r := TypeReport{Type: kind, Support: t.support, Given: t.given}
	r.Precision, r.Recall = defined(t.right, t.given), defined(t.right, t.support)
	r.F1 = defined(2*t.right, t.given+t.support)
	r.Lenient = Lenient{Precision: defined(t.givenMet, t.given), Recall: defined(t.supportMet, t.support), F1: t.lenientF1()}
	return r
}

func (t tally) lenientF1() *float64 {
	if t.given+t.support == 0 {
		return nil
	}
	precision, recall := share(t.givenMet, t.given), share(t.supportMet, t.support)
	if precision+recall == 0 {
		return new(0.0)
	}
	return new(2 * precision * recall / (precision + recall))
}

func measureSpans(t Task, answers []Answer) *Spans {
	source := sourceOf(answers)
	rows := make([]located, len(answers))
	for i, a := range answers {
		rows[i] = located{source: source(a.Row), has: t.only(a.Row.Entities)}
		for _, s := range t.found(a) {
			rows[i].found = append(rows[i].found, Entity{Type: s.Type, From: s.From, To: s.To})
		}
		slices.SortFunc(rows[i].found, byPlace)
	}
	r := &Spans{Summary: summarize(KindSpans, t.Head.Name, answers), Types: t.Types}
	types := count(rows)
	for _, name := range t.Types {
		if types[name] == nil {
			types[name] = &tally{}
		}
	}
	r.fill(types)
	flagged := 0
	for _, row := range rows {
		if len(row.has) == 0 {
			r.CleanRows++
			flagged += min(len(row.found), 1)
		}
	}
	r.FlaggedCleanRows = defined(flagged, r.CleanRows)
	for _, group := range bySource(rows, func(l located) string { return l.source }) {
		all := total(count(group)).report("")
		r.PerSource = append(r.PerSource, SpanSourceReport{
			Source: group[0].source, N: len(group), Precision: all.Precision, Recall: all.Recall, F1: all.F1, Entities: all.Support,
		})
	}
	return r
}

func (r *Spans) fill(types map[string]*tally) {
	n, strict, lenient := 0, 0.0, 0.0
	r.PerType = ByName[TypeReport]{}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		one := types[name].report(name)
		r.PerType = append(r.PerType, one)
		if one.F1 != nil {
			n++
			strict += *one.F1
			lenient += *one.Lenient.F1
		}
	}
	r.MacroF1, r.LenientMacroF1 = mean(strict, n), mean(lenient, n)
	all := total(types).report("")
	r.MicroPrecision, r.MicroRecall, r.MicroF1 = all.Precision, all.Recall, all.F1
	r.LenientMicroF1 = all.Lenient.F1
	r.Entities, r.Found = all.Support, all.Given
}

// only is the entities that the task asks for.
func (t Task) only(entities []Entity) []Entity {
	if len(t.Types) == 0 {
		return entities
	}
	var kept []Entity
	for _, e := range entities {
		if slices.Contains(t.Types, e.Type) {
			kept = append(kept, e)
		}
	}
	return kept
}

// found is the spans of an answer that the task asks for.
func (t Task) found(a Answer) []classify.Span {
	if !a.answered() {
		return nil
	}
	var kept []classify.Span
	for _, s := range a.Result.Spans {
		if slices.Contains(t.others, s.Source) || len(t.Types) > 0 && !slices.Contains(t.Types, s.Type) {
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// count tallies the spans of rows by type.
func count(rows []located) map[string]*tally {
	types := map[string]*tally{}
	of := func(e Entity) *tally {
		if types[e.Type] == nil {
			types[e.Type] = &tally{}
		}
		return types[e.Type]
	}
	for _, row := range rows {
		for _, e := range row.has {
			t := of(e)
			t.support++
			if meets(e, row.found) {
				t.supportMet++
			}
		}
		for _, e := range row.found {
			t := of(e)
			t.given++
			if _, ok := slices.BinarySearchFunc(row.has, e, byPlace); ok {
				t.right++
			}
			if meets(e, row.has) {
				t.givenMet++
			}
		}
	}
	return types
}

func total(types map[string]*tally) tally {
	var all tally
	for _, t := range types {
		all.add(*t)
	}
	return all
}

// meets says whether e overlaps one of the sorted entities of its type.
func meets(e Entity, sorted []Entity) bool {
	for _, o := range sorted {
		if o.From >= e.To {
			return false
		}
		if o.Type == e.Type && o.To > e.From {
			return true
		}
	}
	return false
}

func byPlace(a, b Entity) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), strings.Compare(a.Type, b.Type))
}
