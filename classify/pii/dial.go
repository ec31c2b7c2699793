package pii

const (
	maxGroups = 9
	maxDigits = 16 // 15 (ITU-T E.164) and a trunk zero in brackets
)

// dialled is what may be a telephone number: groups of digits and what parts
// them.
type dialled struct {
	from   int
	plus   bool // begins with + or (+
	paren  int  // the group in brackets, or -1
	n      int
	groups [maxGroups]group
}

type group struct {
	from, to int
	sep      byte // before it: one of " -./", or a bracket
	spaced   bool // there is a space before it
}

func (d *dialled) size(i int) int { return d.groups[i].to - d.groups[i].from }

func (d *dialled) digits() int {
	n := 0
	for i := range d.n {
		n += d.size(i)
	}
	return n
}

// plausible is how many groups may be of one number, judged by their sizes.
func (d *dialled) plausible() int {
	single := 0
	for i := range d.n {
		if d.size(i) == 1 {
			single++
		}
		if single > 2 {
			return i
		}
	}
	return d.n
}

// cut is d without its groups from n on.
func (d dialled) cut(n int) dialled {
	d.n = n
	if d.paren >= n {
		d.paren = -1
	}
	return d
}

// dial reads groups of digits from i on.
func (s *scan) dial(i int) dialled {
	d := dialled{from: i, paren: -1}
	open := false
	for s.cell(i) == '(' && !open || s.cell(i) == '+' && !d.plus {
		open = open || s.cells[i] == '('
		d.plus = d.plus || s.cells[i] == '+'
		i++
	}
	sep, spaced, digits := byte(0), false, 0
	for d.n < maxGroups {
		end := s.digits(i, maxDigits+2)
		if end == i {
			break
		}
		if digits += end - i; digits > maxDigits+2 {
			break
		}
		if open {
			if s.cell(end) != ')' || d.paren >= 0 && d.paren != d.n {
				break
			}
			d.paren = d.n
		}
		d.groups[d.n] = group{i, end, sep, spaced}
		d.n++
		if open {
			end++
		}
		i, sep, spaced, open = s.separator(end, open)
		if i < 0 {
			break
		}
	}
	return d
}

// separator reads what stands between two groups, and says where the next digits
// begin, or -1.
func (s *scan) separator(i int, closed bool) (next int, sep byte, spaced, open bool) {
	if closed {
		sep = ')'
	}
	space := func() {
		if s.cell(i) == ' ' {
			i++
			spaced = true
		}
	}
	space()
	switch c := s.cell(i); c {
	case '-', '/':
		if c == '/' && spaced && s.cell(i+1) == ' ' { // one number or the other
			return -1, 0, false, false
		}
		sep = c
		i++
		space()
	case '.':
		if spaced {
			return -1, 0, false, false
		}
		sep = c
		i++
	}
	if s.cell(i) == '(' {
		open, sep = true, '('
		i++
	}
	if !isDigit(s.cell(i)) || sep == 0 && !spaced {
		return -1, 0, false, false
	}
	if sep == 0 {
		sep = ' '
	}
	return i, sep, spaced, open
}

// extension reads x123, ext. 123 and #123 from i on.
func (s *scan) extension(i int) (int, bool) {
	i = s.blank(i, 1)
	if s.cell(i) == ',' && s.has(i+1, " ext") {
		i += 2
	}
	for _, word := range []string{"extension", "extn", "ext", "x", "#", "poste", "anexo", "int"} {
		if !s.has(i, word) {
			continue
		}
		from := i + len(word)
		if len(word) > 1 {
			if s.cell(from) == '.' || s.cell(from) == ':' {
				from++
			}
			from = s.blank(from, 1)
		}
		if end := s.digits(from, 6); end > from && end-from <= 6 && !isWord(s.cell(end)) {
			return end, true
		}
		return 0, false
	}
	return 0, false
}
