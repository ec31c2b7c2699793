package router

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/config"
)

// keyword is a compiled keyword signal.
type keyword struct {
	name     string
	operator string
	words    []string // in lower case unless exact
	exact    bool
	// guards says that a decision asks it which fails closed. Then it looks at the
	// text in disguise too: see evaluation.disguises.
	guards bool
	plain  []string // words as the classifier would read them
}

func newKeyword(k config.Keyword) keyword {
	out := keyword{name: k.Name, operator: k.Operator, words: slices.Clone(k.Keywords), exact: k.CaseSensitive}
	for i, w := range out.words {
		if !out.exact {
			out.words[i] = strings.ToLower(w)
		}
		out.plain = append(out.plain, classify.Normalize(out.words[i]))
	}
	return out
}

// matches tells whether the signal holds of a text and names the word that settled
// it. folded is text in lower case.
func (k *keyword) matches(text, folded string) (bool, string) {
	if k.exact {
		return k.holds(text, k.words)
	}
	return k.holds(folded, k.words)
}

// undisguised is matches of what the classifier would read.
func (k *keyword) undisguised(text string) (bool, string) {
	text = classify.Normalize(text)
	if !k.exact {
		text = strings.ToLower(text)
	}
	return k.holds(text, k.plain)
}

func (k *keyword) holds(text string, words []string) (bool, string) {
	for _, w := range words {
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
