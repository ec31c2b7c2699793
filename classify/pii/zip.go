package pii

import (
	"context"
	"regexp"
	"slices"
)

// postalForms are the shapes of postal codes, the longest first; 9 is a digit and
// A a letter. They mean nothing without a word that says so.
var postalForms = regexp.MustCompile(`^(?:` +
	`[0-9]{5}-[0-9]{3,4}|[0-9]{3}-[0-9]{4}|[0-9]{3}-[0-9]{2,3}|[0-9]{2}-[0-9]{3}|[0-9]{3} [0-9]{2,3}|[0-9]{4}-[0-9]{3}` +
	`|[a-z]{1,2}[0-9][0-9a-z]? ?[0-9][a-z]{2}` + // United Kingdom
	`|[a-z][0-9][a-z][ -]?[0-9][a-z][0-9]` + // Canada
	`|[0-9]{4} ?[a-z]{2}` + // Netherlands
	`|[a-z]{1,3}-?[0-9]{4,5}` + // Latvia, Lithuania, Malta, Barbados and others
	`|[0-9]{3,8}` +
	`)`)

// shortWords are words that aren't the letters of a Dutch code.
var shortWords = []string{"is", "in", "or", "of", "to", "at", "as", "an", "on", "it", "by", "so", "if", "do", "we", "en", "et", "de", "la", "am", "zu"}

// findPostalCodes takes what just follows a word for a postal code.
func findPostalCodes(ctx context.Context, s *scan) {
	for n, c := range s.eachCue(ctx) {
		if c.kind&kindZIP == 0 {
			continue
		}
		end := min(len(s.cells), c.to+24)
		if c.kind&kindIndex != 0 {
			end = min(end, c.to+3)
		}
		if n+1 < s.cues.n {
			end = min(end, max(c.to, s.cues.at(n+1).from))
		}
		for i := c.to; i < end; i++ {
			if !isAlnum(s.cells[i]) || isWord(s.cell(i-1)) {
				if (s.cells[i] == '(' || s.cells[i] == '[') && isLetter(s.cell(i-1)) && !isDigit(s.cell(i+1)) { // a call or an index, as of Python's zip
					break
				}
				if s.cells[i] == ',' || s.cells[i] == ';' || s.cells[i] == '\n' || s.cells[i] == '.' && i > c.to {
					break
				}
				continue
			}
			if c.kind&kindIndex != 0 && s.digits(i, 6) != i+6 {
				continue
			}
			if s.postalCode(i) {
				break
			}
		}
	}
}

func (s *scan) postalCode(i int) bool {
	end := min(len(s.cells), i+12)
	m := postalForms.FindIndex(s.cells[i:end])
	if m == nil {
		return false
	}
	to := i + m[1]
	if m[1] == 7 && s.cells[to-3] == ' ' && isAlpha(s.cells[to-1]) && slices.Contains(shortWords, string(s.cells[to-2:to])) {
		to -= 3
	}
	if after := s.cell(to); isWord(after) || after == '@' || (after == '.' || after == '-' || after == '/') && isWord(s.cell(to+1)) {
		return false
	}
	if c, _, ok := s.nearest(i, 24, ^kindMonth); !ok || c.kind&kindZIP == 0 || s.taken(i, to) {
		return false
	}
	s.add(PostalCode, i, to, scoreCue)
	return true
}
