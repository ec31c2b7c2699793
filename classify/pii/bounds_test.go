package pii

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// filled is head and so many bytes of unit.
func filled(head, unit string, size int) string {
	return head + strings.Repeat(unit, size/len(unit))
}

const english = "Please tell me about order 12345 and the number of people in it. "

// heavy are texts of what takes Find most, in one part or another, and how many
// times its size one may take in memory, besides what is found. 0 is for one whose
// regular expression takes memory from a pool, which the race detector empties.
var heavy = []struct {
	head, unit string
	most       float64
}{
	{"", english, 2}, {"é", english, 2.2}, {"", "ph 1 ", 3}, {"", "Καλημέρα, το τηλέφωνο 1 ", 2}, {"", "电话号码是 1 ", 2.8}, {"1", "号", 1.5},
	{"", "a@b.co ", 2}, {"é", "a@b.co ", 2}, {"", "+49 171 2345678 ", 2}, {"", "4111 ", 1.1}, {"", "7", 1.1}, {"", "1-", 1.1}, {"1 ", "a", 1.1}, {"1 ", " ", 1.1},
	{"1", "\u200b", 1.5}, {"", "1::", 1.1}, {"", "zip 1 ", 0}, {"", "dl a-1 ", 3}, {"", "born 1.1.90 4 may 90 ", 2.5}, {"1 ", "may ", 3.5},
	{"", "born 1.1.90 " + strings.Repeat("May ", 9), 4}, {"", "ph" + strings.Repeat("Ph", 17) + " 1 ", 5.5},
}

// ending is a context that ends when it has been looked at so many times.
type ending struct {
	context.Context
	after, looks int
}

func (e *ending) Err() error {
	if e.looks++; e.looks > e.after {
		return context.DeadlineExceeded
	}
	return nil
}

const never = 1 << 30

// checkLooks holds that pass looks at its context every so many bytes or cells, and
// stops when that has ended.
func checkLooks(t *testing.T, name string, cells int, pass func(ctx context.Context)) {
	t.Helper()
	ctx := &ending{t.Context(), never, 0}
	if pass(ctx); ctx.looks < cells/stride {
		t.Errorf("%s: %d looks at the context over %d cells", name, ctx.looks, cells)
	}
	for after := range 4 {
		ctx := &ending{t.Context(), after, 0}
		if pass(ctx); ctx.looks > after+3 {
			t.Errorf("%s: %d looks at a context that ended after %d", name, ctx.looks, after)
		}
	}
}

// A pass that ran to its end over megabytes would overrun the deadline. Looks at the
// context are counted, not time.
func TestEachPassOverATextLooksAtItsContext(t *testing.T) {
	checkLooks(t, "before anything", 1<<17, func(ctx context.Context) { mayHold(ctx, filled("", "ni ate ", 1<<17+stride)) })
	checkLooks(t, "before anything", 1<<18, func(ctx context.Context) { mayHold(ctx, filled("", "ni até ", 1<<17+stride)) }) // twice
	for _, text := range []struct{ head, unit string }{{"", "dl zip may ph 1 a@b.co: "}, {"é", "dl zip may ph 1 a@b.co: "}, {"", "7"}, {"", "1111 "}, {"", "a"}} {
		v := view{text: filled(text.head, text.unit, 1<<17)}
		checkLooks(t, "read", len(v.text), func(ctx context.Context) { v.read(ctx) })
		if err := v.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkLooks(t, "cues", len(v.cells), func(ctx context.Context) { v.cues(ctx) })
		cues, err := v.cues(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for n, find := range detectors {
			least := len(v.cells)
			switch {
			case cues.n == 0 && (n == 6 || n == 8): // licences and postal codes go from cue to cue
				least = 0
			case text.unit == "1111 " && n == 4, cues.n > 0 && n == 7: // cards look how far a row goes first, births for months as well
				least *= 2
			}
			checkLooks(t, fmt.Sprintf("%q, detector %d", text.unit, n), least, func(ctx context.Context) { find(ctx, &scan{view: v, cues: cues}) })
		}
	}
	s := scan{found: make([]finding, 1<<17), grades: []grade{{Email, scoreChecked}}}
	checkLooks(t, "spans", len(s.found), func(ctx context.Context) { s.spans(ctx) })
}

func TestFindEndsSoonAfterItsContext(t *testing.T) {
	for _, text := range heavy {
		whole := filled(text.head, text.unit, 1<<17)
		all := &ending{t.Context(), never, 0}
		if _, err := Find(all, whole); err != nil {
			t.Fatal(err)
		}
		for part := range 6 {
			ctx := &ending{t.Context(), all.looks * part / 6, 0}
			spans, err := Find(ctx, whole)
			if spans != nil || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%q, ended at %d of %d looks: %d spans, %v", text.unit, ctx.after, all.looks, len(spans), err)
			}
			if more := ctx.looks - ctx.after; more > 5 {
				t.Errorf("%q, ended at %d of %d looks: it was looked at %d times more", text.unit, ctx.after, all.looks, more)
			}
		}
	}
}

func TestAnEndedContextCostsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	units := []string{"nothing that has a form ", "ni até το ώρα "}
	for _, text := range heavy {
		units = append(units, text.unit)
	}
	for _, unit := range units {
		whole := filled("", unit, 8<<20)
		ended := &ending{ctx, 0, 0}
		allocs := testing.AllocsPerRun(10, func() {
			if spans, err := Find(ctx, whole); spans != nil || !errors.Is(err, context.Canceled) {
				t.Errorf("%q: %d spans, %v", unit, len(spans), err)
			}
		})
		if _, err := Find(ended, whole); err == nil || ended.looks > 2 || allocs > 0 {
			t.Errorf("%q: %v, after %d looks at a context that has ended, with %v allocations", unit, err, ended.looks, allocs)
		}
	}
}

// allocated is how many bytes Find takes in all, given back or not.
func allocated(t *testing.T, text string) (bytes float64, spans []classify.Span) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	spans, err := Find(t.Context(), text)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	return float64(after.TotalAlloc - before.TotalAlloc), spans
}

// P7: what a text takes in memory is a few times its size, whatever it is full of,
// but for what is found: that has a size of its own.
func TestMemoryIsBoundedByTheText(t *testing.T) {
	const perSpan = 200
	for _, text := range heavy {
		if text.most == 0 {
			continue
		}
		whole := filled(text.head, text.unit, 1<<19)
		bytes, spans := allocated(t, whole)
		if most := text.most*float64(len(whole)) + perSpan*float64(len(spans)); bytes > most {
			t.Errorf("%q: %.1f times the text for %d spans, want %.1f at most", text.unit, bytes/float64(len(whole)), len(spans), most/float64(len(whole)))
		}
	}
	for _, unit := range []string{"nothing that has a form, ", "ni até το ώρα ", "没有数字"} {
		if bytes, _ := allocated(t, filled("", unit, 1<<20)); bytes > 1<<12 {
			t.Errorf("%q: %v bytes for a text without a form", unit, bytes)
		}
	}
}

// Offsets are held in 31 bits.
func TestATextThatIsTooLongIsRefused(t *testing.T) {
	if err := refuse(1<<31 - 1); err != nil {
		t.Error(err)
	}
	if err := refuse(1 << 31); err == nil {
		t.Error("2 GiB are not refused")
	}
}

// A text is passed over for having no form by its bytes, before it is read: forms
// in other scripts count.
func TestFormsOfOtherScriptsAreNotPassedOver(t *testing.T) {
	check(t, []example{
		{"２６０９２４３６６８", one(Phone, "２６０９２４３６６８")},
		{"call ٢٦٠٩٢٤٣٦٦٨", one(Phone, "٢٦٠٩٢٤٣٦٦٨")},
		{"call \u200b٢٦٠٩\u200b٢٤٣٦٦٨ é", one(Phone, "٢٦٠٩\u200b٢٤٣٦٦٨")},
		{"jane＠example.com", one(Email, "jane＠example.com")},
		{"ip fe：：abc", one(IP, "fe：：abc")},
	})
	for text, want := range map[string]bool{"": false, "é": false, "é\u200b\xff": false, "é＠": true, "é：": true, "é𝟘": true, "é९": true, "é½²": false} {
		if got := mayHold(t.Context(), text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
