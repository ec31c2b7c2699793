package eval

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// DefaultOutcomeHead is the head that outcomes are measured with by default.
const DefaultOutcomeHead = "complexity"

// Task is what is to be measured: rows of a kind with a head.
type Task struct {
	Kind Kind
	// Head is the one asked; for spans without a name the first that finds some.
	Head classify.Head
	// Types, if there are any, are those that spans and entities are restricted
	// to, as if there were no others.
	Types []string
	// others are token heads whose spans are not asked for.
	others []string
}

// NewTask chooses the head for data among those of the classifier: the one
// named, which must suit the rows, or without a name
//
//   - for labels, the only sequence head that has all of them;
//   - for spans, all token heads together with what is found by patterns;
//   - for outcomes, the head "complexity".
//
// types are for spans alone.
func NewTask(heads []classify.Head, data Data, name string, types []string) (Task, error) {
	task := Task{Kind: data.Kind, Types: types}
	if len(types) > 0 && data.Kind != KindSpans {
		return Task{}, fmt.Errorf("types are for rows with %s, these have %s", KindSpans.names(), data.Kind.names())
	}
	if slices.Contains(types, "") {
		return Task{}, errors.New("a type is empty")
	}
	if name == "" && data.Kind == KindLabels {
		return task.fit(heads, data.Rows)
	}
	if name == "" && data.Kind == KindOutcomes {
		name = DefaultOutcomeHead
	}
	return task.named(heads, data.Rows, name)
}

// fit takes the head that has all labels of the rows.
func (t Task) fit(heads []classify.Head, rows []Row) (Task, error) {
	var fitting, lacking []string
	for _, h := range heads {
		if h.Kind != classify.KindSequence {
			continue
		}
		if err := knows(h, rows); err != nil {
			lacking = append(lacking, err.Error())
			continue
		}
		fitting = append(fitting, h.Name)
		t.Head = h
	}
	switch {
	case len(fitting) == 1:
		return t, nil
	case len(fitting) > 1:
		return Task{}, fmt.Errorf("the labels fit several heads: name one of %s", strings.Join(fitting, ", "))
	case len(lacking) == 0:
		return Task{}, fmt.Errorf("no head judges whole texts; the classifier has %s", list(heads))
	}
	return Task{}, fmt.Errorf("no head has all labels: %s", strings.Join(lacking, "; "))
}

// knows tells the first row whose label the head does not have.
func knows(h classify.Head, rows []Row) error {
	for _, row := range rows {
		if !slices.Contains(h.Labels, row.Label) {
			return fmt.Errorf("line %d: label %.80q is not one of head %s: %s", row.Line, row.Label, h.Name, strings.Join(h.Labels, ", "))
		}
	}
	return nil
}

func (t Task) named(heads []classify.Head, rows []Row, name string) (Task, error) {
	want := classify.KindSequence
	if t.Kind == KindSpans {
		want = classify.KindToken
	}
	i := slices.IndexFunc(heads, func(h classify.Head) bool {
		return h.Name == name || name == "" && h.Kind == want
	})
	switch {
	case i < 0 && name == "":
		return Task{}, fmt.Errorf("no head finds spans; the classifier has %s", list(heads))
	case i < 0:
		return Task{}, fmt.Errorf("no head %.80q; the classifier has %s", name, list(heads))
	case heads[i].Kind != want:
		return Task{}, fmt.Errorf("head %s is a %s head, and rows with %s need a %s head; the classifier has %s",
			name, heads[i].Kind, t.Kind.names(), want, list(heads))
	}
	t.Head = heads[i]
	switch {
	case t.Kind == KindLabels:
		return t, knows(t.Head, rows)
	case t.Kind == KindOutcomes && t.Head.Positive == "":
		return Task{}, fmt.Errorf("head %s has no positive label, whose probability is the score that chooses the strong model", name)
	case t.Kind == KindSpans && name != "":
		for _, h := range heads {
			if h.Kind == classify.KindToken && h.Name != name {
				t.others = append(t.others, h.Name)
			}
		}
	}
	return t, nil
}

// list names the heads with their kinds, for errors.
func list(heads []classify.Head) string {
	names := make([]string, len(heads))
	for i, h := range heads {
		names[i] = fmt.Sprintf("%s (%s)", h.Name, h.Kind)
	}
	if len(names) == 0 {
		return "no heads"
	}
	return strings.Join(names, ", ")
}
