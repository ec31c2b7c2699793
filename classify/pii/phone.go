package pii

import "context"

// findPhones goes from group to group: where a number doesn't begin with one, it
// may begin with the next.
func findPhones(ctx context.Context, s *scan) {
	var p pace
	for i := 0; p.more(ctx, i, len(s.cells)); {
		if !s.mayDial(i) {
			i++
			continue
		}
		if to, _, ok := s.numericDate(i); ok {
			i = to
			continue
		}
		i = s.phoneAt(i)
	}
}

// mayDial says whether a number can begin at i, judged by what is before.
func (s *scan) mayDial(i int) bool {
	c, before := s.cells[i], s.cell(i-1)
	switch {
	case isDigit(c), c == '+' && (isDigit(s.cell(i+1)) || s.cell(i+1) == '(' && isDigit(s.cell(i+2))), c == '(' && isDigit(s.cell(i+1)), c == '(' && s.cell(i+1) == '+':
	default:
		return false
	}
	switch before {
	case cellSign, '+', '$', '#', '&', '%', '^', '*', '~', '\\', '@':
		return c == '('
	case '(':
		return !isWord(s.cell(i - 2)) // else a call, not a number in brackets
	case ',':
		return !isDigit(s.cell(i - 2))
	case '.', '-', '/':
		return !isWord(s.cell(i - 2))
	}
	return !isWord(before)
}

// phoneAt adds the longest number that begins at i, and says where to go on.
func (s *scan) phoneAt(i int) int {
	d := s.dial(i)
	if d.n == 0 || d.n == 1 && d.paren == 0 {
		return i + 1
	}
	for n := d.plausible(); n > 0; n-- {
		if n < d.n && !d.groups[n].spaced { // a part of what belongs together
			continue
		}
		part := d.cut(n)
		to, ok := s.ends(part)
		if !ok || s.taken(part.from, to) {
			continue
		}
		if score := s.judge(part, to); score > 0 {
			s.add(Phone, part.from, to, score)
			return to
		}
	}
	first := 1
	if d.n == maxGroups && s.bare(d) { // a row of a table: it would look the same from each of its groups
		first = d.n - 1
	}
	for n := first; n < d.n; n++ {
		if d.groups[n].spaced {
			return s.opening(d.groups[n].from)
		}
	}
	end := d.groups[d.n-1].to
	for isDigit(s.cell(end)) {
		end++
	}
	return end
}

// opening is i, or the bracket or plus just before.
func (s *scan) opening(i int) int {
	for s.cell(i-1) == '(' || s.cell(i-1) == '+' {
		i--
	}
	return i
}

// ends is where the number d ends, with its extension, if it can end there.
func (s *scan) ends(d dialled) (int, bool) {
	to := d.groups[d.n-1].to
	if d.paren == d.n-1 {
		return 0, false
	}
	if end, ok := s.extension(to); ok {
		return end, true
	}
	switch after := s.cell(to); after {
	case '%', '@', cellSign, '^', '*', '=':
		return 0, false
	case cellYear, cellMonth, cellDay:
		return to, d.plus
	case '.', ',', ':', '-', '/', '\'':
		return to, !isWord(s.cell(to+1)) || after == ',' && d.plus
	default:
		return to, !isWord(after)
	}
}

// judge gives what the finding of d is worth, or 0 if it is no telephone number.
func (s *scan) judge(d dialled, to int) float64 {
	form := s.form(d)
	if form == noNumber {
		return 0
	}
	if form == strong && s.inRow(d) {
		form = medium
	}
	if s.saysPhone(d, to, form) {
		if form == strong {
			return scoreFormat
		}
		return scoreCue
	}
	switch form {
	case strong:
		if d.plus {
			return scoreFormat
		}
		if s.called(d.from, 24, kindLabel, kindPhone) || s.called(d.from, 3, kindOther, kindPhone) || s.inFormula(d.from, to) {
			return 0
		}
		return scoreFormat
	case medium:
		if s.isField(d.from, to) && (s.isAlone(d.from, to) || s.inRecord(d.from) || s.endsList(d.from, to)) {
			return scoreRecord
		}
	case weak:
		if n := d.digits(); d.n == 1 && n >= 10 && n <= 12 && (s.isAlone(d.from, to) || s.endsList(d.from, to)) {
			return scoreRecord
		}
		if d.digits() >= 8 && s.isField(d.from, to) && s.inRecord(d.from) {
			return scoreRecord
		}
	}
	return 0
}

