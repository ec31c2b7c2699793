package pii

import "context"

// findLicences takes what a driver's licence or a passport is said to have for a
// number. States give out too many forms for a form alone to tell.
func findLicences(ctx context.Context, s *scan) {
	for _, c := range s.eachCue(ctx) {
		switch {
		case c.kind&kindBrief != 0:
			s.document(Licence, c, 5) // room for "is"
		case c.kind&kindLicence != 0:
			s.document(Licence, c, documentWithin)
		case c.kind&kindPermit != 0:
			s.document(Licence, c, 3)
		case c.kind&kindPassport != 0:
			s.document(Passport, c, documentWithin)
		}
	}
}

// documentWithin is how far from its cue a number may stand: room for the name of
// the holder.
const documentWithin = 72

// longestDocument is how many letters, digits and hyphens a number has at most:
// those of isDocument, and one that is too many.
const longestDocument = 17 + 5 + 1

// document adds the first number after the cue that can be one of a document, or
// the one just before, as in "D1234567 is my driver's licence".
func (s *scan) document(typ string, c cue, within int) {
	const others = kindPhone | kindCard | kindAccount | kindSSN | kindBirth | kindZIP | kindAddress | kindOther | kindLabel | kindVersion | kindEvent
	until := c.to + within
	if other, ok := s.following(c.to, within, others); ok {
		until = min(until, max(other.from, c.to)+1)
	}
	for i := c.to; i < len(s.cells) && i < until; i++ {
		if s.cells[i] == '\n' && i > c.to+2 || s.cells[i] == '.' && s.cell(i+1) == ' ' && !s.abbreviates(i) {
			break
		}
		if !isAlnum(s.cells[i]) || isWord(s.cell(i-1)) {
			continue
		}
		end := s.token(i, c.to+within+longestDocument)
		if s.isDocument(typ, i, end) && !(c.kind&kindPermit != 0 && s.isRecentDay(i)) {
			s.add(typ, i, end, scoreCue)
			return
		}
		i = end - 1
	}
	if c.kind&kindPermit != 0 {
		return
	}
	end := c.from
	for end > 0 && c.from-end < 16 && !isDigit(s.cells[end-1]) {
		end--
	}
	begin := end
	for begin > 0 && end-begin < 20 && (isAlnum(s.cells[begin-1]) || s.cells[begin-1] == '-') {
		begin--
	}
	if s.has(end, " is ") && s.isDocument(typ, begin, end) && !s.called(begin, 24, kindLicence|kindPassport, 0) {
		s.add(typ, begin, end, scoreCue)
	}
}

// isRecentDay says whether a day such as 20230101 is at i, as behind "MIT License".
func (s *scan) isRecentDay(i int) bool {
	_, year, ok := s.compactDate(i)
	return ok && year >= oldest && year <= youngest
}

// abbreviates says whether the word before the full stop at i is short, such as a
// title's.
func (s *scan) abbreviates(i int) bool {
	for j := i - 1; j >= i-4; j-- {
		if !isLetter(s.cell(j)) {
			return true
		}
	}
	return false
}

// token is where letters and digits that hyphens and stars may join end, at the
// latest at most. Without that, each of the cues in one endless token would read
// it to its end.
func (s *scan) token(i, most int) int {
	for i < most && (isAlnum(s.cell(i)) || (s.cell(i) == '-' || s.cell(i) == '*') && isAlnum(s.cell(i+1))) {
		i++
	}
	return i
}

// isDocument is about digits with few letters: California's A1234567, Florida's
// A123-456-78-901-0, New York's 123456789, Washington's WDLABCD456DG.
func (s *scan) isDocument(typ string, from, to int) bool {
	digits, letters, hyphens := 0, 0, 0
	for _, c := range s.cells[from:to] {
		switch {
		case isDigit(c):
			digits++
		case isAlpha(c):
			letters++
		default:
			hyphens++
		}
	}
	if digits < 5 { // which most words are, so first
		return false
	}
	if isWord(s.cell(to)) || s.cell(to) == '@' || s.cell(to) == '/' || s.cell(to) == '.' && isWord(s.cell(to+1)) || s.taken(from, to) {
		return false
	}
	if typ == Passport {
		return hyphens == 0 && digits >= 6 && digits+letters <= 9 && digits+letters >= 8 && letters <= 2
	}
	if _, _, ok := s.numericDate(from); ok {
		return false
	}
	return digits+letters >= 6 && digits+letters <= 17 && letters <= 7 && hyphens <= 5
}
