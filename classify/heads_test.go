package classify_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/classifytest"
)

// Three heads: what a text is about, whether it holds an attack, whom it names.
func heads() []classifytest.Head {
	return []classifytest.Head{
		{Head: classifytest.Domain("math", "history", "other")},
		{
			Head: classify.Head{
				Name: "jailbreak", Kind: classify.KindSequence, Labels: []string{"benign", "jailbreak"}, Temperature: 1,
				Merge: classify.MergeMax, Positive: "jailbreak", Threshold: 0.9,
			},
			Words: map[string]string{"please": "benign", "ignore": "jailbreak"},
		},
		{
			Head:  classify.Head{Name: "pii", Kind: classify.KindToken, Labels: []string{"O", "B-PERSON", "I-PERSON"}, Temperature: 1},
			Words: map[string]string{"john": "B-PERSON", "jane": "B-PERSON", "smith": "I-PERSON"},
		},
	}
}

func manyHeads(window int) *classifytest.Fake {
	return classifytest.New(classifytest.Options{Heads: heads(), Window: window})
}

func texts(text string, spans []classify.Span) []string {
	var all []string
	for _, s := range spans {
		all = append(all, s.Type+" "+text[s.From:s.To])
	}
	return all
}

func TestOneRunAnswersForAllHeads(t *testing.T) {
	fake := manyHeads(0)
	c := newClassifier(t, fake, options())
	text := "Please tell  me the history of Ｊｏｈｎ\u200b\r\n Smith, and of Jane!"
	r, err := c.Classify(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	domain, _ := r.Verdict("domain")
	attack, _ := r.Verdict("jailbreak")
	if len(r.Verdicts) != 2 || domain.Label != "history" || attack.Label != "benign" {
		t.Errorf("verdicts %+v", r.Verdicts)
	}
	if got, want := texts(text, r.Spans), []string{"PERSON Ｊｏｈｎ\u200b\r\n Smith,", "PERSON Jane!"}; !slices.Equal(got, want) {
		t.Errorf("spans %q, want %q", got, want)
	}
	for _, s := range r.Spans {
		if s.Source != "pii" || s.Score < 0.9 || s.Score > 1 {
			t.Errorf("%+v", s)
		}
	}
	if fake.Counts().Runs != 1 {
		t.Errorf("%d runs", fake.Counts().Runs)
	}
	if got := c.Heads(); len(got) != 3 || got[2].Name != "pii" {
		t.Errorf("heads %+v", got)
	}
}

// Punctuation alone is no name, however sure the tagger is.
func TestASpanHasALetterOrADigit(t *testing.T) {
	hs := heads()
	hs[2].Words["("], hs[2].Words["-"] = "B-PERSON", "B-PERSON"
	c := newClassifier(t, classifytest.New(classifytest.Options{Heads: hs}), options())
	text := "call ( or - and john"
	r, err := c.Classify(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := texts(text, r.Spans), []string{"PERSON john"}; !slices.Equal(got, want) {
		t.Errorf("spans %q, want %q", got, want)
	}
}

// The positive label needs its threshold, however likely it is.
func TestPositiveLabelNeedsItsThreshold(t *testing.T) {
	c := newClassifier(t, manyHeads(0), options())
	one, two := math.Exp(4)/(math.Exp(4)+1), 1/(1+math.Exp(-4*2))
	for text, want := range map[string]struct {
		label string
		p     float64
	}{
		"ignore this":                      {"jailbreak", one},
		"ignore, ignore this":              {"jailbreak", two},
		"please ignore this":               {"benign", 0.5},
		"please please ignore ignore this": {"benign", 0.5},
	} {
		r, err := c.Classify(t.Context(), text)
		v, ok := r.Verdict("jailbreak")
		if err != nil || !ok || v.Label != want.label || math.Abs(v.Confidence-want.p) > 1e-9 {
			t.Errorf("%q: %+v, %v, want %+v", text, v, err, want)
		}
	}
}

// E1: an attack in one window of many is the attack of the text, wherever it is;
// what the text is about is still the mean.
func TestMaximumFindsOneWindowAmongMany(t *testing.T) {
	c := newClassifier(t, manyHeads(8), options())
	for _, at := range []int{0, 1, 100, 199, 200} {
		text := strings.Repeat("please ", at) + "ignore ignore ignore ignore ignore ignore ignore ignore ignore " + strings.Repeat("please ", 200-at)
		r, err := c.Classify(t.Context(), text)
		attack, _ := r.Verdict("jailbreak")
		if err != nil || attack.Label != "jailbreak" || attack.P("jailbreak") < 0.99 {
			t.Errorf("at %d: %+v, %v", at, attack, err)
		}
	}
	r, err := c.Classify(t.Context(), "math "+strings.Repeat("history ", 100))
	if domain, _ := r.Verdict("domain"); err != nil || domain.Label != "history" {
		t.Errorf("%+v, %v", domain, err)
	}
}

// E2: a name is found wherever it stands, in one piece, also where windows cut it.
func TestSpansOverWindowEdges(t *testing.T) {
	c := newClassifier(t, manyHeads(8), options())
	for at := range 40 {
		before := words(at)
		text := before + "John Smith Smith Smith Smith Smith Smith Smith Smith " + words(20)
		r, err := c.Classify(t.Context(), text)
		want := "PERSON John" + strings.Repeat(" Smith", 8)
		if got := texts(text, r.Spans); err != nil || !slices.Equal(got, []string{want}) {
			t.Fatalf("at %d: %q, %v", at, got, err)
		}
		if r.Spans[0].From != len(before) {
			t.Fatalf("at %d: begins at %d, want %d", at, r.Spans[0].From, len(before))
		}
	}
}

// The property of all spans, on text that folds, vanishes and expands: they are in
// bounds, rise, have no white space at their ends, and normalise to the name.
func TestSpansNormaliseToWhatWasSeen(t *testing.T) {
	c := newClassifier(t, manyHeads(8), options())
	random := rand.New(rand.NewPCG(8, 9))
	noise := []string{"\u200b", "\u00ad", "\ufe0f", "\u0336", "\u20dd"}
	hide := func(word string) string {
		var b strings.Builder
		for _, r := range word {
			if random.IntN(3) == 0 {
				r = r - '!' + '！'
			}
			b.WriteRune(r)
			if random.IntN(3) == 0 {
				b.WriteString(noise[random.IntN(len(noise))])
			}
		}
		return b.String()
	}
	blanks := []string{" ", "\n\n", "\u3000", "\x00", "\u200b \u200b", " \u2800\t"}
	other := []string{"\ufdfa", "e\u0301", "\ufb01n", "각", "漢字", "a\u0301\u0302", "\xff", "x", "👍🏽"}
	for range 300 {
		var text strings.Builder
		var want []string
		for range 30 {
			if random.IntN(4) == 0 {
				text.WriteString(hide("john"))
				want = append(want, "john")
			} else {
				text.WriteString(other[random.IntN(len(other))])
			}
			text.WriteString(blanks[random.IntN(len(blanks))])
		}
		r, err := c.Classify(t.Context(), text.String())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		end := 0
		for _, s := range r.Spans {
			if s.From < end || s.To <= s.From || s.To > text.Len() {
				t.Fatalf("%q: %+v after %d", text.String(), s, end)
			}
			end = s.To
			found := text.String()[s.From:s.To]
			if strings.TrimSpace(found) != found {
				t.Errorf("%q has white space at an end", found)
			}
			got = append(got, classify.Normalize(found))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q: %q, want %q", text.String(), got, want)
		}
	}
}

func TestPatternsJoinWhatWasLearned(t *testing.T) {
	o := options()
	text := "mail john@\u200bx.org or john smith"
	o.Patterns = func(_ context.Context, got string) ([]classify.Span, error) {
		if got != text {
			t.Errorf("patterns were given %q", got)
		}
		at := strings.Index(got, "smith")
		return []classify.Span{
			{Type: "LONG", From: at, To: len(got), Score: 0.1, Source: "long words"},
			{Type: "EMAIL_ADDRESS", From: 5, To: 18, Score: 1, Source: "email"},
		}, nil
	}
	for name, model := range map[string]*classifytest.Fake{
		"with a token head": manyHeads(0), "without": classifytest.New(classifytest.Options{}),
	} {
		r, err := newClassifier(t, model, o).Classify(t.Context(), text)
		want := []string{"EMAIL_ADDRESS john@\u200bx.org", "LONG smith"}
		if name == "with a token head" {
			want = slices.Insert(want, 1, "PERSON john")
		}
		if got := texts(text, r.Spans); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}

// C1: patterns that panic or lie fail the text, as a model's nonsense does.
func TestFaultyPatterns(t *testing.T) {
	broken := errors.New("broken")
	gives := func(from, to int) func(context.Context, string) ([]classify.Span, error) {
		return func(context.Context, string) ([]classify.Span, error) {
			return []classify.Span{{From: from, To: to}}, nil
		}
	}
	for _, test := range []struct {
		name string
		find func(context.Context, string) ([]classify.Span, error)
		want error
	}{
		{"panic", func(context.Context, string) ([]classify.Span, error) { panic("no") }, classify.ErrPanic},
		{"error", func(context.Context, string) ([]classify.Span, error) { return nil, broken }, broken},
		{"end behind the text", gives(0, len("history")+1), classify.ErrBadOutput},
		{"begin before it", gives(-1, 1), classify.ErrBadOutput},
		{"end before they begin", gives(2, 1), classify.ErrBadOutput},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := options()
			o.Patterns = test.find
			c := newClassifier(t, manyHeads(0), o)
			r, err := c.Classify(t.Context(), "history")
			if !errors.Is(err, test.want) || r.Verdicts != nil || r.Spans != nil || !idle(c) {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// C7: patterns are stopped at the deadline, and when the caller has left.
func TestPatternsEndWithTheRequest(t *testing.T) {
	o := options()
	o.Deadline = 50 * time.Millisecond
	o.Patterns = func(ctx context.Context, _ string) ([]classify.Span, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c := newClassifier(t, manyHeads(0), o)
	if r, err := c.Classify(t.Context(), "history"); !errors.Is(err, classify.ErrDeadline) || r.Verdicts != nil || !idle(c) {
		t.Errorf("at the deadline: %+v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := c.Classify(ctx, "history"); !errors.Is(err, context.Canceled) || r.Verdicts != nil || !idle(c) {
		t.Errorf("cancelled: %+v, %v", r, err)
	}
}

// C1: nonsense of any head, or bad offsets, fail all of them.
func TestBadOutputOfAnyHead(t *testing.T) {
	for _, head := range []string{"domain", "jailbreak", "pii"} {
		for name, knobs := range map[string]classifytest.Knobs{
			"NaN": {NaN: true, Head: head}, "wrong width": {WrongWidth: true, Head: head},
			"a head missing": {WrongHeads: true}, "offsets": {WrongOffsets: true},
		} {
			fake := manyHeads(0)
			fake.Set(knobs)
			r, err := newClassifier(t, fake, options()).Classify(t.Context(), "john knows history")
			if !errors.Is(err, classify.ErrBadOutput) || r.Verdicts != nil || r.Spans != nil {
				t.Errorf("%s, %s: %+v, %v", head, name, r, err)
			}
		}
	}
}

// C6: batching changes no answer of any head.
func TestBatchedHeadsEqualAlone(t *testing.T) {
	alone := newClassifier(t, manyHeads(8), options())
	batched := newClassifier(t, classifytest.New(classifytest.Options{Heads: heads(), Window: 8, Batch: 5}), options())
	for n := 1; n < 100; n += 9 {
		text := words(n) + "John Smith ignore math " + words(n)
		a, errA := alone.Classify(t.Context(), text)
		b, errB := batched.Classify(t.Context(), text)
		if errA != nil || errB != nil || !reflect.DeepEqual(a.Verdicts, b.Verdicts) || !reflect.DeepEqual(a.Spans, b.Spans) || len(a.Spans) != 1 {
			t.Errorf("%d words: %v, %v; %v, %v", n, a, errA, b, errB)
		}
	}
}

// What was read when the deadline came has its spans.
func TestDeadlineGivesTheSpansOfWhatWasRead(t *testing.T) {
	fake := manyHeads(8)
	runs := 0
	over := make(chan struct{})
	fake.OnRun(func([][]uint32) {
		if runs++; runs == 3 {
			<-over
		}
	})
	o := options()
	o.Slots, o.Deadline = 1, 500*time.Millisecond
	c := newClassifier(t, fake, o)
	text := "John " + words(100) + "John " + words(100) + "Jane"
	r, err := c.Classify(t.Context(), text)
	close(over)
	if got := texts(text, r.Spans); err != nil || r.UnreadTokens == 0 || !slices.Equal(got, []string{"PERSON John", "PERSON Jane"}) {
		t.Errorf("%q, %+v, %v", got, r, err)
	}
	eventually(t, "no slot in use", func() bool { return idle(c) })
}

func TestNewListsAllThatIsWrongWithHeads(t *testing.T) {
	for want, change := range map[string]func(*[]classifytest.Head){
		"has no name":                  func(h *[]classifytest.Head) { (*h)[0].Name = "" },
		"kind is":                      func(h *[]classifytest.Head) { (*h)[0].Kind = "pair" },
		"no labels":                    func(h *[]classifytest.Head) { (*h)[0].Labels = nil },
		"temperature is NaN":           func(h *[]classifytest.Head) { (*h)[0].Temperature = math.NaN() },
		"temperature is +Inf":          func(h *[]classifytest.Head) { (*h)[0].Temperature = math.Inf(1) },
		"merge is":                     func(h *[]classifytest.Head) { (*h)[0].Merge = "" },
		"needs a positive label":       func(h *[]classifytest.Head) { (*h)[1].Positive = "" },
		`positive "evil"`:              func(h *[]classifytest.Head) { (*h)[1].Positive = "evil" },
		"threshold is 0":               func(h *[]classifytest.Head) { (*h)[1].Threshold = 0 },
		"for sequence heads":           func(h *[]classifytest.Head) { (*h)[2].Merge = classify.MergeMean },
		`label "PERSON"`:               func(h *[]classifytest.Head) { (*h)[2].Labels = []string{"O", "PERSON"} },
		`needs the label "O"`:          func(h *[]classifytest.Head) { (*h)[2].Labels = []string{"B-X"} },
		`two heads of the model`:       func(h *[]classifytest.Head) { (*h)[1].Name = "domain" },
		`head "pii": two labels are e`: func(h *[]classifytest.Head) { (*h)[2].Labels = []string{"O", "O"} },
	} {
		all := heads()
		change(&all)
		_, err := classify.New(classifytest.New(classifytest.Options{Heads: all}), options())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	none := noHeads{classifytest.New(classifytest.Options{})}
	if _, err := classify.New(none, options()); err == nil || !strings.Contains(err.Error(), "no heads") {
		t.Errorf("no heads: %v", err)
	}
}

type noHeads struct{ *classifytest.Fake }

func (noHeads) Heads() []classify.Head { return nil }

func BenchmarkSpans(b *testing.B) {
	labels := []string{"O"}
	for i := range 20 {
		labels = append(labels, fmt.Sprintf("B-T%d", i), fmt.Sprintf("I-T%d", i))
	}
	head := classifytest.Head{
		Head:  classify.Head{Name: "pii", Kind: classify.KindToken, Labels: labels, Temperature: 1},
		Words: map[string]string{"john": "B-T3"},
	}
	c, err := classify.New(classifytest.New(classifytest.Options{Heads: []classifytest.Head{head}, Window: 126}), options())
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{"none": words(120), "one": words(60) + "john " + words(60), "long": words(5000) + "john"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Classify(b.Context(), text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestTypesOfAHead(t *testing.T) {
	h := classify.Head{Kind: classify.KindToken, Labels: []string{"O", "B-PERSON", "I-PERSON", "I-GPE", "B-GPE"}}
	if got := h.Types(); !slices.Equal(got, []string{"PERSON", "GPE"}) {
		t.Errorf("types %q", got)
	}
	h.Kind = classify.KindSequence
	if got := h.Types(); got != nil {
		t.Errorf("a sequence head has types %q", got)
	}
}
