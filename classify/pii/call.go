package pii

// linkWords stand between "call" and the like and a telephone number, in lower
// case and parted by spaces: last before the number, they say that it is what is
// called.
var linkWords = newWords(`at on via under from is number numbers nr no num tel phone line extension back now today anytime free toll me us him her them
	auf unter an ist au est le il el es è al op naar på paa em ao numer numero número numéro nummer`)

// dials says whether what stands between c, a word such as "call", and the number
// at i makes that number the one that is called: nothing but punctuation, names,
// or whatever ends in a word such as "at" or in a colon. For the same words tell
// of functions, cells and pH.
func (s *scan) dials(c cue, i int) bool {
	if isWord(s.cell(c.to)) && !s.has(c.to, "_num") && !s.has(c.to, "num") { // a part of a longer name, such as call_count
		return false
	}
	end := i
	for end > c.to && !isLetter(s.cells[end-1]) {
		if s.cells[end-1] == ':' || s.cells[end-1] == '=' {
			return true
		}
		end--
	}
	begin := end
	for begin > c.to && isLetter(s.cells[begin-1]) {
		begin--
	}
	if begin == end || linkWords[string(s.wordAt(nil, begin, end, true))] {
		return true
	}
	return s.named(c.to, end) || s.addressed(c.to, end)
}

// personWords say that somebody is called, and no function.
var personWords = newWords(`me us him her them my our his your their mich uns ihn sie mir meg mig oss os ons mij nous moi`)

// addressed says whether the first word of [from, to) means a person.
func (s *scan) addressed(from, to int) bool {
	from = s.blank(from, 1)
	end := from
	for end < to && isLetter(s.cells[end]) {
		end++
	}
	return end > from && personWords[string(s.wordAt(nil, from, end, false))]
}

// named says whether all words of [from, to) have a capital, as those of names.
func (s *scan) named(from, to int) bool {
	for i := from; i < to; i++ {
		if isLetter(s.cells[i]) && !isLetter(s.cell(i-1)) && !s.isCapital(i) {
			return false
		}
		if isDigit(s.cells[i]) {
			return false
		}
	}
	return true
}
