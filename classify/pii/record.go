package pii

// isField says whether [from, to) is a whole field of a list, a line or a
// literal: something parts it from its neighbours on both sides.
func (s *scan) isField(from, to int) bool {
	for from > 0 && s.cells[from-1] == ' ' {
		from--
	}
	for to < len(s.cells) && s.cells[to] == ' ' {
		to++
	}
	return opens(s.cell(from-1)) && closes(s.cell(to))
}

func opens(c byte) bool {
	switch c {
	case 0, '\n', '\r', '\t', ',', ';', '|', '"', '\'', '(', '<', '[', '>', cellOther:
		return true
	}
	return false
}

func closes(c byte) bool {
	switch c {
	case 0, '\n', '\r', '\t', ',', ';', '|', '"', '\'', ')', '>', ']', '<', '.', '-', cellOther:
		return true
	}
	return false
}

// isAlone says whether there is nothing else in the text but white space and
// punctuation.
func (s *scan) isAlone(from, to int) bool {
	if from > 8 || len(s.cells)-to > 8 {
		return false
	}
	for i, c := range s.cells {
		if (i < from || i >= to) && (isWord(c) || isGlyph(c)) {
			return false
		}
	}
	return true
}

// endsList says whether [from, to) is the last field of a line of three or more, of
// which the one before is no number: where an address list has the telephone.
func (s *scan) endsList(from, to int) bool {
	if to = s.blank(to, 2); s.cell(to) == '.' {
		to++
	}
	if c := s.cell(to); c != 0 && c != '\n' && c != '\r' {
		return false
	}
	begin := from
	for s.cell(begin-1) == ' ' {
		begin--
	}
	sep := s.cell(begin - 1)
	if sep != ',' && sep != ';' && sep != '|' && sep != '\t' {
		return false
	}
	fields, letters := 0, false
	for i := begin - 2; i >= 0 && begin-i < recordWithin; i-- {
		letters = letters || isLetter(s.cells[i]) || isGlyph(s.cells[i])
		if s.cells[i] == sep {
			if !letters {
				return false
			}
			if fields++; fields == 2 {
				break
			}
		}
	}
	return fields > 0 && letters && !s.called(from, 48, kindOther|kindLabel|kindVersion, kindPhone)
}

// recordWithin is how far the fields of one person reach.
const recordWithin = 200

// inRecord says whether a field at i stands among others of a person: an e-mail
// address or the like was found near it, or a word announces it; and no label of
// its own says that it is something else.
func (s *scan) inRecord(i int) bool {
	const labels = kindOther | kindLabel | kindCard | kindAccount | kindSSN | kindZIP | kindLicence | kindPassport | kindVersion
	if _, _, labelled := s.nearest(i, 6, labels); labelled {
		return false
	}
	for _, list := range [][]finding{s.found, s.fresh} {
		for n := first(list, i-recordWithin); n < len(list) && int(list[n].from) <= i+recordWithin; n++ {
			if t := s.grades[list[n].grade].typ; t == Email || t == Phone || t == Birth {
				return true
			}
		}
	}
	c, _, ok := s.nearest(i, recordWithin, kindRecord|kindPhone|kindOther|kindLabel)
	return ok && (c.kind&kindRecord != 0 || c.kind&kindPhone != 0 && c.kind&kindCall == 0)
}
