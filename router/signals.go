package router

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vsr-proxy/vsr-proxy/config"
)

// keyword is a compiled keyword signal.
type keyword struct {
	name     string
	operator string
	words    []string // in lower case unless exact
	exact    bool
}

func newKeyword(k config.Keyword) keyword {
	out := keyword{name: k.Name, operator: k.Operator, words: slices.Clone(k.Keywords), exact: k.CaseSensitive}
	if !out.exact {
		for i, w := range out.words {
			out.words[i] = strings.ToLower(w)
		}
	}
	return out
}

// matches tells whether the signal holds and names the word that settled it.
// folded is text in lower case.
func (k *keyword) matches(text, folded string) (bool, string) {
	if !k.exact {
		text = folded
	}
	for _, w := range k.words {
		found := containsWord(text, w)
		switch {
		case k.operator == "OR" && found:
			return true, w
		case k.operator == "AND" && !found, k.operator == "NOR" && found:
			return false, w
		}
	}
	return k.operator != "OR", ""
}

// containsWord finds word in text where it is not part of a longer word: "plan"
// is not in "explanation". Scripts that are written without spaces have no such
// boundary.
func containsWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		start := from + i
		end := start + len(word)
		if edge(before(text, start), first(word)) && edge(last(word), first(text[end:])) {
			return true
		}
		from = start + utf8.RuneLen(first(word))
	}
}

// edge tells whether a word may begin or end between two runes.
func edge(a, b rune) bool { return !joins(a) || !joins(b) }

func joins(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)) && !unicode.In(r, unspaced...)
}

// unspaced are scripts that put no spaces between words, or, as Korean, write
// particles onto them. Extender holds the sign for long vowels of Katakana, which
// belongs to no script.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Extender, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

func before(text string, i int) rune { r, _ := utf8.DecodeLastRuneInString(text[:i]); return r }
func first(text string) rune         { r, _ := utf8.DecodeRuneInString(text); return r }
func last(text string) rune          { r, _ := utf8.DecodeLastRuneInString(text); return r }
