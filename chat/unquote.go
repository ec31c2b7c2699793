package chat

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// appendText appends what a string token says. The decoder has checked the token,
// so it has its quotes, its escapes are whole and its surrogates are paired. (The
// decoder's own AppendUnquote checks each byte once more, which doubles the cost
// of reading a long text.)
func appendText(dst, token []byte) []byte {
	s := token[1 : len(token)-1]
	for {
		at := bytes.IndexByte(s, '\\')
		if at < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:at]...)
		s = s[at:]
		if s[1] == 'u' {
			r, n := escapedRune(s)
			dst, s = utf8.AppendRune(dst, r), s[n:]
			continue
		}
		dst, s = append(dst, escapedByte(s[1])), s[2:]
	}
}

// escapedByte returns what a backslash and c stand for.
func escapedByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // quote, backslash, slash
}

// appendResolved appends text that is no token with each \uXXXX in it replaced by
// its character; all else, halves of pairs included, stays as it is.
func appendResolved(dst, s []byte) []byte {
	for {
		at := bytes.Index(s, []byte(`\u`))
		if at < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:at]...)
		r, n := escapedRune(s[at:])
		if n == 0 {
			dst, n = append(dst, `\u`...), len(`\u`)
		} else {
			dst = utf8.AppendRune(dst, r)
		}
		s = s[at+n:]
	}
}

// escapedRune reads the \uXXXX or the surrogate pair at the start of s; n is its
// size in bytes, 0 if there is none.
func escapedRune(s []byte) (r rune, n int) {
	if r = hexUnit(s); r < 0 {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low := hexUnit(s[6:]); low >= 0 {
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, 12
		}
	}
	return 0, 0
}

// hexUnit reads the \uXXXX at the start of s, -1 if there is none.
func hexUnit(s []byte) (unit rune) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	for _, c := range s[2:6] {
		unit <<= 4
		switch {
		case '0' <= c && c <= '9':
			unit |= rune(c - '0')
		case 'a' <= c && c <= 'f':
			unit |= rune(c-'a') + 10
		case 'A' <= c && c <= 'F':
			unit |= rune(c-'A') + 10
		default:
			return -1
		}
	}
	return unit
}
