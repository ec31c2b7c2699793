package chat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

func plain(r *chat.Request) *chat.Layout {
	l, _ := r.Layouts()
	return l
}

func texts(l *chat.Layout) []string {
	out := make([]string, len(l.Places))
	for i, p := range l.Places {
		out[i] = l.Of(p)
	}
	return out
}

// rest is the body without its places: what no change of texts may touch.
func rest(t *testing.T, r *chat.Request) string {
	t.Helper()
	var out strings.Builder
	done := 0
	places := slices.Clone(plain(r).Places)
	slices.SortStableFunc(places, func(a, b chat.Place) int {
		x, _, _, _ := a.Bounds()
		y, _, _, _ := b.Bounds()
		return x - y
	})
	for i := 0; i < len(places); {
		at, end, _, innerEnd := places[i].Bounds()
		if end == 0 { // a member's name
			i++
			continue
		}
		out.Write(r.Body[done:at])
		out.WriteString("\x00")
		done = end
		var said string
		if err := json.Unmarshal(r.Body[at:end], &said); err != nil {
			t.Fatal(err)
		}
		inner := 0
		for ; i < len(places); i++ {
			next, _, a, b := places[i].Bounds()
			if next != at {
				break
			}
			if innerEnd > 0 {
				out.WriteString(said[inner:a] + "\x01")
				inner = b
			}
		}
		if innerEnd > 0 {
			out.WriteString(said[inner:])
		}
	}
	out.Write(r.Body[done:])
	return out.String()
}

// rewrite gives about half of the places that word chooses a new text, and checks
// that these changed and nothing else did.
func rewrite(t *testing.T, r *chat.Request, word func(place int) (string, bool)) {
	t.Helper()
	before := slices.Clone(r.Body)
	l := plain(r)
	want := texts(l)
	var changes []chat.Change
	for i, p := range l.Places {
		if text, ok := word(i); ok && p.Use != chat.Fixed {
			want[i] = text
			changes = append(changes, chat.Change{Place: p, Text: text})
		}
	}
	body := r.Rewritten(r.Model, false, changes)
	if !bytes.Equal(before, r.Body) {
		t.Fatal("the body was changed in place")
	}
	again, err := chat.Parse(r.Kind, body, chat.Limits{})
	if err != nil {
		t.Fatalf("%v\n%q\n%q", err, before, body)
	}
	if got := texts(plain(again)); !slices.Equal(got, want) {
		t.Fatalf("\n got %q\nwant %q\nfrom %q\n  to %q", got, want, before, body)
	}
	if got, want := rest(t, again), rest(t, r); got != want {
		t.Fatalf("what is no text changed:\n got %q\nwant %q", got, want)
	}
	if len(changes) == 0 && !bytes.Equal(body, before) {
		t.Fatalf("changed by no change: %q, %q", before, body)
	}
	other := r.Rewritten("another", false, changes)
	if again, err := chat.Parse(r.Kind, other, chat.Limits{}); err != nil || again.Model != "another" || !slices.Equal(texts(plain(again)), want) {
		t.Fatalf("with another model: %v\n%q", err, other)
	}
}

// calling adds what the generator's chats don't have: calls with arguments, tools.
func (g *generator) calling() []byte {
	body := slices.Clone(g.body())
	at := bytes.LastIndexByte(body, '}')
	g.b = body[:at:at]
	g.raw(`,"tools":[{"type":"function","function":{"name":"f","description":`)
	g.quote(g.words())
	g.raw(`,"parameters":{"properties":{"a b":{"enum":[`)
	g.quote(g.words())
	g.raw(`]}}}}}],"documents":[`)
	inner := &generator{Rand: g.Rand}
	inner.object([]string{"x", "y" + g.words(), "z"}, func(string) { inner.anything(2) })
	g.raw(`{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":`)
	g.quote(string(inner.b))
	g.raw(`}}]}]}`)
	return g.b
}

