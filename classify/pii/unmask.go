package pii

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// Unmasker puts values back in the place of placeholders, in a text that comes in
// pieces cut anywhere: within a placeholder, within a character.
//
// Models copy placeholders, but not always to the letter. These are taken for
// <PHONE_NUMBER_1>:
//
//   - in any case, with up to two spaces inside of the brackets, and with a space,
//     a hyphen or Markdown's \_ for an underscore: <phone number 1>, < Phone-Number_1 >;
//   - without brackets, but then in upper case with underscores, and neither a
//     letter of ASCII, a digit nor an underscore beside it: PHONE_NUMBER_1,
//     [PHONE_NUMBER_1], "PHONE_NUMBER_1's".
//
// Anything else stays as it is: a number that was never given out, another script's
// letters, a name that was translated or shortened.
//
// An Unmasker is for one goroutine at a time.
type Unmasker struct {
	values map[string]string
	keys   []string // of values, sorted
	held   string   // not given back yet: what may become a placeholder or a character
	before byte     // what came just before held
}

// Write takes the next piece and gives back what is certain by now. At most one
// placeholder, as long as it may be spelled, is held back.
func (u *Unmasker) Write(piece string) string {
	return u.run(u.held+piece, false)
}

// Flush gives back the rest, at the end of the text; after it another may begin.
func (u *Unmasker) Flush() string {
	out := u.run(u.held, true)
	u.before = 0
	return out
}

func (u *Unmasker) run(text string, end bool) string {
	u.held = ""
	if len(u.keys) == 0 {
		return u.whole(text, end)
	}
	var out strings.Builder
	done := 0
	for i := 0; i < len(text); {
		if !mayBegin(text[i], u.before) {
			u.before = text[i]
			i++
			continue
		}
		p := parse(text[i:], end, u.known)
		if p.more {
			out.WriteString(text[done:i])
			u.held = text[i:]
			return out.String()
		}
		if value, ok := u.values[p.key]; ok {
			out.WriteString(text[done:i])
			out.WriteString(value)
			i += p.size
			done = i
			u.before = text[i-1]
			continue
		}
		u.before = text[i]
		i++
	}
	out.WriteString(u.whole(text[done:], end))
	return out.String()
}

// whole holds back a character that isn't complete.
func (u *Unmasker) whole(text string, end bool) string {
	if end {
		return text
	}
	for i := len(text) - 1; i >= 0 && i >= len(text)-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRuneInString(text[i:]) {
				u.held = text[i:]
				return text[:i]
			}
			break
		}
	}
	return text
}

// known says whether a key that was given out begins with prefix.
func (u *Unmasker) known(prefix string) bool {
	i, _ := slices.BinarySearch(u.keys, prefix)
	return i < len(u.keys) && strings.HasPrefix(u.keys[i], prefix)
}

// parsed is what was read at the beginning of a text.
type parsed struct {
	key  string // in its own spelling, or empty
	size int
	more bool // it depends on what follows
}

// mayBegin says whether a placeholder can begin with c, after before.
func mayBegin(c, before byte) bool {
	return c == '<' || c >= 'A' && c <= 'Z' && !isKeyOrLower(before)
}

func isKey(c byte) bool { return c >= 'A' && c <= 'Z' || isDigit(c) || c == '_' }

func isKeyOrLower(c byte) bool { return isKey(c) || isAlpha(c) }

// longestKey bounds what is read as one: a label, an underscore and a number.
const longestKey = longestLabel + 1 + 20

// parse reads a placeholder at the beginning of text. It asks known about what it
// has so far, so as not to wait for the rest of what can't become one.
func parse(text string, end bool, known func(prefix string) bool) parsed {
	if text[0] == '<' {
		return parseBracketed(text, end, known)
	}
	i := 0
	for i < len(text) && i <= longestKey && isKey(text[i]) {
		i++
	}
	switch {
	case i == len(text) && !end:
		return parsed{more: i <= longestKey && known(text)}
	case i > longestKey || i < len(text) && isAlpha(text[i]):
		return parsed{}
	}
	return parsed{key: text[:i], size: i}
}

func parseBracketed(text string, end bool, known func(prefix string) bool) parsed {
	var buf [longestKey + 1]byte
	key := buf[:0]
	i := skipSpaces(text, 1)
	for ; i < len(text) && len(key) <= longestKey; i++ {
		c := text[i]
		switch {
		case isAlpha(c):
			c -= 'a' - 'A'
		case c == '\\' && i+1 < len(text) && text[i+1] == '_':
			i++
			c = '_'
		case c == '\\' && i+1 == len(text) && !end:
			return parsed{more: known(string(key))}
		case c == '-':
			c = '_'
		case c == ' ':
			if after := skipSpaces(text, i); after == len(text) || text[after] == '>' {
				return closing(text, after, string(key), end, known)
			}
			c = '_'
		case c == '>':
			return parsed{key: string(key), size: i + 1}
		case !isKey(c):
			return parsed{}
		}
		key = append(key, c)
	}
	if i < len(text) || end {
		return parsed{}
	}
	return parsed{more: known(string(key))}
}

// closing is what follows from the bracket that is due at i, after spaces.
func closing(text string, i int, key string, end bool, known func(prefix string) bool) parsed {
	if i < len(text) {
		return parsed{key: key, size: i + 1}
	}
	return parsed{more: !end && known(key)}
}

// skipSpaces skips up to two from i on.
func skipSpaces(text string, i int) int {
	for n := 0; n < 2 && i < len(text) && text[i] == ' '; n++ {
		i++
	}
	return i
}

// lookalike is a piece of a text that an Unmasker could take for a placeholder.
type lookalike struct {
	key      string
	from, to int
}

// lookalikes are those of text, in order, whatever was given out. One may be part
// of another: which of them is taken depends on what was given out.
func lookalikes(text string) iter.Seq[lookalike] {
	return func(yield func(lookalike) bool) {
		before := byte(0)
		for i := 0; i < len(text); {
			if mayBegin(text[i], before) {
				if p := parse(text[i:], true, nil); isNumbered(p.key) {
					if !yield(lookalike{p.key, i, i + p.size}) {
						return
					}
				}
			}
			before = text[i]
			i++
		}
	}
}

// isNumbered says whether key ends as those that are given out do.
func isNumbered(key string) bool {
	i := strings.LastIndexByte(key, '_')
	return i > 0 && i+1 < len(key) && isDigit(key[len(key)-1]) && strings.Trim(key[i+1:], "0123456789") == ""
}
