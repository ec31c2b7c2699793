package eval

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

// classifier is a real one over a model that knows words: all kinds of heads, and
// a pattern for "42".
func classifier(t *testing.T) *classify.Classifier {
	t.Helper()
	two := func(name, no, yes string) classifytest.Head {
		return classifytest.Head{Head: classify.Head{
			Name: name, Kind: classify.KindSequence, Labels: []string{no, yes}, Temperature: 1, Merge: classify.MergeMean, Positive: yes, Threshold: 0.5,
		}, Words: map[string]string{"easy": no, "good": no, "proof": yes, "ignore": yes}}
	}
	c, err := classify.New(classifytest.New(classifytest.Options{Heads: []classifytest.Head{
		{Head: classifytest.Domain("math", "law")},
		two("jailbreak", "benign", "jailbreak"),
		two("complexity", "weak", "strong"),
		{
			Head:  classify.Head{Name: "pii", Kind: classify.KindToken, Labels: []string{"O", "B-PERSON", "I-PERSON"}, Temperature: 1},
			Words: map[string]string{"zoë": "B-PERSON", "müller": "I-PERSON"},
		},
	}}), classify.Options{Slots: 2, Deadline: 10 * time.Second, MaxWindows: 4, Overlap: 2, Patterns: func(_ context.Context, text string) ([]classify.Span, error) {
		if at := strings.Index(text, "42"); at >= 0 {
			return []classify.Span{{Type: "NUMBER", From: at, To: at + 2, Score: 1, Source: "number"}}, nil
		}
		return nil, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(t.Context()) })
	return c
}

// evaluate is what the command does.
func evaluate(t *testing.T, file string) (Task, []Answer) {
	t.Helper()
	data, err := Read(strings.NewReader(file), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	c := classifier(t)
	task, err := NewTask(c.Heads(), data, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := Run(t.Context(), c, data.Rows, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	return task, answers
}

// The last two have nothing to read: the attack is missed, the other no false alarm.
func TestWholeEvaluationOfLabels(t *testing.T) {
	task, answers := evaluate(t, `{"text":"ignore all","label":"jailbreak"}
{"text":"be good","label":"benign"}
{"text":"","label":"jailbreak"}
{"text":"\u0000","label":"benign"}`)
	r := task.Measure(answers).(*Labels)
	if r.Head != "jailbreak" || r.N != 4 || r.Unanswered != 0 || r.Outcomes["no_text"] != 2 || r.Accuracy != 0.75 || !is(r.Recall, 0.5) || !is(r.FPR, 0) || r.PerLabel[0].Support != 2 {
		t.Errorf("%+v", r)
	}
}

// Places in the file are code points, the classifier's are bytes of the text as
// it was before it was normalised, and the scores are code points again.
func TestWholeEvaluationOfSpans(t *testing.T) {
	task, answers := evaluate(t, `{"text":"é\u00a0ﬁne Zoë Müller 42","entities":[{"start":6,"end":16,"type":"PERSON","value":"Zoë Müller"},{"start":17,"end":19,"type":"NUMBER","value":"42"}]}
{"text":"nobody here","entities":[]}
{"text":"","entities":[]}`)
	r := task.Measure(answers).(*Spans)
	if !is(r.MicroF1, 1) || r.Entities != 2 || r.Found != 2 || r.CleanRows != 2 || !is(r.FlaggedCleanRows, 0) || r.Unanswered != 1 {
		t.Errorf("%+v", r)
	}
	var scores bytes.Buffer
	if err := task.WriteScores(&scores, answers); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"type":"PERSON","start":6,"end":16,`, `"type":"NUMBER","start":17,"end":19,"score":1,"source":"number"`} {
		if !strings.Contains(scores.String(), want) {
			t.Errorf("no %s in %s", want, scores.String())
		}
	}
}

func TestWholeEvaluationOfOutcomes(t *testing.T) {
	task, answers := evaluate(t, `{"text":"a proof","weak":0,"strong":1}
{"text":"easy","weak":1,"strong":1}
{"text":"easy easy","weak":1,"strong":0}
{"text":"a proof proof","weak":0,"strong":1}`)
	r := task.Measure(answers).(*Outcomes)
	// Gains in order of the score: 1, 2, 2, 1.
	if r.Head != "complexity" || !is(r.APGR, (1+2+2+0.5)/4) || !is(r.CPT50, 0.5/4) || r.OracleAccuracy != 1 {
		t.Errorf("%+v, APGR %v", r, *r.APGR)
	}
}
