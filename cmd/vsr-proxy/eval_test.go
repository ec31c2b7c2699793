package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const earlier = "what an earlier run wrote\n"

// scoresOfARun are a file of an earlier run, alone in its folder.
func scoresOfARun(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scores.jsonl")
	if err := os.WriteFile(file, []byte(earlier), 0o640); err != nil {
		t.Fatal(err)
	}
	return file
}

// mustHold checks the content of a file that is alone in its folder.
func mustHold(t *testing.T, file, want string) {
	t.Helper()
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v, want %q", file, got, err, want)
	}
	if all, err := os.ReadDir(filepath.Dir(file)); err != nil || len(all) != 1 {
		t.Errorf("beside it: %v, %v", all, err)
	}
}

// leaving ends a run as soon as it tells how far it is.
type leaving struct {
	bytes.Buffer
	leave context.CancelFunc
}

func (l *leaving) Write(p []byte) (int, error) {
	l.leave()
	return l.Buffer.Write(p)
}

func TestAnInterruptedEvaluationLeavesTheScoresOfAnEarlierOne(t *testing.T) {
	t.Setenv("VSR_CLASSIFY_RUNTIME_PATH", library(t))
	data := filepath.Join(t.TempDir(), "rows.jsonl")
	if err := os.WriteFile(data, []byte(strings.Repeat(`{"text": "Solve x^2 = 4.", "label": "math"}`+"\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	scores := scoresOfARun(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	told := &leaving{leave: cancel}
	c := newEval()
	c.SetArgs([]string{"--scores", scores, data})
	c.SetOut(io.Discard)
	c.SetErr(told)
	c.SilenceUsage, c.SilenceErrors = true, true
	if err := c.ExecuteContext(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(told.String(), "of 500 rows") {
		t.Fatalf("%v after %q", err, told.String())
	}
	mustHold(t, scores, earlier)
}

func TestScoresAreReplacedWholeOrNotAtAll(t *testing.T) {
	scores := scoresOfARun(t)
	full := errors.New("disk full")
	err := replaceFile(scores, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	mustHold(t, scores, earlier)

	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(scores, link); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(link, func(w io.Writer) error { return say(w, "new") }); err != nil {
		t.Fatal(err)
	}
	mustHold(t, scores, "new")
	if at, err := os.Readlink(link); err != nil || at != scores {
		t.Errorf("the link leads to %q, %v", at, err)
	}
	if info, err := os.Stat(scores); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v: who may read it has changed", info, err)
	}
	first := filepath.Join(t.TempDir(), "first.jsonl")
	if err := replaceFile(first, func(w io.Writer) error { return say(w, "new") }); err != nil {
		t.Fatal(err)
	}
	mustHold(t, first, "new")
}

func say(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// A pipe, such as /dev/stdout, is no file to be replaced.
func TestScoresGoIntoAPipe(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	name := fmt.Sprintf("/dev/fd/%d", to.Fd())
	if err := (evalFlags{scores: name}).checkScores("rows.jsonl"); err != nil {
		t.Error(err)
	}
	if err := replaceFile(name, func(w io.Writer) error { return say(w, "scores") }); err != nil {
		t.Error(err)
	}
	_ = to.Close()
	if got, err := io.ReadAll(from); err != nil || string(got) != "scores" {
		t.Errorf("%q, %v", got, err)
	}
}

// Whatever the name, a run does not write over what it reads.
func TestScoresAreNotWrittenOverWhatIsRead(t *testing.T) {
	read := scoresOfARun(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(read, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{read, link, filepath.Dir(read)} {
		for what, err := range map[string]error{
			"data":          (evalFlags{scores: name}).checkScores(read),
			"configuration": (evalFlags{scores: name, config: read}).checkScores("rows.jsonl"),
		} {
			if err == nil || !strings.Contains(err.Error(), "write scores to") {
				t.Errorf("%s as %s: %v", what, name, err)
			}
		}
	}
	mustHold(t, read, earlier)
}
