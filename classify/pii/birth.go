package pii

import "context"

// findBirths takes dates that a word calls somebody's birth, or that stand among
// the other fields of a person. A date alone is nobody's.
func findBirths(ctx context.Context, s *scan) {
	var p, months pace
	cues := 0 // how many were seen
	for i := 0; p.more(ctx, i, len(s.cells)); i++ {
		if !isDigit(s.cells[i]) || isDigit(s.cell(i-1)) {
			continue
		}
		if cues = s.monthBirths(ctx, &months, cues, i); cues < 0 {
			return
		}
		if to, year, ok := s.numericDate(i); ok {
			s.birth(i, to, year)
		} else if to, year, ok := s.glyphDate(i); ok {
			s.birth(i, to, year)
		} else if to, year, ok := s.compactDate(i); ok && s.called(i, 12, kindBirth, 0) {
			s.birth(i, to, year)
		}
	}
	s.monthBirths(ctx, &months, cues, len(s.cells))
}

// monthBirths takes the dates around the months that begin before the cell i, from
// the n-th cue on, and says how many cues it has seen, or -1 if ctx has ended.
func (s *scan) monthBirths(ctx context.Context, p *pace, n, i int) int {
	for ; n < s.cues.n; n++ {
		c := s.cues.at(n)
		if c.from >= i {
			break
		}
		if !p.more(ctx, c.from, len(s.cells)) {
			return -1
		}
		if c.month == 0 {
			continue
		}
		if from, to, year, ok := s.monthDate(c); ok {
			s.birth(from, to, year)
		}
	}
	return n
}

// Years of birth of people who may be alive, without asking the clock.
const (
	oldest   = 1900
	youngest = 2035
)

func (s *scan) birth(from, to, year int) {
	if year < oldest || year > youngest {
		return
	}
	score := 0.0
	c, _, before := s.nearest(from, 56, kindBirth|kindEvent|kindVersion|kindLabel)
	switch {
	case before && c.kind&kindBirth != 0:
		score = scoreCue
	case before: // a date of something else
	default:
		if after, ok := s.following(to, 40, kindBirth|kindEvent); ok && after.kind&kindBirth != 0 {
			score = scoreCue
		} else if year <= 2018 && s.isField(from, to) && s.called(from, 80, kindRecord, kindEvent) {
			score = scoreRecord
		}
	}
	if score > 0 {
		s.add(Birth, from, to, score)
	}
}

// numericDate reads a date of numbers that begins at i: day, month and year in
// some order, parted by the same character.
func (s *scan) numericDate(i int) (to, year int, ok bool) {
	if before := s.cell(i - 1); isWord(before) || (before == '.' || before == '/' || before == '-') && isDigit(s.cell(i-2)) {
		return 0, 0, false
	}
	var parts, sizes [3]int
	sep := byte(0)
	for p := range parts {
		end := s.digits(i, 4)
		if sizes[p] = end - i; sizes[p] == 0 || sizes[p] > 4 {
			return 0, 0, false
		}
		parts[p] = s.number(i, end)
		i = end
		if p == 2 {
			break
		}
		c := s.cell(i)
		if c != '.' && c != '-' && c != '/' || sep != 0 && c != sep {
			return 0, 0, false
		}
		sep = c
		if i++; sep == '.' {
			i = s.blank(i, 1)
		}
	}
	if after := s.cell(i); isWord(after) && !s.isTime(i) || (after == '.' || after == '/' || after == '-') && isDigit(s.cell(i+1)) {
		return 0, 0, false
	}
	switch {
	case sizes[0] == 4 && sizes[1] <= 2 && sizes[2] <= 2:
		return i, parts[0], isDay(parts[2], parts[1])
	case sizes[2] == 4 && sizes[0] <= 2 && sizes[1] <= 2:
		return i, parts[2], isDay(parts[0], parts[1]) || isDay(parts[1], parts[0])
	case sizes[2] == 2 && sizes[0] <= 2 && sizes[1] <= 2:
		return i, 1900 + parts[2], isDay(parts[0], parts[1]) || isDay(parts[1], parts[0]) || isDay(parts[2], parts[1])
	}
	return 0, 0, false
}

// isTime says whether the T of a time follows a date (ISO 8601).
func (s *scan) isTime(i int) bool {
	return s.cell(i) == 't' && isDigit(s.cell(i+1)) && isDigit(s.cell(i+2)) && s.cell(i+3) == ':'
}

