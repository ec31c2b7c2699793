package eval

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// binarySample is the rows of a head with a positive label, one unanswered and one
// with nothing to read.
func binarySample() (Task, []Answer) {
	task, answers := outcomeSample()
	task.Kind = KindLabels
	for i := range answers {
		a := &answers[i]
		a.Row.Label = []string{"weak", "strong"}[int(a.Row.Strong)]
		v := &a.Result.Verdicts[0]
		v.Label, v.Confidence = "weak", v.P("weak")
		if v.P("strong") >= task.Head.Threshold {
			v.Label, v.Confidence = "strong", v.P("strong")
		}
		a.Row.Source = []string{"exam", "chat"}[i%2]
	}
	answers[9].Outcome, answers[1].Outcome = "deadline", "no_text"
	return task, answers
}

// samples are an evaluation of each kind, computed by hand in the other tests.
func samples() map[string]func() (Task, []Answer) {
	return map[string]func() (Task, []Answer){"labels": sample, "binary": binarySample, "spans": spanSample, "outcomes": outcomeSample, "graded": gradedSample}
}

func TestGolden(t *testing.T) {
	for kind, sample := range samples() {
		task, answers := sample()
		report := task.Measure(answers)
		files := map[string][]byte{
			"report.txt":   written(t, report.WriteText),
			"report.json":  written(t, func(w io.Writer) error { return WriteJSON(w, report) }),
			"scores.jsonl": written(t, func(w io.Writer) error { return task.WriteScores(w, answers) }),
		}
		for _, c := range report.Charts() {
			files[c.Name] = c.SVG
		}
		for name, got := range files {
			t.Run(kind+"/"+name, func(t *testing.T) { golden(t, filepath.Join("testdata", kind, name), got) })
		}
	}
}

func written(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s:\n%s", path, got)
	}
	if text := strings.ToLower(string(got)); strings.Contains(text, "canary") || strings.ContainsRune(text, '\x1b') {
		t.Error("the text of a row, or a control character of its source, is written")
	}
}

// What is measured of nothing, or of the absent, can be written too.
func TestEveryReportOfNothingIsWritten(t *testing.T) {
	for kind, sample := range samples() {
		task, answers := sample()
		for _, a := range [][]Answer{nil, answers[:1], answers[7%len(answers):]} {
			report := task.Measure(a)
			written(t, report.WriteText)
			written(t, func(w io.Writer) error { return WriteJSON(w, report) })
			for _, c := range report.Charts() {
				if text := string(c.SVG); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
					t.Errorf("%s of %d rows: %s has no finite figures", kind, len(a), c.Name)
				}
			}
		}
	}
}

type fullDisk struct{}

var errFull = errors.New("disk full")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrorsAreTold(t *testing.T) {
	for kind, sample := range samples() {
		task, answers := sample()
		r := task.Measure(answers)
		for name, err := range map[string]error{
			"text": r.WriteText(fullDisk{}), "JSON": WriteJSON(fullDisk{}, r), "scores": task.WriteScores(fullDisk{}, answers),
		} {
			if !errors.Is(err, errFull) {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
		}
	}
	task, answers := sample()
	answers[0].Result.Verdicts[1].Scores[0].P = math.NaN()
	if err := task.WriteScores(io.Discard, answers); err == nil {
		t.Error("NaN was written")
	}
}
