package pii

import (
	"context"
	"net/netip"
)

// findHosts takes addresses of IPv4 and IPv6 that net/netip reads. Loopback, the
// unspecified address and masks say nothing of anybody and are left out.
func findHosts(ctx context.Context, s *scan) {
	var p pace
	for i := 0; p.more(ctx, i, len(s.cells)); {
		if !isHex(s.cells[i]) && s.cells[i] != ':' {
			i++
			continue
		}
		from := i
		colons, dots := 0, 0
		for p.more(ctx, i, len(s.cells)) && (isHex(s.cells[i]) || s.cells[i] == ':' || s.cells[i] == '.') {
			switch s.cells[i] {
			case ':':
				colons++
			case '.':
				dots++
			}
			i++
		}
		switch {
		case isWord(s.cell(from-1)) || isWord(s.cell(i)) && colons >= 2:
		case colons >= 2:
			s.hostV6(from, i)
		case dots >= 3:
			s.hostV4(from, i)
		}
	}
}

const longestHost = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")

func (s *scan) hostV4(from, to int) {
	for to > from && (s.cells[to-1] == '.' || s.cells[to-1] == ':') {
		to--
	}
	port := from
	for port < to && s.cells[port] != ':' {
		port++
	}
	to = port
	if to-from > len("255.255.255.255") || isWord(s.cell(to)) || s.cell(from-1) == '.' || s.cell(from-1) == '-' && isWord(s.cell(from-2)) && !s.has(from-3, "ip-") {
		return
	}
	addr, err := netip.ParseAddr(string(s.cells[from:to]))
	if err != nil || !addr.Is4() || isNobody(addr) {
		return
	}
	if s.called(from, 48, kindVersion|kindLabel, kindAddress) || s.isRelease(from, to) {
		return
	}
	// An outline's number looks the same, but seldom goes far.
	if small(addr) && !(s.cell(to) == '/' && isDigit(s.cell(to+1))) && !s.called(from, 64, kindAddress, kindVersion) {
		return
	}
	s.add(IP, from, to, scoreFormat)
}

// isRelease says whether a program stands before the four numbers, as in
// Chrome/124.0.0.0, foo==20.1.3.4 and "kernel 5.15.90.1", or "release" and the like
// behind them. What follows the slash of a path may be an address.
func (s *scan) isRelease(from, to int) bool {
	if s.called(from, 1, kindProgram, kindAddress) {
		return true
	}
	if s.called(from, 48, kindAddress, kindVersion) {
		return false
	}
	if s.has(from-2, "==") || s.says(to, 2, kindVersion) {
		return true
	}
	begin := from - 1
	for from-begin < 32 && isAlnum(s.cell(begin-1)) {
		begin--
	}
	before := s.cell(begin - 1)
	return s.cell(from-1) == '/' && isLetter(s.cell(from-2)) && before != '/' && before != '.' && before != '-'
}

// isNobody is about addresses that are the same on each machine.
func isNobody(addr netip.Addr) bool {
	if addr.IsUnspecified() || addr.IsLoopback() {
		return true
	}
	if addr.Is4() {
		b := addr.As4()
		return b[0] == 255 || b[0] == 0
	}
	return false
}

func small(addr netip.Addr) bool {
	for _, b := range addr.As4() {
		if b >= 20 {
			return false
		}
	}
	return true
}

func (s *scan) hostV6(from, to int) {
	if to-from > longestHost+2 {
		return
	}
	for to > from && (s.cells[to-1] == '.' || s.cells[to-1] == ':' && s.cell(to-2) != ':') {
		to--
	}
	if s.cell(from) == ':' && s.cell(from+1) != ':' { // as in "ip:2001:db8::1"
		from++
	}
	if from >= to {
		return
	}
	addr, err := netip.ParseAddr(string(s.cells[from:to]))
	if err != nil { // a port, though it belongs behind brackets
		port := to
		for port > from && isDigit(s.cells[port-1]) {
			port--
		}
		if to = port - 1; to <= from || s.cells[to] != ':' {
			return
		}
		addr, err = netip.ParseAddr(string(s.cells[from:to]))
	}
	if err != nil || isNobody(addr) {
		return
	}
	groups, digits, longest, begin := 0, 0, 0, from
	for j := from; j <= to; j++ {
		if j < to && isDigit(s.cells[j]) {
			digits++
		}
		if j == to || s.cells[j] == ':' {
			if j > begin {
				groups++
				longest = max(longest, j-begin)
			}
			begin = j + 1
		}
	}
	full := groups == 8 || addr.Is4In6()
	switch {
	case full && longest < 3: // octets of something else, such as a key's fingerprint
	case full, digits > 0 && longest >= 3 && groups >= 2 && addr.As16()[0] != 0:
		s.add(IP, from, to, scoreChecked)
	case s.called(from, 48, kindAddress, kindVersion): // short, such as a method of C++
		s.add(IP, from, to, scoreCue)
	}
}

// findHardware takes addresses of network cards: six octets, parted by colons or
// by hyphens (IEEE 802).
func findHardware(ctx context.Context, s *scan) {
	const length = len("00:00:00:00:00:00")
	var p pace
	for i := 2; p.more(ctx, i, len(s.cells)-length+3); i++ {
		sep := s.cells[i]
		if sep != ':' && sep != '-' || !isHex(s.cells[i-1]) {
			continue
		}
		from, to := i-2, i-2+length
		if before, after := s.cell(from-1), s.cell(to); isWord(before) || before == sep || isWord(after) || after == sep && isHex(s.cell(to+1)) {
			continue
		}
		if s.octets(from, to, sep) {
			s.add(MAC, from, to, scoreChecked)
			i = to
		}
	}
}

// octets says whether [from, to) is pairs of hexadecimal digits, parted by sep
// and not all the same, nor all decimal as times and dates are.
func (s *scan) octets(from, to int, sep byte) bool {
	same, letters := true, false
	for j := from; j < to; j++ {
		c := s.cells[j]
		if (j-from)%3 == 2 {
			if c != sep {
				return false
			}
			continue
		}
		if !isHex(c) {
			return false
		}
		letters = letters || isAlpha(c)
		same = same && c == s.cells[from]
	}
	return !same && (letters || sep == ':')
}
