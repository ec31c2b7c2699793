package eval

import (
	"reflect"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

func spanAnswer(line int, source string, has []Entity, found ...classify.Span) Answer {
	return Answer{
		Row:     Row{Line: line, Text: "canärycanarycanarycanarycanarycanary", Source: source, Entities: has},
		Outcome: classify.OutcomeOK,
		Result:  classify.Result{Spans: found, Tokens: 5, Elapsed: time.Duration(line) * time.Millisecond},
	}
}

// spanSample by hand:
//
//	line 1: PERSON right; PERSON cut short (overlaps); a CARD that is none
//	line 2: EMAIL found as PERSON
//	line 3: clean, nothing found
//	line 4: clean, PERSON found
//	line 5: no answer; EMAIL missed
//	line 6: one PERSON found as two halves
//
//	         support given right  of support met  of given met
//	PERSON         3     6     1       3               4
//	EMAIL          2     0     0       0               0
//	CARD           0     1     0       0               0
func spanSample() (Task, []Answer) {
	span := func(kind string, from, to int) classify.Span {
		return classify.Span{Type: kind, From: from, To: to, Score: 0.75, Source: "pii"}
	}
	answers := []Answer{
		spanAnswer(1, "mail", []Entity{{"PERSON", 0, 4}, {"PERSON", 10, 20}}, span("PERSON", 0, 4), span("PERSON", 10, 15), span("CARD", 22, 30)),
		spanAnswer(2, "mail", []Entity{{"EMAIL", 3, 9}}, span("PERSON", 3, 9)),
		spanAnswer(3, "chat", []Entity{}),
		spanAnswer(4, "chat", []Entity{}, span("PERSON", 1, 3)),
		spanAnswer(5, "chat", []Entity{{"EMAIL", 0, 9}}, span("EMAIL", 0, 9)),
		spanAnswer(6, "chat", []Entity{{"PERSON", 0, 8}}, span("PERSON", 0, 3), span("PERSON", 5, 8)),
	}
	answers[4].Outcome = classify.OutcomePanic
	return Task{Kind: KindSpans, Head: classify.Head{Name: "pii", Kind: classify.KindToken}}, answers
}

func TestSpansByHand(t *testing.T) {
	r := measureSpans(spanSample())
	want := ByName[TypeReport]{
		{Type: "CARD", Given: 1, Precision: new(0.0), F1: new(0.0), Lenient: Lenient{Precision: new(0.0), F1: new(0.0)}},
		{Type: "EMAIL", Support: 2, Recall: new(0.0), F1: new(0.0), Lenient: Lenient{Recall: new(0.0), F1: new(0.0)}},
		{
			Type: "PERSON", Precision: new(1.0 / 6), Recall: new(1.0 / 3), F1: new(2.0 / 9), Support: 3, Given: 6,
			Lenient: Lenient{Precision: new(4.0 / 6), Recall: new(1.0), F1: new(0.8)},
		},
	}
	if !reflect.DeepEqual(r.PerType, want) {
		t.Errorf("%+v", r.PerType)
	}
	if !is(r.MicroPrecision, 1.0/7) || !is(r.MicroRecall, 1.0/5) || !is(r.MicroF1, 2.0/12) || !is(r.MacroF1, 2.0/27) {
		t.Errorf("micro %v, %v, %v, macro %v", *r.MicroPrecision, *r.MicroRecall, *r.MicroF1, *r.MacroF1)
	}
	// 4 of 7 spans and 3 of 5 entities meet one of the other side.
	if p, q := 4.0/7, 3.0/5; !is(r.LenientMicroF1, 2*p*q/(p+q)) || !is(r.LenientMacroF1, 0.8/3) {
		t.Errorf("lenient micro %v, macro %v", *r.LenientMicroF1, *r.LenientMacroF1)
	}
	if r.Entities != 5 || r.Found != 7 || r.CleanRows != 2 || !is(r.FlaggedCleanRows, 0.5) || r.N != 6 || r.Unanswered != 1 {
		t.Errorf("%+v", r)
	}
	wantSources := ByName[SpanSourceReport]{
		{Source: "chat", N: 4, Precision: new(0.0), Recall: new(0.0), F1: new(0.0), Entities: 2},
		{Source: "mail", N: 2, Precision: new(1.0 / 4), Recall: new(1.0 / 3), F1: new(2.0 / 7), Entities: 3},
	}
	if !reflect.DeepEqual(r.PerSource, wantSources) {
		t.Errorf("%+v", r.PerSource)
	}
}

// Restricted to types, all else is as if it were not there: line 2 is clean, but
// for what was taken for a PERSON.
func TestSpansOfSomeTypes(t *testing.T) {
	task, answers := spanSample()
	task.Types = []string{"PERSON", "IBAN"}
	r := measureSpans(task, answers)
	if len(r.PerType) != 2 || r.PerType[0] != (TypeReport{Type: "IBAN"}) || !is(r.PerType[1].F1, 2.0/9) {
		t.Errorf("%+v", r.PerType)
	}
	if r.Entities != 3 || r.Found != 6 || r.CleanRows != 4 || !is(r.FlaggedCleanRows, 0.5) || !is(r.MacroF1, 2.0/9) {
		t.Errorf("%+v", r)
	}
}

func TestSpansOfNothing(t *testing.T) {
	r := measureSpans(Task{Kind: KindSpans}, nil)
	if r.MicroF1 != nil || r.MacroF1 != nil || r.FlaggedCleanRows != nil || r.PerType == nil {
		t.Errorf("%+v", r)
	}
}

func TestOverlapIsOfTheSameTypeAndNotOfEdges(t *testing.T) {
	has := []Entity{{"A", 0, 9}, {"A", 2, 3}, {"B", 5, 7}}
	for _, test := range []struct {
		e    Entity
		want bool
	}{
		{Entity{"A", 8, 12}, true}, {Entity{"A", 9, 12}, false}, {Entity{"B", 0, 5}, false}, {Entity{"B", 0, 6}, true}, {Entity{"C", 0, 9}, false},
	} {
		if got := meets(test.e, has); got != test.want {
			t.Errorf("%v: %v", test.e, got)
		}
	}
}