// B7: texts are changed, and every other byte stays, in bodies of any spelling.
func TestRewrittenChangesTheseTextsAlone(t *testing.T) {
	g := newGenerator(11, false)
	for range withoutRace(t, 30_000) {
		body := slices.Clone(g.calling())
		r, err := chat.Parse(chat.Chat, body, chat.Limits{})
		if err != nil {
			t.Fatalf("%v\n%q", err, body)
		}
		rewrite(t, r, func(int) (string, bool) { return "<" + g.words() + ">", g.oneIn(2) })
	}
}

func FuzzRewritten(f *testing.F) {
	seedBodies(f, func(kind byte, body []byte) { f.Add(kind, body, "<PERSON_1> \"\\\n", uint64(0x5555)) })
	g := newGenerator(3, true)
	for range 50 {
		f.Add(byte(chat.Chat), slices.Clone(g.calling()), "<PERSON_1>", ^uint64(0))
	}
	f.Fuzz(func(t *testing.T, kind byte, body []byte, text string, which uint64) {
		r, err := chat.Parse(chat.Kind(kind%4), body, chat.Limits{})
		text = "<" + text // nothing that is dropped: no id, no data URL, no JSON
		if err != nil || !utf8.ValidString(text) || strings.ContainsRune(text, 0) || strings.Contains(text, `\u`) {
			return
		}
		rewrite(t, r, func(i int) (string, bool) { return fmt.Sprint(text, i), which>>(i%64)&1 == 1 })
	})
}

// Layouts hold each text once, in order, and places know where they stand.
func TestLayoutsHoldEveryTextOnce(t *testing.T) {
	g := newGenerator(12, false)
	for range withoutRace(t, 10_000) {
		body := slices.Clone(g.calling())
		r, _ := chat.Parse(chat.Chat, body, chat.Limits{})
		plain, fused := r.Layouts()
		if !slices.Equal(texts(plain), texts(fused)) {
			t.Fatalf("%q, %q", texts(plain), texts(fused))
		}
		done := 0
		for _, p := range plain.Places {
			if p.From < done || p.To <= p.From {
				t.Fatalf("places overlap or are empty: %+v", plain.Places)
			}
			done = p.To
		}
		for _, s := range r.Segments {
			if s.Field == chat.FieldArguments {
				continue
			}
			if !strings.Contains(plain.Text, s.Text) {
				t.Fatalf("the segment %q is in no place: %q", s.Text, plain.Text)
			}
		}
	}
}

