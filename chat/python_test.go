package chat_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

// pythonView is a line of testdata/strict_reader.py.
type pythonView struct {
	OK    bool     `json:"ok"`
	Why   string   `json:"why"`
	Model string   `json:"model"`
	Text  [][4]any `json:"text"`
}

// askPython has one Python process read all bodies.
func askPython(t *testing.T, bodies [][]byte) []pythonView {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("this test compares with Python's json module and needs python3 in the PATH: ", err)
	}
	var in bytes.Buffer
	for _, body := range bodies {
		in.WriteString(base64.StdEncoding.EncodeToString(body) + "\n")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "testdata/strict_reader.py")
	var complaint bytes.Buffer
	cmd.Stdin, cmd.Stderr = &in, &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, complaint.Bytes())
	}
	views := make([]pythonView, 0, len(bodies))
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v pythonView
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		views = append(views, v)
	}
	if len(views) != len(bodies) {
		t.Fatalf("python3 answered %d of %d bodies", len(views), len(bodies))
	}
	return views
}

// B4: what we classify is what a Python backend reads, and what it would read two
// ways we refuse: 10,000 pairs of a sound body and one with mischief, no
// difference.
func TestPythonReadsTheSame(t *testing.T) {
	pairs := withoutRace(t, 10_000)
	sound, mischief := newGenerator(4, false), newGenerator(5, true)
	bodies := make([][]byte, 0, 2*pairs)
	for range pairs {
		bodies = append(bodies, slices.Clone(sound.body()), slices.Clone(mischief.body()))
	}
	accepted, refused := 0, 0
	for i, want := range askPython(t, bodies) {
		r, err := chat.Parse(chat.Chat, bodies[i], chat.Limits{})
		switch {
		case err == nil:
			accepted++
			comparePython(t, bodies[i], r, want)
		case i%2 == 0:
			t.Errorf("refused a sound body: %v\n%q", err, bodies[i])
		case isSyntax(err) && want.OK:
			t.Errorf("refused what Python reads one way only: %v\n%q", err, bodies[i])
		default:
			refused++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("accepted %d, refused %d", accepted, refused)
	if refused < pairs/10 || accepted < pairs {
		t.Errorf("accepted %d and refused %d bodies: the generator has lost its mischief or its sense", accepted, refused)
	}
}

// isSyntax reports whether err says that the bytes are at fault. The others, such
// as a missing role, are no matter of how JSON is read.
func isSyntax(err *chat.Error) bool {
	return err.Code == "invalid_json" || err.Code == "duplicate_field" || strings.Contains(err.Message, "NUL")
}

func comparePython(t *testing.T, body []byte, r *chat.Request, want pythonView) {
	t.Helper()
	if !want.OK || want.Model != r.Model {
		t.Errorf("we read model %q, Python %q (%s)\n%q", r.Model, want.Model, want.Why, body)
		return
	}
	var got [][4]any
	for _, s := range r.Segments {
		if s.Field == chat.FieldContent || s.Field == chat.FieldName {
			got = append(got, [4]any{float64(s.Turn), string(s.Role), s.Field, s.Text})
		}
	}
	if !slices.Equal(got, want.Text) {
		t.Errorf("we read %q, Python %q (%s)\n%q", got, want.Text, want.Why, body)
	}
}
