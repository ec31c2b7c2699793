package pii

import "context"

// findSSNs takes social security numbers of the United States: three, two and
// four digits. Which are given out: no area 000, 666 or 9xx, no group 00, no
// serial 0000 (SSA, since 2011 there is no other rule). In one piece or parted by
// spaces they look like any number, so a word must say what they are.
func findSSNs(ctx context.Context, s *scan) {
	var p pace
	for i := 0; p.more(ctx, i, len(s.cells)); {
		if !isDigit(s.cells[i]) {
			i++
			continue
		}
		from := i
		i = s.digits(i, 9)
		switch i - from {
		case 9:
			s.ssn(from, i, 0)
		case 3:
			sep := s.cell(i)
			if (sep == '-' || sep == ' ' || sep == '.') && s.digits(i+1, 2) == i+3 && s.cell(i+3) == sep && s.digits(i+4, 4) == i+8 {
				s.ssn(from, i+8, sep)
				i += 8
			}
		}
		for p.more(ctx, i, len(s.cells)) && isDigit(s.cells[i]) {
			i++
		}
	}
}

func (s *scan) ssn(from, to int, sep byte) {
	if before := s.cell(from - 1); isWord(before) || before == '-' || before == '+' || before == '.' && isDigit(s.cell(from-2)) || sep != 0 && before == sep && isDigit(s.cell(from-2)) {
		return
	}
	if after := s.cell(to); isWord(after) || (after == '-' || after == '.' || after == ',') && isWord(s.cell(to+1)) || sep == ' ' && after == ' ' && isDigit(s.cell(to+1)) {
		return
	}
	width := 0
	if sep != 0 {
		width = 1
	}
	area := s.number(from, from+3)
	group := s.number(from+3+width, from+5+width)
	serial := s.number(to-4, to)
	if area == 0 || area == 666 || area >= 900 || group == 0 || serial == 0 || s.taken(from, to) {
		return
	}
	const avoid = kindOther | kindLabel | kindPhone | kindCard | kindAccount | kindZIP | kindLicence | kindPassport
	switch {
	case s.called(from, 64, kindSSN, avoid):
		s.add(SSN, from, to, scoreFormat)
	case sep != '-':
		if c, ok := s.following(to, 24, kindSSN|avoid); ok && c.kind&kindSSN != 0 && !s.called(from, 24, avoid, kindSSN) {
			s.add(SSN, from, to, scoreCue)
		}
	case !s.called(from, 24, kindOther|kindLabel, kindSSN) && !s.says(to, 12, kindOther|kindLabel):
		s.add(SSN, from, to, scoreFormat)
	}
}
