package chat_test

import (
	"fmt"
	"math/rand/v2"
)

// generator writes random chat bodies: members in any order, spaces and escapes
// anywhere, unknown members of any shape. With mischief it also plants what must
// be refused.
type generator struct {
	*rand.Rand
	b                 []byte
	modelAt, modelEnd int // where the value of "model" stands
	mischief          bool
}

func newGenerator(seed uint64, mischief bool) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 20)), mischief: mischief}
}

func (g *generator) oneIn(n int) bool { return g.IntN(n) == 0 }

// bad reports, rarely, that something must go wrong here.
func (g *generator) bad(n int) bool { return g.mischief && g.oneIn(n) }

func (g *generator) raw(s string) { g.b = append(g.b, s...) }

func (g *generator) space() {
	for g.oneIn(4) {
		g.b = append(g.b, " \t\r\n"[g.IntN(4)])
	}
}

var alphabet = []rune("abcxyzABC 0189.,:;{}[]\"\\/\b\f\n\r\t\x01\x1f\x7f\u00e9\u0301\u200b\u2028\ufffd\ufeff\u6771\uac00\U0001f600\U000e0041")

func (g *generator) words() string {
	s := make([]rune, g.IntN(24))
	for i := range s {
		s[i] = alphabet[g.IntN(len(alphabet))]
	}
	return string(s)
}

// quote writes s as a JSON string in one of its many spellings.
func (g *generator) quote(s string) {
	g.raw(`"`)
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			g.raw(`\` + string(r))
		case r == '/' && g.oneIn(2):
			g.raw(`\/`)
		case r == '\n' && g.oneIn(2):
			g.raw(`\n`)
		case r > 0xffff && g.oneIn(2):
			g.raw(fmt.Sprintf(`\u%04x\u%04X`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff))
		case r < ' ' || r <= 0xffff && g.oneIn(6):
			g.raw(fmt.Sprintf([]string{`\u%04x`, `\u%04X`}[g.IntN(2)], r))
		default:
			g.raw(string(r))
		}
	}
	if g.bad(400) {
		g.raw([]string{`\ud83d`, `\ude00`, `\u0000`, "\xff", "\xed\xa0\x80", "\x01", `\x`, `\u12`, "\x00"}[g.IntN(9)])
	}
	g.raw(`"`)
}

// object writes members in random order; each writes its value. Names are unique
// but for mischief.
func (g *generator) object(names []string, value func(name string)) {
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	if len(names) > 0 && g.bad(60) {
		names = append(names, names[g.IntN(len(names))])
	}
	g.raw("{")
	for i, name := range names {
		if i > 0 {
			g.raw(",")
		}
		g.space()
		g.quote(name)
		g.space()
		g.raw(":")
		g.space()
		value(name)
		g.space()
	}
	g.raw("}")
}

func (g *generator) array(n int, element func()) {
	g.raw("[")
	for i := range n {
		if i > 0 {
			g.raw(",")
		}
		g.space()
		element()
		g.space()
	}
	g.raw("]")
}

// anything writes a value that nobody reads.
func (g *generator) anything(depth int) {
	switch n := g.IntN(9); {
	case n == 0 && depth > 0:
		names := make([]string, g.IntN(4))
		for i := range names {
			names[i] = fmt.Sprint("k", i, g.words())
		}
		g.object(names, func(string) { g.anything(depth - 1) })
	case n == 1 && depth > 0:
		g.array(g.IntN(4), func() { g.anything(depth - 1) })
	case n < 4:
		g.quote(g.words())
	case n == 4 && g.bad(4):
		g.raw([]string{"NaN", "-Infinity", "01", "+1", "1.", "nul", "'a'", "/**/1", "True"}[g.IntN(9)])
	default:
		g.raw([]string{"null", "true", "false", "0", "-0", "1e400", "9223372036854775808", "0.1", "-1.50E-7", "12345678901234567890.5"}[g.IntN(10)])
	}
}

// body writes a whole request and returns it.
func (g *generator) body() []byte {
	g.b = g.b[:0]
	if g.bad(100) {
		g.raw("\xef\xbb\xbf")
	}
	g.space()
	names := []string{"model", "messages"}
	for _, extra := range []string{"MODEL", "Messages", "temperature", "seed", "m\u00f6del", "x " + g.words()} {
		if g.oneIn(3) {
			names = append(names, extra)
		}
	}
	g.object(names, func(name string) {
		switch name {
		case "model":
			g.modelAt = len(g.b)
			g.quote("m" + g.words())
			g.modelEnd = len(g.b)
		case "messages":
			g.array(1+g.IntN(4), g.message)
		default:
			g.anything(3)
		}
	})
	g.space()
	if g.bad(100) {
		g.raw([]string{"{}", "x", "\x00", ",", "null"}[g.IntN(5)])
	}
	if g.bad(40) {
		g.b[g.IntN(len(g.b))] ^= 1 << g.IntN(8)
	}
	return g.b
}

func (g *generator) message() {
	names := []string{"role", "content"}
	for _, extra := range []string{"name", "Content", "ROLE"} {
		if g.oneIn(4) {
			names = append(names, extra)
		}
	}
	g.object(names, func(name string) {
		switch name {
		case "role":
			g.quote([]string{"user", "system", "assistant", "developer", "tool", "critic"}[g.IntN(6)])
		case "content":
			g.content()
		case "name":
			g.quote(g.words())
		default:
			g.quote(g.words())
		}
	})
}

func (g *generator) content() {
	if !g.oneIn(3) {
		g.quote(g.words())
		return
	}
	g.array(g.IntN(4), func() {
		g.object([]string{"type", "text", "Text"}, func(name string) {
			if name == "type" {
				g.quote("text")
			} else {
				g.quote(g.words())
			}
		})
	})
}
