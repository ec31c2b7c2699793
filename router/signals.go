package router

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
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
	plain  []string // words as the classifier would read them; "" for what it passes over
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
	if !k.exact {
		text = folded
	}
	return k.settle(func(i int) bool { return containsWord(text, k.words[i]) })
}

// undisguised is matches of what the classifier reads, plain, and of that in lower
// case, folded. Words that it passes over, such as a zero-width space, stand in the
// text alone.
func (k *keyword) undisguised(text, plain, folded string) (bool, string) {
	if !k.exact {
		plain = folded
	}
	return k.settle(func(i int) bool {
		if k.plain[i] == "" {
			return containsWord(text, k.words[i])
		}
		return containsWord(plain, k.plain[i])
	})
}

func (k *keyword) settle(found func(word int) bool) (bool, string) {
	for i, w := range k.words {
		switch f := found(i); {
		case k.operator == "OR" && f:
			return true, w
		case k.operator == "AND" && !f, k.operator == "NOR" && f:
			return false, w
		}
	}
	return k.operator != "OR", ""
}

func (e *evaluation) keyword(i int) truth {
	k := &e.router.keywords[i]
	for j := range e.decision.Signals {
		if s := &e.decision.Signals[j]; s.Type == config.SignalKeyword && s.Name == k.name {
			return truthOf(s.Matched)
		}
	}
	start := time.Now()
	text := e.text(view{scope: e.router.scope})
	if e.folded == "" {
		e.folded = strings.ToLower(text)
	}
	matched, word := k.matches(text, e.folded)
	if k.guards && !matched {
		var err error
		if matched, word, err = e.disguises(k); err != nil {
			e.missing.failed = err
			return unknown
		}
	}
	s := Signal{Type: config.SignalKeyword, Name: k.name, Matched: matched, Elapsed: time.Since(start)}
	if e.trace && word != "" {
		s.Detail = fmt.Sprintf("settled by %q", word)
	}
	e.add(s)
	return truthOf(matched)
}

// disguises tells whether a keyword signal holds of the text as the classifier
// reads it, or of the parts of its messages joined by nothing: a word that is to be
// stopped may hold letters that nobody sees, look-alikes, spaces between its
// letters, or the seam of two parts (E3, E6).
func (e *evaluation) disguises(k *keyword) (bool, string, error) {
	for _, fused := range []bool{false, true} {
		if fused && !e.decision.Request.Splits(e.router.scope) {
			break
		}
		v := view{scope: e.router.scope, fused: fused}
		plain, folded, err := e.normalized(v)
		if err != nil {
			return false, "", err
		}
		if matched, word := k.undisguised(e.text(v), plain, folded); matched {
			return true, word, nil
		}
	}
	return false, "", nil
}

// normalized are views of a request as the classifier reads them.
type normalized struct {
	texts, folded [6]string // by view; folded in lower case
	end           time.Time
	err           error
}

// normalized gives one, and the same in lower case. Text can grow twelvefold by that, so all of it ends by a deadline: the
// classifier's, but counted from here. A classifier that is slow must not keep a keyword from being known.
func (e *evaluation) normalized(v view) (text, folded string, err error) {
	n, i := &e.plain, v.index()
	if n.texts[i] == "" && n.err == nil {
		if n.end.IsZero() {
			n.end = time.Now().Add(e.router.deadline)
		}
		ctx, cancel := context.WithDeadline(e.ctx, n.end)
		defer cancel()
		n.texts[i], n.err = classify.NormalizeContext(ctx, e.text(v))
		n.folded[i] = strings.ToLower(n.texts[i])
	}
	return n.texts[i], n.folded[i], n.err
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
