package pii

import (
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// spansOf takes every occurrence of each value for a span of a type.
func spansOf(text string, values map[string]string) []classify.Span {
	var out []classify.Span
	for value, typ := range values {
		for from := 0; ; {
			i := strings.Index(text[from:], value)
			if i < 0 {
				break
			}
			out = append(out, classify.Span{Type: typ, From: from + i, To: from + i + len(value)})
			from += i + len(value)
		}
	}
	return out
}

func TestOneValueHasOnePlaceholderInAllTexts(t *testing.T) {
	m := NewMasker()
	people := map[string]string{"Jane Roe": "PERSON", "Max": "PERSON", "Ulm": "GPE"}
	for _, test := range []struct{ text, want string }{
		{"Jane Roe met Max in Ulm.", "<PERSON_1> met <PERSON_2> in <GPE_1>."},
		{"Max wrote to Jane Roe, Max!", "<PERSON_2> wrote to <PERSON_1>, <PERSON_2>!"},
		{"nobody", "nobody"},
		{"", ""},
	} {
		got := m.Mask(test.text, spansOf(test.text, people))
		if got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
		if back := m.Unmask(got); back != test.text {
			t.Errorf("got %q back, want %q", back, test.text)
		}
	}
	if m.Masked() != 3 {
		t.Errorf("%d values, want 3", m.Masked())
	}
}

// The same conversation, sent again with one more turn, is masked the same.
func TestMaskingIsRepeatable(t *testing.T) {
	texts := []string{"call +49 171 2345678", "or jane@example.com", "<PHONE_NUMBER_1> is +49 171 2345678"}
	var first []string
	for range 5 {
		m := NewMasker()
		var got []string
		for _, text := range texts {
			got = append(got, m.Mask(text, find(text)))
		}
		if first == nil {
			first = got
		}
		if !slices.Equal(got, first) {
			t.Fatalf("got %q, then %q", first, got)
		}
	}
}

func TestUsersOwnPlaceholdersAreNotConfused(t *testing.T) {
	people := map[string]string{"Jane": "PERSON", "Max": "PERSON"}
	for _, test := range []struct {
		name        string
		texts, want []string
	}{
		{"before: it is never given out",
			[]string{"<PERSON_1> is Jane", "Max"}, []string{"<PERSON_1> is <PERSON_2>", "<PERSON_3>"}},
		{"in another spelling",
			[]string{"PERSON_1, <person 2> or < Person-3 >: Jane"}, []string{"PERSON_1, <person 2> or < Person-3 >: <PERSON_4>"}},
		{"after: it is masked itself",
			[]string{"Jane", "<PERSON_1> and PERSON_1, Max"}, []string{"<PERSON_1>", "<LITERAL_1> and <LITERAL_2>, <PERSON_2>"}},
		{"in a longer name",
			[]string{"Jane", "<X PERSON_1> XPERSON_1 PERSON_12"}, []string{"<PERSON_1>", "<X <LITERAL_1>> XPERSON_1 PERSON_12"}},
		{"beside a value",
			[]string{"Max", "PERSON_1Jane"}, []string{"<PERSON_1>", "<LITERAL_1><PERSON_2>"}},
		{"what masks a literal too",
			[]string{"<LITERAL_1> Jane", "PERSON_1"}, []string{"<LITERAL_1> <PERSON_1>", "<LITERAL_2>"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := NewMasker()
			var masked []string
			for _, text := range test.texts {
				masked = append(masked, m.Mask(text, spansOf(text, people)))
			}
			if !slices.Equal(masked, test.want) {
				t.Errorf("got %q, want %q", masked, test.want)
			}
			for i, text := range masked {
				if got := m.Unmask(text); got != test.texts[i] {
					t.Errorf("got %q back, want %q", got, test.texts[i])
				}
			}
		})
	}
}

func TestSpansOfAnyKindMaskRatherTooMuch(t *testing.T) {
	text := "Jané Roe, 12 Elm"
	for _, test := range []struct {
		name  string
		spans []classify.Span
		want  string
	}{
		{"overlapping", []classify.Span{{Type: "B", From: 6, To: 9}, {Type: "A", From: 0, To: 8}}, "<A_1>, 12 Elm"},
		{"out of the text", []classify.Span{{Type: "A", From: -5, To: 4}, {Type: "B", From: 11, To: 99}}, "<A_1> Roe, <B_1>"},
		{"within a rune", []classify.Span{{Type: "A", From: 4, To: 5}, {Type: "B", From: 0, To: 1}}, "<B_1>an<A_1> Roe, 12 Elm"},
		{"empty or backwards", []classify.Span{{Type: "A", From: 3, To: 3}, {Type: "B", From: 5, To: 2}}, text},
		{"strange types", []classify.Span{{Type: "", From: 0, To: 1}, {Type: "my type!", From: 6, To: 9}, {Type: "7", From: 11, To: 13}},
			"<DATA_1>ané <MY_TYPE_1>, <DATA_2> Elm"},
	} {
		m := NewMasker()
		got := m.Mask(text, test.spans)
		if got != test.want || m.Unmask(got) != text {
			t.Errorf("%s: got %q, want %q; back %q", test.name, got, test.want, m.Unmask(got))
		}
	}
}

// What a model may make of <PHONE_NUMBER_1>, and what is taken for it.
func TestSpellingsOfPlaceholders(t *testing.T) {
	m := NewMasker()
	m.Mask("0171", []classify.Span{{Type: "PHONE_NUMBER", From: 0, To: 4}})
	for _, same := range []string{
		"<PHONE_NUMBER_1>", "<phone_number_1>", "<Phone Number 1>", "< PHONE_NUMBER_1 >", "<  phone-number-1  >", `<PHONE\_NUMBER\_1>`, "PHONE_NUMBER_1",
	} {
		for _, around := range []string{"", " ", "*", "`", "(", "é", "号", "\n", "'", "<", ">", "<<"} {
			text := around + same + around
			if got, want := m.Unmask(text), around+"0171"+around; got != want && around != ">" && !strings.HasPrefix(around, "<") || !strings.Contains(got, "0171") {
				t.Errorf("%q: got %q, want %q", text, got, want)
			}
		}
	}
	for _, other := range []string{
		"<PHONE_NUMBER_2>", "<PHONE_NUMBER_11>", "<PHONE_NUMBER_01>", "<PHONENUMBER_1>", "phone_number_1", "Phone Number 1", "PHONE_NUMBER_1a",
		"XPHONE_NUMBER_1", "PHONE_NUMBER_1_", "_PHONE_NUMBER_1", "<PHONE_NUMBER_١>", "<PHONE  NUMBER_1>", "<   PHONE_NUMBER_1x", "<PHONE_NUMBER>",
		"<>", "<", "< ", "PHONE", "<NUMÉRO_1>",
	} {
		if got := m.Unmask(other); got != other {
			t.Errorf("%q became %q", other, got)
		}
	}
	if got := m.Unmask("<PHONE_NUMBER_1"); got != "<0171" {
		t.Errorf("a lost bracket: got %q", got)
	}
}

// A value is text: what it looks like is not read again.
func TestValuesAreNotUnmasked(t *testing.T) {
	m := NewMasker()
	text := "<A_2> B"
	masked := m.Mask(text, []classify.Span{{Type: "A", From: 0, To: 5}, {Type: "A", From: 6, To: 7}})
	if got := m.Unmask(masked); got != text {
		t.Errorf("%q: got %q, want %q", masked, got, text)
	}
	if got := m.Unmask(masked + masked); got != text+text {
		t.Errorf("got %q", got)
	}
}

func TestStreamsAreUnmaskedHoweverTheyAreCut(t *testing.T) {
	m := NewMasker()
	m.Mask("Jané Roe 0171 😀", spansOf("Jané Roe 0171 😀", map[string]string{"Jané Roe": "PERSON", "0171": "PHONE_NUMBER", "😀": "A"}))
	for _, text := range []string{
		"Dear <PERSON_1>, we called <PHONE_NUMBER_1>. é日😀 <PERSON_1><PERSON_1> PERSON_1",
		"<PERSON_1", "<PERSON_", "<", "< person 1 ", `<PERSON\_1> <PERSON\`, "PERSON_1 PERSON_12 APERSON_1", "a<b <<PERSON_1>> <X PERSON_1>", "😀<A_1>😀\xf0\x9f",
		"", "no placeholder at all", "<PERSON_2> PHONE_NUMBER_1é", "<  person_1  >", "<   PERSON_1>",
	} {
		want := m.Unmask(text)
		for size := 1; size <= len(text); size++ {
			checkStream(t, m, text, want, func(int) int { return size })
		}
		for first := range len(text) {
			checkStream(t, m, text, want, func(i int) int {
				if i == 0 {
					return first
				}
				return len(text)
			})
		}
	}
}

// checkStream feeds text in pieces; next gives the length of the piece at i. What
// is held back is no longer than a placeholder can be spelled.
func checkStream(t *testing.T, m *Masker, text, want string, next func(i int) int) {
	t.Helper()
	u := m.Unmasker()
	longest := 3
	for _, key := range u.keys {
		longest = max(longest, 2*len(key)+5)
	}
	var got strings.Builder
	for i := 0; i < len(text); {
		n := min(max(0, next(i)), len(text)-i)
		if n == 0 {
			got.WriteString(u.Write("")) // deltas may be empty
			n = 1
		}
		got.WriteString(u.Write(text[i : i+n]))
		i += n
		if len(u.held) > longest {
			t.Fatalf("%q: %q is held back, more than %d bytes", text[:i], u.held, longest)
		}
	}
	got.WriteString(u.Flush())
	if got.String() != want {
		t.Fatalf("%q in pieces: got %q, want %q", text, got.String(), want)
	}
	if u.held != "" || u.Flush() != "" {
		t.Fatalf("%q: something is left after the end", text)
	}
}

func TestWhatIsCertainIsGivenAtOnce(t *testing.T) {
	m := NewMasker()
	m.Mask("Jane", []classify.Span{{Type: "PERSON", From: 0, To: 4}})
	u := m.Unmasker()
	for _, step := range []struct{ piece, want string }{
		{"Hello, ", "Hello, "},
		{"P", ""},
		{"lease <", "Please "},
		{"b>", "<b>"},
		{"<PER", ""},
		{"SON_1", ""},
		{">", "Jane"},
		{"PERSON_1", ""},
		{" \xe6", "Jane "},
		{"\x97\xa5", "日"},
	} {
		if got := u.Write(step.piece); got != step.want {
			t.Errorf("%q: got %q, want %q", step.piece, got, step.want)
		}
	}
	if got := NewMasker().Unmasker().Write("<PERSON_1"); got != "<PERSON_1" {
		t.Errorf("nothing was masked, yet %q", got)
	}
}

// Streams of one request may be unmasked side by side while it is masked on.
func TestUnmaskersShareNothing(t *testing.T) {
	m := NewMasker()
	m.Mask("Jane", []classify.Span{{Type: "PERSON", From: 0, To: 4}})
	u := m.Unmasker()
	done := make(chan string)
	go func() { done <- u.Write("<PERSON_1> <PERSON_2>") + u.Flush() }()
	m.Mask("Max", []classify.Span{{Type: "PERSON", From: 0, To: 3}})
	if got := <-done; got != "Jane <PERSON_2>" {
		t.Errorf("got %q", got)
	}
}

// F: what is masked comes back, whole or in pieces, whatever the texts and spans.
func FuzzMask(f *testing.F) {
	f.Add("Jane met <PERSON_1>", "PERSON_1 and Max", uint16(0), uint16(4), uint16(13), uint16(16), uint8(3))
	f.Add("a<A_1>b", "<X A_1> < a 1 > A_1A_1", uint16(0), uint16(1), uint16(2), uint16(9), uint8(1))
	f.Add("<LITERAL_1>", "\xf0\x9f LITERAL_1<", uint16(1), uint16(3), uint16(0), uint16(1), uint8(2))
	f.Fuzz(func(t *testing.T, first, second string, a, b, c, d uint16, size uint8) {
		m := NewMasker()
		spans := []classify.Span{{Type: "A", From: int(a), To: int(b)}, {Type: "PERSON", From: int(c), To: int(d)}, {Type: "A_1", From: int(b), To: int(c)}}
		for _, text := range []string{first, second, second + first} {
			masked := m.Mask(text, append(spans, find(text)...))
			if got := m.Unmask(masked); got != text {
				t.Fatalf("%q masked as %q came back as %q", text, masked, got)
			}
			checkStream(t, m, masked, text, func(int) int { return int(size%9) + 1 })
			checkStream(t, m, text, m.Unmask(text), func(i int) int { return int(size)%5 + i%3 })
		}
	})
}