// inRow says whether d, of digits and spaces alone, goes on from other digits, as
// the numbers of a table do.
func (s *scan) inRow(d dialled) bool {
	return s.bare(d) && s.cell(d.from-1) == ' ' && isDigit(s.cell(d.from-2))
}

// saysPhone says whether the text calls what is at [d.from, to) a telephone
// number: before it, with nothing else in between, or after it, or as another one.
func (s *scan) saysPhone(d dialled, to int, form strength) bool {
	const others = kindOther | kindLabel | kindCard | kindAccount | kindSSN | kindZIP | kindLicence | kindPassport | kindBirth | kindVersion | kindAddress
	if s.inFormula(d.from, to) || form == weak && s.says(to, 2, kindOther|kindCount) {
		return false
	}
	if c, ok := s.labelled(d.from, kindPhone|others, form); ok {
		return c.kind&kindPhone != 0
	}
	if d.digits() >= 8 && s.called(d.from, 64, kindReach, 0) && s.afterPreposition(d.from) {
		return true
	}
	if n := len(s.fresh); n > 0 && d.from-int(s.fresh[n-1].to) <= 48 && (form > weak || d.digits() >= 7 && closes(s.cell(to))) {
		return true
	}
	if form > weak || d.digits() >= 9 {
		for _, words := range []string{" is my ", " is his ", " is her ", " is their ", " is our "} {
			if s.has(to, words) && !s.says(to, 28, others|kindEvent) {
				return true
			}
		}
	}
	c, ok := s.following(to, 10, kindPhone|others)
	return ok && c.kind&kindPhone != 0 && !s.sentence(to, c.from) && (c.kind&kindCall == 0 || closes(s.cell(c.to)))
}

// labelled is the nearest cue before i that says any of kinds. What may be just a
// word is passed over unless the form needs none, or it dials the number.
func (s *scan) labelled(i int, kinds kind, form strength) (cue, bool) {
	const within = 64
	for at := i; ; {
		c, _, ok := s.nearest(at, within-(i-at), kinds)
		if !ok || c.kind&kindCall == 0 || form == strong || s.dials(c, i) {
			return c, ok
		}
		at = c.from
	}
}

// afterPreposition says whether a word as in "text me at" is just before i.
func (s *scan) afterPreposition(i int) bool {
	for _, word := range []string{" at ", " on ", " via ", " to ", " under ", " at: ", " on: "} {
		if s.has(i-len(word), word) {
			return true
		}
	}
	return false
}

// sentence says whether one ends in [from, to).
func (s *scan) sentence(from, to int) bool {
	for i := from; i < to; i++ {
		switch s.cells[i] {
		case '.', '?', '!', '\n', ';', ',':
			return true
		}
	}
	return false
}

// inFormula says whether arithmetic goes on beside [from, to).
func (s *scan) inFormula(from, to int) bool {
	isOp := func(c byte) bool {
		return c == '*' || c == '^' || c == '+' || c == '/' || c == '=' || c == '<' || c == '>'
	}
	after := s.blank(to, 1)
	if isOp(s.cell(after)) && s.cell(after) != '<' && s.cell(after) != '/' || s.cell(after) == '-' && after > to && isDigit(s.cell(s.blank(after+1, 1))) {
		return true
	}
	before := from - 1
	if s.cell(before) != ' ' {
		return false
	}
	return isOp(s.cell(before-1)) && s.cell(before-1) != '=' && s.cell(before-1) != '>' && s.cell(before-1) != '/'
}
