package simulate

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// reply is what the backend says to an ask: text in tokens, or tool calls.
type reply struct {
	tokens []string // joined they are the text
	cut    bool     // the limit of tokens ended it
	calls  []call
}

type call struct{ id, name, arguments string }

func (r reply) text() string { return strings.Join(r.tokens, "") }

// size is the reply's length in tokens.
func (r reply) size() int {
	n := len(r.tokens)
	for _, c := range r.calls {
		n += 1 + len(strings.Fields(c.arguments))
	}
	return n
}

// reply answers an ask. It depends on the ask and the backend's name alone, except for "simulate:stats".
func (b *backend) reply(a ask, f fault) reply {
	var text string
	switch calls := b.calls(a); {
	case len(calls) > 0:
		return reply{calls: calls}
	case f.kind == wishStats:
		text = b.stats.String()
	case f.kind == wishWords:
		text = strings.TrimSpace(strings.Repeat("simulated ", f.n))
	case a.schema != nil:
		text = mustJSON(instance(a.schema, subject(a.question)))
	default:
		text = b.prose(a)
	}
	r := reply{tokens: tokens(text)}
	if a.maxTokens > 0 && len(r.tokens) > a.maxTokens {
		r.tokens, r.cut = r.tokens[:a.maxTokens], true
	}
	return r
}

// prose says what was asked, that nobody thought about it, and something in between.
func (b *backend) prose(a ask) string {
	const longest = 120 // runes of the question that are quoted
	question := []rune(strings.Join(strings.Fields(a.question), " "))
	if len(question) > longest {
		question = append(question[:longest], '…')
	}
	var s strings.Builder
	fmt.Fprintf(&s, "[simulated %s] ", b.name)
	if len(question) > 0 {
		fmt.Fprintf(&s, "You asked: \"%s\". ", string(question))
	}
	if a.images > 0 {
		fmt.Fprintf(&s, "I received %d image(s) and did not look at them. ", a.images)
	}
	seed := hash(b.name, a.question)
	for i := range uint64(2) {
		s.WriteString(sentences[(seed+i*5)%uint64(len(sentences))])
		s.WriteByte(' ')
	}
	s.WriteString("No language model ran: this text stands in for one, so that routing and streaming can be seen.")
	return s.String()
}

// sentences might stand in any answer. Their number is no multiple of 5: two picks five apart differ.
var sentences = [...]string{
	"The short answer depends on one assumption, so let us name it first.",
	"There are two sides to this, and they are often taken for one.",
	"Start from what is certain and add one step at a time.",
	"The usual mistake here is to answer a neighbouring question.",
	"A small example shows the point better than a definition.",
	"Compare the first case with the last one and the rule appears.",
	"Put in order, the parts explain each other.",
	"It helps to ask what would have to change for the result to be different.",
}

// calls decides whether tools are due: those that were required, or those that the question speaks of.
func (b *backend) calls(a ask) []call {
	if a.choice.mode == "none" || (a.afterTool && a.choice.mode != "required") {
		return nil
	}
	var picked []tool
	for _, t := range a.tools {
		if t.name == a.choice.name || (a.choice.name == "" && mentions(a.question, t.name)) {
			picked = append(picked, t)
		}
	}
	if len(picked) == 0 && a.choice.mode == "required" && len(a.tools) > 0 {
		picked = a.tools[:1]
	}
	if len(picked) > 1 && !a.parallel {
		picked = picked[:1]
	}
	calls := make([]call, 0, len(picked))
	for i, t := range picked {
		calls = append(calls, call{
			id:        fmt.Sprintf("call_%016x", hash(b.name, a.question, t.name, fmt.Sprint(i))),
			name:      t.name,
			arguments: mustJSON(instance(t.parameters, subject(a.question))),
		})
	}
	return calls
}

// mentions reports whether a text speaks of a tool: get_weather is meant by "What is the weather in Paris?".
func mentions(text, tool string) bool {
	const shortest = 4 // letters of a word that means something: not "get"
	text = strings.ToLower(text)
	for _, word := range strings.FieldsFunc(strings.ToLower(tool), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len(word) >= shortest && strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// subject is the last word with a capital that does not begin the text, "Paris" in most examples: what a tool's text
// arguments are filled with.
func subject(text string) string {
	words := strings.Fields(text)
	for i := len(words) - 1; i > 0; i-- {
		word := strings.TrimFunc(words[i], func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if first := []rune(word + " ")[0]; unicode.IsUpper(first) {
			return word
		}
	}
	return "simulated"
}

// tokens splits a text before every space that begins a word, so that joining them gives the text again.
func tokens(text string) []string {
	var out []string
	start, inSpace := 0, false
	for i, r := range text {
		space := unicode.IsSpace(r)
		if space && !inSpace && i > start {
			out = append(out, text[start:i])
			start = i
		}
		inSpace = space
	}
	if start < len(text) {
		out = append(out, text[start:])
	}
	return out
}

func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // v was made by instance out of decoded JSON
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return string(text)
}