func isDay(day, month int) bool {
	return day >= 1 && day <= 31 && month >= 1 && month <= 12
}

// compactDate reads a date such as 19900504 (ISO 8601, basic format).
func (s *scan) compactDate(i int) (to, year int, ok bool) {
	to = s.digits(i, 8)
	if to-i != 8 || isWord(s.cell(i-1)) || isWord(s.cell(to)) {
		return 0, 0, false
	}
	return to, s.number(i, i+4), isDay(s.number(i+6, to), s.number(i+4, i+6))
}

// glyphDate reads a date such as 1990年5月4日 or 1990년 5월 4일.
func (s *scan) glyphDate(i int) (to, year int, ok bool) {
	var parts [3]int
	for p, unit := range []byte{cellYear, cellMonth, cellDay} {
		end := s.digits(i, 4)
		if end == i || end-i > 4 {
			return 0, 0, false
		}
		parts[p] = s.number(i, end)
		if i = s.blank(end, 1); s.cell(i) != unit {
			return 0, 0, false
		}
		if i++; p < 2 {
			i = s.blank(i, 1)
		}
	}
	return i, parts[0], isDay(parts[2], parts[1])
}

// monthDate reads a date around a month's name: "4th of May 1990", "4. Mai 1990",
// "4 de mayo de 1990", "May 4, 1990", "4-May-1990", "1990 May 4".
func (s *scan) monthDate(c cue) (from, to, year int, ok bool) {
	from, day, before := s.dayBefore(c.from)
	if before {
		year, to, ok = s.yearAfter(c.to)
		return from, to, year, ok && isDay(day, c.month)
	}
	i := c.to
	if s.cell(i) == '.' {
		i++
	}
	i = s.blank(i, 2)
	end := s.digits(i, 2)
	if end == i || end-i > 2 {
		return 0, 0, 0, false
	}
	day = s.number(i, end)
	end = s.ordinal(end)
	year, to, ok = s.yearAfter(end)
	if !ok && isDigit(s.cell(c.from-2)) {
		begin := c.from - 2
		for isDigit(s.cell(begin-1)) && c.from-begin < 6 {
			begin--
		}
		if c.from-1-begin == 4 && !isWord(s.cell(begin-1)) {
			return begin, end, s.number(begin, c.from-1), isDay(day, c.month) && !isWord(s.cell(end))
		}
	}
	return c.from, to, year, ok && isDay(day, c.month)
}

// ordinal skips what English and others write behind a day.
func (s *scan) ordinal(i int) int {
	for _, word := range []string{"st", "nd", "rd", "th", "er", "º", "."} {
		if s.has(i, word) && !isWord(s.cell(i+len(word))) {
			return i + len(word)
		}
	}
	if s.cell(i) == cellLetter || s.cell(i) == cellSign { // º, ª, °
		return i + 1
	}
	return i
}

// dayBefore reads a day that ends before the month at end.
func (s *scan) dayBefore(end int) (from, day int, ok bool) {
	i := end
	back := func(words ...string) {
		for _, word := range words {
			if s.has(i-len(word), word) {
				i -= len(word)
				return
			}
		}
	}
	back(" of ", " de ", " den ", " da ", " ", "-", "/")
	if s.cell(i-1) == cellSign || s.cell(i-1) == cellLetter {
		i--
	}
	back("st", "nd", "rd", "th", "er", ".", ",")
	from = i
	for isDigit(s.cell(from-1)) && i-from < 3 {
		from--
	}
	if from == i || i-from > 2 || isWord(s.cell(from-1)) || isDigit(s.cell(from-2)) && !isWord(s.cell(from-1)) && s.cell(from-1) != ' ' {
		return 0, 0, false
	}
	return from, s.number(from, i), true
}

// yearAfter reads the year behind a month or a day that ends at i.
func (s *scan) yearAfter(i int) (year, to int, ok bool) {
	skip := func(words ...string) {
		for _, word := range words {
			if s.has(i, word) {
				i += len(word)
				return
			}
		}
	}
	skip(".,", ".", ",")
	skip(" del ", " de ", " of ", " do ", " ", "-", "/")
	skip("'")
	end := s.digits(i, 4)
	if isWord(s.cell(end)) || s.cell(end) == cellYear {
		return 0, 0, false
	}
	switch end - i {
	case 4:
		return s.number(i, end), end, true
	case 2:
		return 1900 + s.number(i, end), end, true
	}
	return 0, 0, false
}
