package pii

// A telephone number has no check digit, and each country writes it in ways of
// its own. What tells is the form, from such that little else has down to mere
// digits, together with what the text says around it.
type strength int

const (
	noNumber strength = iota
	weak              // digits that only a word makes a telephone number
	medium            // grouped as telephone numbers are, and other things
	strong            // needs no word
)

// form says how much d alone looks like a telephone number.
func (s *scan) form(d dialled) strength {
	n := d.digits()
	bracketedZero := d.paren == 1 && d.size(1) == 1
	if n < 6 || n > maxDigits || n == maxDigits && !bracketedZero || s.uniform(d) {
		return noNumber
	}
	first := s.cells[d.groups[0].from]
	if d.plus {
		switch {
		case n < 8 || n > 15 && !bracketedZero:
			return noNumber
		case first == '0':
			return weak
		case first == '1' && d.groups[0].to-d.groups[0].from == 1 && n != 11:
			return noNumber // North America has eleven digits, so fewer groups may be right
		}
		return strong
	}
	if s.has(d.groups[0].from, "00") && n >= 10 && s.cells[d.groups[0].from+2] != '0' {
		if d.n > 1 && s.has(d.groups[1].from, "00") { // no country, but a table or a dump
			return noNumber
		}
		if d.n > 1 {
			return strong
		}
		return medium
	}
	if n > 14 || n > 13 && d.n == 1 {
		return noNumber
	}
	if d.n == 1 {
		if n < 7 {
			return noNumber
		}
		return weak
	}
	return s.grouped(d, n, first)
}

// grouped is form for numbers of several groups without a country's code.
func (s *scan) grouped(d dialled, n int, first byte) strength {
	last := d.size(d.n - 1)
	spaces, sep := true, d.groups[1].sep
	single, mixed := false, false
	for i := range d.n {
		if i > 0 {
			spaces = spaces && d.groups[i].sep == ' '
			mixed = mixed || d.groups[i].sep != sep && d.groups[i].sep != ' '
		}
		single = single || d.size(i) == 1
	}
	if last < 2 && (d.groups[d.n-1].sep == ' ' || d.groups[d.n-1].sep == '-') || last == 1 && n < 9 {
		return noNumber
	}
	sizes := func(want ...int) bool {
		if d.n != len(want) {
			return false
		}
		for i, w := range want {
			if d.size(i) != w {
				return false
			}
		}
		return true
	}
	slash := false
	for i := 1; i < d.n; i++ {
		slash = slash || d.groups[i].sep == '/'
	}
	switch {
	case slash, s.has(d.groups[0].from, "000"):
		return weak
	case sizes(4, 4) && sep == '-' && s.isYear(d.groups[0]) && s.isYear(d.groups[1]):
		return noNumber
	case sizes(3, 3, 4) && (d.paren == 0 || sep != ' ' && !mixed):
		return strong
	case sizes(1, 3, 3, 4) && !spaces && (first == '1' || d.paren == 1):
		return strong
	case sizes(1, 3, 3, 2, 2) && d.paren == 1:
		return strong
	case first == '0' && sep == '-' && (sizes(5, 4) || sizes(2, 7) || sizes(4, 4, 2)):
		return medium // as ZIP+4, and numbers of employers and of drugs
	case d.paren == 0 && (first == '0' && n >= 8 && n <= 13 || sizes(3, 7) || sizes(3, 3, 4)):
		return strong
	case d.paren == 0 && n >= 7:
		return medium
	case first == '0' && !single && n >= 9 && n <= 12 && d.size(0) >= 2 && d.size(0) <= 6:
		return strong
	case first == '0' && n >= 8 && d.n <= 6:
		return medium
	case s.thousands(d):
		return noNumber
	case sizes(3, 3, 3), sizes(3, 1, 3), sizes(2, 3, 2, 2), sizes(3, 3, 4), sizes(2, 4, 4), sizes(2, 5, 4), sizes(3, 4, 4), sizes(1, 3, 3, 4), sizes(1, 3, 3, 2, 2), sizes(3, 2, 2, 2), sizes(3, 2, 3, 2):
		return medium
	case n >= 7 || n == 6 && !single && d.n <= 3:
		return weak
	}
	return noNumber
}

func (s *scan) isYear(g group) bool {
	year := s.number(g.from, g.to)
	return year >= 1000 && year < 2100
}

// thousands says whether d is one number written in groups of three.
func (s *scan) thousands(d dialled) bool {
	for i := 1; i < d.n; i++ {
		if d.size(i) != 3 || d.groups[i].sep != ' ' && d.groups[i].sep != '.' {
			return false
		}
	}
	end := d.groups[d.n-1]
	return d.size(0) < 3 || s.has(end.from, "000")
}

// uniform says whether d has no digits but 0 and 1, or one digit alone.
func (s *scan) uniform(d dialled) bool {
	binary, same := true, true
	first := s.cells[d.groups[0].from]
	for i := range d.n {
		for _, c := range s.cells[d.groups[i].from:d.groups[i].to] {
			binary = binary && c <= '1'
			same = same && c == first
		}
	}
	return binary || same
}

// bare says whether d is digits and spaces alone.
func (s *scan) bare(d dialled) bool {
	for i := 1; i < d.n; i++ {
		if d.groups[i].sep != ' ' {
			return false
		}
	}
	return !d.plus && d.paren < 0
}
