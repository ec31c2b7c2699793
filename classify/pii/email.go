package pii

import (
	"bytes"
	"context"
)

// The longest parts of an address (RFC 5321, 4.5.3.1; RFC 1035, 2.3.4).
const (
	maxLocal  = 64
	maxDomain = 253
	maxLabel  = 63
)

// findEmails takes what stands around an @: a dot-atom of RFC 5322 before it and
// a domain with a top level of letters after it. An internationalised address
// (RFC 6531) may hold letters of any script that parts words.
func findEmails(ctx context.Context, s *scan) {
	done := 0
	var p pace
	for i := 0; p.more(ctx, i, len(s.cells)); i++ {
		ahead := bytes.IndexByte(s.cells[i:min(i+stride, len(s.cells))], '@')
		if ahead < 0 {
			i += stride - 1
			continue
		}
		i += ahead
		from, to := s.local(i, done), s.domain(i+1)
		if from < 0 || to < 0 || s.isRemote(from, to) || s.isCode(from, i, to) {
			continue
		}
		s.add(Email, from, to, scoreChecked)
		done = to
	}
}

// isCode says whether what stands around the @ at i is a label of Kotlin or a
// product of matrices, such as W@x.reshape(-1). An address may have a bracket
// behind it as well; then its top level is short and no method's name.
func (s *scan) isCode(from, i, to int) bool {
	for _, word := range []string{"this@", "super@"} {
		if from+len(word) == i+1 && s.has(from, word) {
			return true
		}
	}
	if s.cell(to) != '(' {
		return false
	}
	top := to
	for s.cells[top-1] != '.' {
		top--
	}
	return to-top > 3 || i-from < 3 || methods[string(s.cells[top:to])]
}

// methods are those of matrices that look like a top level.
var methods = newWords("dot sum max min std var any all abs inv mul add sub div exp log eig det")

// local is where the part before the @ at i begins, or -1.
func (s *scan) local(i, done int) int {
	from := i
	for from > done && i-from <= maxLocal && isLocal(s.cells[from-1]) {
		from--
	}
	if i-from > maxLocal {
		return -1
	}
	// What quotes, joins or ends a sentence can begin no address in practice.
	for from < i && !isWord(s.cells[from]) && s.cells[from] != '+' {
		from++
	}
	if from == i || s.cells[i-1] == '.' {
		return -1
	}
	for j := from; j+1 < i; j++ {
		if s.cells[j] == '.' && s.cells[j+1] == '.' {
			from = j + 2
		}
	}
	return from
}

// isLocal leaves out what an atom may hold in theory, but what in practice parts
// an address from its surroundings: / | = ? { } * and the like.
func isLocal(c byte) bool {
	switch c {
	case '.', '-', '+', '%', '&', '\'', '~':
		return true
	}
	return isWord(c)
}

// domain is where the domain that begins at i ends, or -1.
func (s *scan) domain(i int) int {
	end, labels, begin := -1, 0, i
	for i < begin+maxDomain {
		from, letters, digits := i, 0, 0
		for i-from <= maxLabel && (isAlnum(s.cell(i)) || s.cell(i) == cellLetter || s.cell(i) == '-') {
			if isDigit(s.cells[i]) {
				digits++
			} else if s.cells[i] != '-' {
				letters++
			}
			i++
		}
		if i == from || i-from > maxLabel || s.cells[from] == '-' {
			break
		}
		stop := i
		for s.cells[stop-1] == '-' {
			stop--
		}
		labels++
		punycode := s.has(from, "xn--")
		if labels > 1 && letters >= 2 && (digits == 0 || punycode) && (punycode || !s.hyphened(from, stop)) {
			end = stop
		}
		if stop < i || s.cell(i) != '.' {
			break
		}
		i++
	}
	if end >= 0 && s.cell(end) == '_' {
		return -1
	}
	return end
}

func (s *scan) hyphened(from, to int) bool {
	for _, c := range s.cells[from:to] {
		if c == '-' {
			return true
		}
	}
	return false
}

// isRemote says whether the address is how a program reaches a host: the user
// information of a URL, or git's user on a server.
func (s *scan) isRemote(from, to int) bool {
	if s.has(from-3, "://") {
		return true
	}
	if s.has(from, "git@") && (s.cell(to) == ':' || s.cell(to) == '/') {
		return true
	}
	begin := from
	for from-begin < maxLocal && (isWord(s.cell(begin-1)) || s.cell(begin-1) == ':') {
		begin--
	}
	return s.has(begin-3, "://")
}
