package pii

import "context"

// issuers are the ranges of numbers that card networks give out: the first six
// digits and how many there are in all.
var issuers = []struct{ low, high, shortest, longest int }{
	{222100, 272099, 16, 16},                                                     // Mastercard
	{510000, 559999, 16, 16},                                                     // Mastercard
	{400000, 499999, 16, 16}, {400000, 499999, 13, 13}, {400000, 499999, 19, 19}, // Visa
	{340000, 349999, 15, 15}, {370000, 379999, 15, 15}, // American Express
	{601100, 601199, 16, 19}, {644000, 659999, 16, 19}, // Discover
	{620000, 629999, 16, 19},                           // UnionPay
	{352800, 358999, 16, 19},                           // JCB
	{300000, 305999, 14, 19}, {309500, 309599, 14, 19}, // Diners Club
	{360000, 369999, 14, 19}, {380000, 399999, 14, 19}, // Diners Club
	{220000, 220499, 16, 19}, // Mir
}

// weakIssuers are ranges that other numbers fall into as easily, so that they
// need a word that says card.
var weakIssuers = []struct{ low, high, shortest, longest int }{
	{500000, 509999, 12, 19}, {560000, 589999, 12, 19}, {600000, 699999, 12, 19}, // Maestro, RuPay, Elo
	{350000, 359999, 16, 19},                           // JCB, and what passes for it
	{60400, 60499, 12, 12},                             // Maestro
	{213100, 213199, 15, 15}, {180000, 180099, 15, 15}, // JCB
	{979200, 979299, 16, 16}, // Troy
}

// findCards takes numbers of an issuer with a right check digit, in one piece or
// in groups that one kind of separator parts.
func findCards(ctx context.Context, s *scan) {
	var p, ahead pace
	for i := 0; p.more(ctx, i, len(s.cells)); {
		if !isDigit(s.cells[i]) {
			i++
			continue
		}
		end := s.groups(ctx, &ahead, i)
		if end == i { // ctx has ended
			return
		}
		for i < end && p.more(ctx, i, len(s.cells)) {
			i = s.cardAt(i, end)
		}
	}
}

// groups is where digits that single spaces or hyphens part end.
func (s *scan) groups(ctx context.Context, p *pace, i int) int {
	sep := byte(0)
	for {
		for isDigit(s.cell(i)) && p.more(ctx, i, len(s.cells)) {
			i++
		}
		c := s.cell(i)
		if c != ' ' && c != '-' || sep != 0 && c != sep || !isDigit(s.cell(i+1)) {
			return i
		}
		sep = c
		i++
	}
}

// cardAt tries the groups from i on, all of them or fewer where spaces part them,
// and says where to try next.
func (s *scan) cardAt(i, end int) int {
	if s.digits(i, 3) < i+4 { // the first group has four digits at least
		return s.skipDigits(i, end)
	}
	var ends [8]int
	n, next := 0, end
	for j := i; j < end; {
		for j < end && isDigit(s.cells[j]) {
			j++
		}
		if j == end || s.cells[j] == ' ' {
			if next == end && j < end {
				next = j + 1
			}
			if n == len(ends) || j-i > 19+6 {
				break
			}
			ends[n] = j
			n++
		}
		j++
	}
	for n--; n >= 0; n-- {
		if !s.taken(i, ends[n]) && s.card(i, ends[n]) {
			return ends[n]
		}
	}
	return next
}

// skipDigits is where the next group begins.
func (s *scan) skipDigits(i, end int) int {
	for i < end && isDigit(s.cells[i]) {
		i++
	}
	return min(i+1, end)
}

// card adds [from, to) if it is a card's number.
func (s *scan) card(from, to int) bool {
	if before := s.cell(from - 1); isWord(before) || before == '+' || before == '-' || (before == '.' || before == ',') && isDigit(s.cell(from-2)) {
		return false
	}
	if after := s.cell(to); isWord(after) || (after == '.' || after == ',') && isDigit(s.cell(to+1)) {
		return false
	}
	digits, plain := 0, true
	var room [8]int // for those of a card, so that nothing is allocated for each number
	groups := room[:0]
	size, head := 0, 0
	for _, c := range s.cells[from:to] {
		if !isDigit(c) {
			plain = false
			groups = append(groups, size)
			size = 0
			continue
		}
		size++
		if digits < 6 {
			head = head*10 + int(c-'0')
		}
		digits++
	}
	groups = append(groups, size)
	if digits < 12 || digits > 19 || !luhn(s.cells[from:to]) || s.cells[from] == '0' && digits != 12 {
		return false
	}
	const others = kindOther | kindLabel | kindPhone | kindAccount
	named := s.called(from, 64, kindCard, others)
	if c, ok := s.following(to, 12, kindCard|others); ok && c.kind&kindCard != 0 {
		named = named || !s.called(from, 48, others, kindCard)
	}
	if !named {
		if !issued(issuers, head, digits) || digits < 14 && plain {
			return false
		}
		if plain && s.called(from, 48, kindOther|kindLabel|kindPhone, kindCard) {
			return false
		}
		if s.called(from, 3, kindLabel, kindCard) { // little else is grouped so and has the check digit: only a sure label outweighs it
			return false
		}
		if plain && (s.says(to, 16, kindLabel) || s.says(to, 2, kindOther) || s.inFormula(from, to)) {
			return false
		}
	}
	if !plain && !cardGroups(groups) {
		return false
	}
	switch {
	case issued(issuers, head, digits):
		s.add(Card, from, to, scoreChecked)
		return true
	case named && issued(weakIssuers, head, digits):
		s.add(Card, from, to, scoreCue)
		return true
	}
	return false
}

func issued(by []struct{ low, high, shortest, longest int }, head, digits int) bool {
	for _, r := range by {
		if head >= r.low && head <= r.high && digits >= r.shortest && digits <= r.longest {
			return true
		}
	}
	return false
}

// cardGroups says whether the sizes of groups are those of a card: fours with a
// rest at the end, or 4-6-5 and 4-6-4.
func cardGroups(g []int) bool {
	if len(g) == 3 && g[0] == 4 && g[1] == 6 {
		return g[2] == 5 || g[2] == 4
	}
	for _, n := range g[:len(g)-1] {
		if n != 4 {
			return false
		}
	}
	return g[len(g)-1] <= 4
}
