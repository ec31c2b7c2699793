package eval

import (
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

func heads() []classify.Head {
	return []classify.Head{
		{Name: "domain", Kind: classify.KindSequence, Labels: []string{"math", "law", "other"}},
		{Name: "jailbreak", Kind: classify.KindSequence, Labels: []string{"benign", "jailbreak"}, Positive: "jailbreak", Threshold: 0.5},
		{Name: "pii", Kind: classify.KindToken, Labels: []string{"O", "B-PERSON"}},
		{Name: "topic", Kind: classify.KindSequence, Labels: []string{"math", "sports"}},
		{Name: "complexity", Kind: classify.KindSequence, Labels: []string{"weak", "strong"}, Positive: "strong", Threshold: 0.5},
		{Name: "names", Kind: classify.KindToken, Labels: []string{"O", "B-NAME"}},
	}
}

func labelled(labels ...string) Data {
	d := Data{Kind: KindLabels}
	for i, label := range labels {
		d.Rows = append(d.Rows, Row{Line: i + 1, Label: label})
	}
	return d
}

func TestNewTaskChoosesTheHead(t *testing.T) {
	spans, outcomes := Data{Kind: KindSpans}, Data{Kind: KindOutcomes}
	for _, test := range []struct {
		name, head string
		data       Data
		types      []string
		want       string // the head, or what the error says
	}{
		{"labels of one head", "", labelled("law", "math"), nil, "domain"},
		{"labels of another", "", labelled("jailbreak"), nil, "jailbreak"},
		{"labels of two", "", labelled("math"), nil, "the labels fit several heads: name one of domain, topic"},
		{"labels of two, named", "topic", labelled("math"), nil, "topic"},
		{"labels of none", "", labelled("math", "cooking"), nil, `no head has all labels: line 2: label "cooking" is not one of head domain: math, law, other; line 1: label "math" is not one of head jailbreak: benign, jailbreak; `},
		{"labels of another than named", "topic", labelled("math", "law"), nil, `line 2: label "law" is not one of head topic: math, sports`},
		{"unknown head", "intent", labelled("math"), nil, `no head "intent"; the classifier has domain (sequence), jailbreak (sequence), pii (token)`},
		{"labels, token head", "pii", labelled("math"), nil, `head pii is a token head, and rows with "label" need a sequence head`},
		{"spans", "", spans, nil, "pii"},
		{"spans, named", "names", spans, []string{"NAME"}, "names"},
		{"spans, sequence head", "domain", spans, nil, `head domain is a sequence head, and rows with "entities" need a token head`},
		{"spans, empty type", "", spans, []string{"A", ""}, "a type is empty"},
		{"types without spans", "", outcomes, []string{"PERSON"}, `types are for rows with "entities", these have "weak" and "strong"`},
		{"outcomes", "", outcomes, nil, "complexity"},
		{"outcomes, named", "jailbreak", outcomes, nil, "jailbreak"},
		{"outcomes, no positive label", "domain", outcomes, nil, "head domain has no positive label"},
	} {
		t.Run(test.name, func(t *testing.T) {
			task, err := NewTask(heads(), test.data, test.head, test.types)
			if err != nil && !strings.HasPrefix(err.Error(), test.want) || err == nil && task.Head.Name != test.want {
				t.Errorf("%q, %v, want %q", task.Head.Name, err, test.want)
			}
		})
	}
}

func TestNewTaskOfAClassifierThatLacksTheHead(t *testing.T) {
	for want, test := range map[string]struct {
		heads []classify.Head
		data  Data
	}{
		"no head finds spans; the classifier has domain (sequence)":  {heads()[:1], Data{Kind: KindSpans}},
		`no head "complexity"; the classifier has domain (sequence)`: {heads()[:1], Data{Kind: KindOutcomes}},
		"no head judges whole texts; the classifier has pii (token)": {heads()[2:3], labelled("math")},
		"no head judges whole texts; the classifier has no heads":    {nil, labelled("math")},
	} {
		if _, err := NewTask(test.heads, test.data, "", nil); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A head named among several is measured without what the others found; what
// patterns found belongs to all.
func TestSpansOfOneHead(t *testing.T) {
	answer := Answer{Outcome: classify.OutcomeOK, Result: classify.Result{Spans: []classify.Span{
		{Type: "PERSON", Source: "pii"}, {Type: "NAME", Source: "names"}, {Type: "EMAIL", Source: "email"},
	}}}
	for head, want := range map[string][]string{"": {"PERSON", "NAME", "EMAIL"}, "names": {"NAME", "EMAIL"}} {
		task, err := NewTask(heads(), Data{Kind: KindSpans}, head, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range task.found(answer) {
			got = append(got, s.Type)
		}
		if !slices.Equal(got, want) {
			t.Errorf("head %q: %v, want %v", head, got, want)
		}
	}
}
