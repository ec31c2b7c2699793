package eval

import (
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// scoreLine is what is written about every row.
type scoreLine struct {
	Line    int     `json:"line"`
	Outcome string  `json:"outcome"`
	TookMS  float64 `json:"ms"`
	Tokens  int     `json:"tokens"`
	Unread  int     `json:"unread_tokens"`
}

type labelLine struct {
	scoreLine `json:",inline"`
	Label     string             `json:"label"`            // the row's
	Got       string             `json:"got,omitempty"`    // the one given
	Scores    map[string]float64 `json:"scores,omitempty"` // probabilities by label
}

type spanLine struct {
	scoreLine `json:",inline"`
	Spans     []foundSpan `json:"spans"`
}

// foundSpan is a span in code points.
type foundSpan struct {
	Type   string  `json:"type"`
	Start  int     `json:"start"`
	End    int     `json:"end"`
	Score  float64 `json:"score"`
	Source string  `json:"source"`
}

type outcomeLine struct {
	scoreLine `json:",inline"`
	Weak      float64  `json:"weak"`
	Strong    float64  `json:"strong"`
	Score     *float64 `json:"score,omitempty"` // the probability of the positive label
}

// WriteScores writes one line of JSON for each answer: line, outcome, time and
// tokens, and what was given with its probabilities, for labels all of them, for
// spans their places in code points, for outcomes the score. What the classifier
// did not answer is absent. It writes no text.
func (t Task) WriteScores(w io.Writer, answers []Answer) error {
	for _, a := range answers {
		text, err := json.Marshal(t.scores(a), json.Deterministic(true))
		if err != nil {
			return fmt.Errorf("write scores: line %d: %w", a.Row.Line, err)
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return fmt.Errorf("write scores: %w", err)
		}
	}
	return nil
}

func (t Task) scores(a Answer) any {
	line := scoreLine{
		Line: a.Row.Line, Outcome: a.Outcome, TookMS: float64(a.Result.Elapsed.Microseconds()) / 1000,
		Tokens: a.Result.Tokens, Unread: a.Result.UnreadOf(t.Head.Name),
	}
	v, ok := a.Verdict(t.Head.Name)
	switch t.Kind {
	case KindSpans:
		return spanLine{line, inCodePoints(a.Row.Text, t.found(a))}
	case KindOutcomes:
		l := outcomeLine{scoreLine: line, Weak: a.Row.Weak, Strong: a.Row.Strong}
		if ok {
			p := v.P(t.Head.Positive)
			l.Score = &p
		}
		return l
	}
	l := labelLine{scoreLine: line, Label: a.Row.Label}
	if ok {
		l.Got, l.Scores = v.Label, make(map[string]float64, len(v.Scores))
		for _, s := range v.Scores {
			l.Scores[s.Label] = s.P
		}
	} else if nothingToFind(t.Head, a) {
		l.Got = negative(t.Head)
	}
	return l
}

// inCodePoints turns the places of sorted spans from bytes.
func inCodePoints(text string, spans []classify.Span) []foundSpan {
	found := make([]foundSpan, len(spans))
	at, n := 0, 0
	until := func(to int) int {
		n += utf8.RuneCountInString(text[at:to])
		at = to
		return n
	}
	for i, s := range spans {
		found[i] = foundSpan{Type: s.Type, Start: until(s.From), End: until(s.To), Score: s.Score, Source: s.Source}
	}
	return found
}
