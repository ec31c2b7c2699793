package chat_test

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

func parse(t testing.TB, kind chat.Kind, body string) *chat.Request {
	t.Helper()
	r, err := chat.Parse(kind, []byte(body), chat.Limits{})
	if err != nil {
		t.Fatalf("Parse(%s, %.200s): %v (param %q)", kind, body, err, err.Param)
	}
	return r
}

// B7: every byte but the model's value stays, in 100,000 bodies of any spelling.
func TestWithModelKeepsEveryOtherByte(t *testing.T) {
	g := newGenerator(7, false)
	for i := range withoutRace(t, 100_000) {
		body := slices.Clone(g.body())
		r, err := chat.Parse(chat.Chat, body, chat.Limits{})
		if err != nil {
			t.Fatalf("body %d: %v\n%q", i, err, body)
		}
		name := "n" + g.words()
		if name == r.Model {
			continue
		}
		quoted, _ := jsontext.AppendQuote(nil, name)
		want := slices.Concat(g.b[:g.modelAt], quoted, g.b[g.modelEnd:])
		if got := r.WithModel(name); !bytes.Equal(got, want) {
			t.Fatalf("body %d:\n got %q\nwant %q", i, got, want)
		}
		if !bytes.Equal(body, g.b) || !bytes.Equal(r.Body, g.b) {
			t.Fatalf("body %d was changed in place", i)
		}
	}
}

// withoutRace returns n, or a twentieth of it under the race detector, which makes
// these single-threaded loops ten times slower and has nothing to find in them.
func withoutRace(t *testing.T, n int) int {
	if !raceDetector {
		return n
	}
	t.Logf("%d of %d cases under the race detector; the plain run does all", n/20, n)
	return n / 20
}

// B7: numbers, spaces, escapes and members that no struct knows survive.
func TestWithModelKeepsWhatNobodyKnows(t *testing.T) {
	const before = "{ \"x\" : [1e400, 9223372036854775808, 0.10, -0],\r\n\t\"\\u006dodel\":"
	const after = `  ,"messages":[{"content":"caf\u00e9 \ud83d\ude00 \/","role":"user","n":{}}],"MODEL":"keep","z":null }` + "\n"
	r := parse(t, chat.Chat, before+`"au\u0074o"`+after)
	if r.Model != "auto" {
		t.Fatalf("Model = %q", r.Model)
	}
	if got, want := string(r.WithModel(`a"b\c`)), before+`"a\"b\\c"`+after; got != want {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
}

func TestWithModelOfTheSameNameIsTheBodyItself(t *testing.T) {
	r := parse(t, chat.ByModel, `{"model":"au\u0074o","input":"x"}`)
	if got := r.WithModel("auto"); &got[0] != &r.Body[0] || len(got) != len(r.Body) {
		t.Fatal("the body was copied")
	}
	if got := string(r.WithModel("b")); got != `{"model":"b","input":"x"}` {
		t.Fatalf("got %s", got)
	}
}

// A request keeps its text when its parser goes on to the next body.
func TestRequestsDoNotShareText(t *testing.T) {
	first := parse(t, chat.Chat, `{"model":"m","messages":[{"role":"user","content":"first","name":"a"}]}`)
	for range 100 {
		parse(t, chat.Chat, `{"model":"`+strings.Repeat("z", 300)+`","messages":[{"role":"critic","content":"`+strings.Repeat("other", 100)+`"}]}`)
	}
	if first.Segments[0].Text != "first" || first.Segments[0].Role != chat.RoleUser || first.Model != "m" {
		t.Fatalf("the first request changed: %q", lines(first))
	}
}

func TestParseFromManyGoroutines(t *testing.T) {
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			said := strings.Repeat(string(rune('a'+i)), 50)
			for range 200 {
				r, err := chat.Parse(chat.Chat, []byte(`{"model":"`+said+`","messages":[{"role":"user","content":"`+said+`\n"}]}`), chat.Limits{})
				if err != nil || r.Model != said || r.Text(chat.User) != said+"\n" {
					t.Errorf("goroutine %d read %v, %v", i, r, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// The budget: at most 6 allocations for parse and splice of a 4 KB body.
func TestParseAndSpliceAllocateLittle(t *testing.T) {
	if raceDetector {
		t.Log("not measured under the race detector, whose sync.Pool forgets at random; the plain run measures it")
		return
	}
	body := conversation(4 << 10)
	n := testing.AllocsPerRun(200, func() {
		r, err := chat.Parse(chat.Chat, body, chat.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		r.WithModel("llama3-8b")
	})
	if n > 6 {
		t.Fatalf("%v allocations, want at most 6", n)
	}
}