// E5, E6: what stands in arguments is unescaped twice, members' names are places,
// numbers too; parts of a message join in the fused layout.
func TestLayoutOfArgumentsAndParts(t *testing.T) {
	r := parse(t, chat.Chat, `{"model":"m","messages":[
		{"role":"user","content":[{"type":"text","text":"john@ex"},{"type":"text","text":"ample.com"}],"name":"Ann"},
		{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{\"na\\u006de\":\"Jos\\u00e9 \\\"X\\\"\",\"n\":[4111,true]}"}}]}]}`)
	_, fused := r.Layouts()
	if got, want := fused.Text, "john@example.com\nAnn\nf\n"+`{"name":"José "X"","n":[4111,true]}`; got != want {
		t.Fatalf("fused:\n got %q\nwant %q", got, want)
	}
	l := plain(r)
	if got, want := texts(l), []string{"john@ex", "ample.com", "Ann", "f", "name", `José "X"`, "n", "4111"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	uses := []chat.Use{chat.Prose, chat.Prose, chat.Name, chat.Name, chat.Prose, chat.Prose, chat.Prose, chat.Number}
	var changes []chat.Change
	for i, p := range l.Places {
		if p.Use != uses[i] {
			t.Errorf("place %d has use %d", i, p.Use)
		}
		changes = append(changes, chat.Change{Place: p, Text: fmt.Sprintf("<%d>", i)})
	}
	body := string(r.Rewritten("m", false, changes))
	if want := `"arguments":"{\"<4>\":\"<5>\",\"<6>\":[\"<7>\",true]}"`; !strings.Contains(body, want) {
		t.Fatalf("%s\nlacks %s", body, want)
	}
}

// A tool's result is often JSON: its strings are unescaped, and what is written
// there is escaped as it has to be.
func TestLayoutOfTextThatIsJSON(t *testing.T) {
	r := parse(t, chat.Chat, `{"model":"m","messages":[{"role":"tool","tool_call_id":"1","content":" [{\"who\":\"Jos\\u00e9\",\"n\":12}]"},{"role":"user","content":"{\"not\": json"}]}`)
	l := plain(r)
	if got, want := texts(l), []string{"who", "José", "n", "12", `{"not": json`}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	body := string(r.Rewritten("m", false, []chat.Change{{Place: l.Places[1], Text: `"A"`}, {Place: l.Places[3], Text: "<N_1>"}}))
	if want := `"content":" [{\"who\":\"\\\"A\\\"\",\"n\":\"<N_1>\"}]"`; !strings.Contains(body, want) {
		t.Fatalf("%s\nlacks %s", body, want)
	}
}

// Arguments that are no JSON are a text; with escapes in it, nobody can say which.
func TestLayoutOfArgumentsThatAreNoJSON(t *testing.T) {
	for said, want := range map[string]struct {
		text string
		use  chat.Use
	}{
		`call Ann`:          {"call Ann", chat.Prose},
		`{"a":NaN,"b":"x"}`: {`{"a":NaN,"b":"x"}`, chat.Prose},
		`{"a":NaN,"b":"\\u0041nn"}`: {
			`{"a":NaN,"b":"Ann"}`, chat.Fixed},
	} {
		quoted, _ := json.Marshal(strings.ReplaceAll(said, `\\`, `\`))
		r := parse(t, chat.Chat, `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":`+string(quoted)+`}}]}]}`)
		l := plain(r)
		if len(l.Places) != 1 || l.Text != want.text || l.Places[0].Use != want.use {
			t.Errorf("%s: %q, %+v", said, l.Text, l.Places)
		}
	}
}

// What has to be the same in two places, or is read by the backend, is Fixed.
func TestNamesInDefinitionsAreFixed(t *testing.T) {
	r := parse(t, chat.Chat, `{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{
		"name":"find_ann","description":"Finds Ann","parameters":{"type":["object","null"],"properties":{"ann lee":{"description":"Ann's","pattern":"^Ann$","enum":["Ann"]},"name":{"description":"whose"}},"required":["ann lee"]}}}]}`)
	got := map[string]chat.Use{}
	l := plain(r)
	for _, p := range l.Places {
		got[l.Of(p)] = p.Use
	}
	want := map[string]chat.Use{
		"x": chat.Prose, "find_ann": chat.Fixed, "Finds Ann": chat.Prose, "object": chat.Fixed, "null": chat.Fixed,
		"ann lee": chat.Fixed, "Ann's": chat.Prose, "^Ann$": chat.Fixed, "Ann": chat.Prose, "whose": chat.Prose,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("\n got %v\nwant %v", got, want)
	}
}

func TestJSONOutputAndContinuesAreSeen(t *testing.T) {
	for body, want := range map[string]bool{
		`{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_\u006fbject"}}`: true,
		`{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema"}}`:      true,
		`{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"text"}}`:             false,
		`{"model":"m","messages":[{"role":"user","content":"json_object"}]}`:                                     false,
	} {
		if got := parse(t, chat.Chat, body).JSONOutput; got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
	if r := parse(t, chat.Responses, `{"model":"m","input":"x","text":{"format":{"type":"json_schema"}},"previous_response_id":"r"}`); !r.JSONOutput || !r.Continues {
		t.Error("responses", r.JSONOutput, r.Continues)
	}
	if r := parse(t, chat.Responses, `{"model":"m","input":[{"type":"reasoning","encrypted_content":"x"},{"role":"user","content":"x"}]}`); r.Continues || !r.StoredContext {
		t.Error("encrypted reasoning continues nothing that is not sent again")
	}
}
