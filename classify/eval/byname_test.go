package eval

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// inJSON is what a reader of a report's JSON asks for.
func inJSON(t *testing.T, r Report, got any) {
	t.Helper()
	if err := json.Unmarshal(written(t, func(w io.Writer) error { return WriteJSON(w, r) }), got); err != nil {
		t.Fatal(err)
	}
}

func TestFiguresAreFoundByNameInJSON(t *testing.T) {
	type figures map[string]map[string]any
	var labels, spans struct {
		Labels  figures `json:"per_label"`
		Types   figures `json:"per_type"`
		Sources figures `json:"per_source"`
	}
	inJSON(t, measured(), &labels)
	inJSON(t, measureSpans(spanSample()), &spans)
	if f1 := labels.Labels["b"]["f1"]; f1 != 0.5 || len(labels.Labels) != 4 {
		t.Errorf("b has an F1 of %v among %v", f1, labels.Labels)
	}
	if n := labels.Sources["book"]["n"]; n != 6.0 || len(labels.Sources) != 2 {
		t.Errorf("book has %v rows among %v", n, labels.Sources)
	}
	if f1, support := spans.Types["PERSON"]["f1"], spans.Types["EMAIL"]["support"]; f1 != 2.0/9 || support != 2.0 {
		t.Errorf("PERSON has an F1 of %v, EMAIL a support of %v", f1, support)
	}
	if r := spans.Sources["mail"]["recall"]; r != 1.0/3 {
		t.Errorf("mail has a recall of %v", r)
	}
}

// The order of the confusion's lines and columns is told, and the objects have that
// of the tables.
func TestTheOrderOfTablesIsKeptInJSON(t *testing.T) {
	task, answers := binarySample() // "weak" stands before "strong"
	var got struct {
		Confusion Confusion      `json:"confusion"`
		Labels    jsontext.Value `json:"per_label"`
		Sources   jsontext.Value `json:"per_source"`
	}
	for i := range answers {
		answers[i].Row.Source = []string{"a", "z", "z"}[i%3]
	}
	inJSON(t, task.Measure(answers), &got)
	if !slices.Equal(got.Confusion.Labels, task.Head.Labels) || !slices.Equal(namesIn(t, got.Labels), task.Head.Labels) {
		t.Errorf("confusion of %v, labels %s", got.Confusion.Labels, got.Labels)
	}
	if sources := namesIn(t, got.Sources); !slices.Equal(sources, []string{"z", "a"}) {
		t.Errorf("sources %v, needs the largest first", sources)
	}
}

// namesIn are the names in an object, as they follow.
func namesIn(t *testing.T, object jsontext.Value) (names []string) {
	t.Helper()
	in := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := in.ReadToken(); err != nil {
		t.Fatal(err)
	}
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.String())
		if err := in.SkipValue(); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func TestRowsWithoutSourcesHaveNoTableOfThem(t *testing.T) {
	task, answers := sample()
	for i := range answers {
		answers[i].Row.Source = ""
	}
	var got map[string]jsontext.Value
	inJSON(t, task.Measure(answers), &got)
	if _, there := got["per_source"]; there {
		t.Errorf("%s", got["per_source"])
	}
}
