package pii

import (
	"iter"
	"slices"
	"strconv"
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
// In the text of JSON, \u003c and \u003e are brackets too, and a value is written
// as it has to be within a string.
//
// An Unmasker is for one goroutine at a time.
type Unmasker struct {
	values map[string]string
	json   bool
	keys   []string // of values, sorted
	held   string   // not given back yet: what may become a placeholder or a character
	before byte     // what came just before held
}

// String says how much can be put back, not what.
func (u *Unmasker) String() string { return strconv.Itoa(len(u.keys)) + " values to put back" }

// GoString keeps %#v from printing the values.
func (u *Unmasker) GoString() string { return u.String() }

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
		p, pass := u.read(text[i:], end)
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
			if u.before = text[i-1]; !isDigit(u.before) {
				u.before = '>' // however it is spelled
			}
			continue
		}
		if u.before = text[i]; pass > 1 {
			u.before = 0
		}
		i += pass
	}
	out.WriteString(u.whole(text[done:], end))
	return out.String()
}

// read reads a placeholder at the beginning of text; pass is how many bytes to go
// on by if there is none.
func (u *Unmasker) read(text string, end bool) (p parsed, pass int) {
	switch {
	case u.json && text[0] == '\\':
		return u.readEscape(text, end)
	case mayBegin(text[0], u.before):
		return parse(text, end, u.json, u.known), 1
	}
	return parsed{}, 1
}

// readEscape is read for JSON's \n, \u003c and so on.
func (u *Unmasker) readEscape(text string, end bool) (p parsed, pass int) {
	size := 2
	if len(text) > 1 && text[1] == 'u' {
		size = len(escapedOpen)
	}
	if len(text) < size {
		return parsed{more: !end}, len(text)
	}
	if strings.EqualFold(text[:size], escapedOpen) {
		return parseBracketed(text, size, end, true, u.known), size
	}
	return parsed{}, size
}

// Brackets as JSON may spell them.
const escapedOpen, escapedClose = `\u003c`, `\u003e`

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
func parse(text string, end, json bool, known func(prefix string) bool) parsed {
	if text[0] == '<' {
		return parseBracketed(text, 1, end, json, known)
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

// parseBracketed goes on behind the opening bracket, which ends at i.
func parseBracketed(text string, i int, end, json bool, known func(prefix string) bool) parsed {
	var buf [longestKey + 1]byte
	key := buf[:0]
	markdown := `\_`
	if json {
		markdown = `\\_`
	}
	for i = skipSpaces(text, i); i < len(text) && len(key) <= longestKey; i++ {
		c := text[i]
		after := skipSpaces(text, i)
		switch n, more := closing(text[after:], json); {
		case n > 0:
			return parsed{key: string(key), size: after + n}
		case more:
			return parsed{more: !end && known(string(key))}
		}
		switch {
		case isAlpha(c):
			c -= 'a' - 'A'
		case c == '\\' && strings.HasPrefix(text[i:], markdown):
			i += len(markdown) - 1
			c = '_'
		case c == '\\' && strings.HasPrefix(markdown, text[i:]) && !end:
			return parsed{more: known(string(key))}
		case c == '-', c == ' ':
			c = '_'
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

// closing is the size of the bracket that text begins with; more says that it may
// come to be one. At the end of a text, only spaces are left before it.
func closing(text string, json bool) (size int, more bool) {
	switch {
	case text == "":
		return 0, true
	case text[0] == '>':
		return 1, false
	case !json || text[0] != '\\':
		return 0, false
	}
	n := min(len(text), len(escapedClose))
	if !strings.EqualFold(text[:n], escapedClose[:n]) {
		return 0, false
	}
	if n == len(escapedClose) {
		return n, false
	}
	return 0, true
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
				if p := parse(text[i:], true, false, nil); isNumbered(p.key) {
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
