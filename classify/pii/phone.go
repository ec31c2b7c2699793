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

// findPhones goes from group to group: where a number doesn't begin with one, it
// may begin with the next.
func findPhones(s *scan) {
	for i := 0; i < len(s.cells); {
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
	for n := 1; n < d.n; n++ {
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
		if s.isField(d.from, to) && (s.isAlone(d.from, to) || s.inRecord(d.from)) {
			return scoreRecord
		}
	case weak:
		if d.digits() >= 10 && d.n == 1 && s.isAlone(d.from, to) {
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
	for i := range d.n {
		if d.plus || d.paren >= 0 || i > 0 && d.groups[i].sep != ' ' {
			return false
		}
	}
	return s.cell(d.from-1) == ' ' && isDigit(s.cell(d.from-2))
}

// saysPhone says whether the text calls what is at [d.from, to) a telephone
// number: before it, with nothing else in between, or after it, or as another one.
func (s *scan) saysPhone(d dialled, to int, form strength) bool {
	const others = kindOther | kindLabel | kindCard | kindAccount | kindSSN | kindZIP | kindLicence | kindPassport | kindBirth | kindVersion | kindAddress
	if s.inFormula(d.from, to) {
		return false
	}
	if c, _, ok := s.nearest(d.from, 64, kindPhone|others); ok {
		return c.kind&kindPhone != 0
	}
	if d.digits() >= 8 && s.called(d.from, 64, kindReach, 0) && s.afterPreposition(d.from) {
		return true
	}
	if n := len(s.fresh); n > 0 && d.from-s.fresh[n-1].to <= 48 && (form > weak || d.digits() >= 7 && closes(s.cell(to))) {
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
	return ok && c.kind&kindPhone != 0 && !s.sentence(to, c.from)
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
