package classify

import "time"

// Result is the judgement of one text.
type Result struct {
	// Verdicts are those of the sequence heads, in the order of the model's heads.
	Verdicts []Verdict
	// Spans are what token heads and Options.Patterns found, sorted by From and
	// not overlapping; see MergeSpans.
	Spans []Span
	// Tokens is how many tokens of the text were read; a token that two windows
	// share counts once.
	Tokens int
	// UnreadTokens is how many were not, because of Options.MaxWindows or the
	// deadline; 0 means all was read. It is exact for what was tokenised. What
	// lies between the excerpts of a text that Options.MaxWindows cannot hold is
	// estimated from its bytes with the tokens per byte before it.
	UnreadTokens int
	// UnreadBy is the same by head, where a Panel's members each read the text; nil
	// of one model. See UnreadOf.
	UnreadBy map[string]int
	// Windows is how many windows were read.
	Windows int
	// QueueWait is the time spent waiting for slots, Elapsed the whole time.
	// Both are set on errors too.
	QueueWait, Elapsed time.Duration
}

// Verdict is that of a sequence head, if the result has one.
func (r Result) Verdict(head string) (Verdict, bool) {
	for _, v := range r.Verdicts {
		if v.Head == head {
			return v, true
		}
	}
	return Verdict{}, false
}

// UnreadOf is how many tokens the model of a head did not read. Of a head that it
// knows nothing of it says the most that any model left, so that nobody takes a
// text for read by mistake.
func (r Result) UnreadOf(head string) int {
	if n, ok := r.UnreadBy[head]; ok {
		return n
	}
	return r.UnreadTokens
}
