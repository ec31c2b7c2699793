package pii

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// maskerOf has given each value a placeholder, PERSON_1 and so on.
func maskerOf(values ...string) *Masker {
	m := NewMasker()
	for _, v := range values {
		m.Mask(v, []classify.Span{{Type: "PERSON", From: 0, To: len(v)}})
	}
	return m
}

// S14: arguments of a tool call are JSON before and after, whatever a value holds and
// however the brackets are spelled, cut into pieces of any size.
func TestValuesInJSONAreQuoted(t *testing.T) {
	values := []string{`O"Neil`, "12 Elm\nUlm", `back\slash`, "tab\t\x01", "José <b>"}
	m := maskerOf(values...)
	for i, value := range values {
		key := fmt.Sprintf("PERSON_%d", i+1)
		for _, spelled := range []string{
			"<" + key + ">", `\u003c` + key + `\u003e`, `\u003C` + key + `\u003E`, "<" + key + `\u003e`, `\u003c ` + strings.ToLower(key) + ` \u003e`,
			`<` + strings.ReplaceAll(key, "_", `\\_`) + `>`, key,
		} {
			for _, around := range []string{"", `\n`, `\\`, `\"`, `\u00e9`, " "} {
				if around == `\u00e9` && spelled == key {
					continue
				}
				text := `{"a":"` + around + spelled + around + `"}`
				want, _ := json.Marshal(value)
				for size := 1; size <= len(text); size++ {
					u := m.JSONUnmasker()
					var got strings.Builder
					for at := 0; at < len(text); at += size {
						got.WriteString(u.Write(text[at:min(at+size, len(text))]))
					}
					got.WriteString(u.Flush())
					var was, is struct{ A string }
					if err := json.Unmarshal([]byte(strings.ReplaceAll(text, spelled, string(want[1:len(want)-1]))), &was); err != nil {
						t.Fatal(err)
					}
					if err := json.Unmarshal([]byte(got.String()), &is); err != nil || is != was {
						t.Fatalf("%s in pieces of %d: got %s, want %q (%v)", text, size, got.String(), was.A, err)
					}
				}
			}
		}
	}
}

func TestEscapesOfJSONStayAsTheyAre(t *testing.T) {
	m := maskerOf("Jane")
	for _, text := range []string{
		`{"a":"\u003cb\u003e"}`, `\\u003cPERSON_2\\u003e`, `\u003cPERSON_1\u003`, `\`, `\u`, `\u00`, `\u003cPERSON_12\u003e`, `\u003c\u003c`,
	} {
		for size := 1; size <= len(text); size++ {
			u := m.JSONUnmasker()
			var got strings.Builder
			for at := 0; at < len(text); at += size {
				got.WriteString(u.Write(text[at:min(at+size, len(text))]))
			}
			if got.WriteString(u.Flush()); got.String() != text && !strings.Contains(got.String(), "Jane") {
				t.Errorf("%s in pieces of %d became %s", text, size, got.String())
			}
		}
	}
}

func TestNamesBecomeOneWord(t *testing.T) {
	m := NewMasker()
	m.Mask("Jane Roe", []classify.Span{{Type: "PERSON", From: 0, To: 8}})
	for _, test := range []struct {
		name string
		span bool
		want string
	}{{"Jane_Roe", true, "PERSON_2"}, {"Jane_Roe", true, "PERSON_2"}, {"PERSON_1", false, "LITERAL_1"}, {"bob", false, "bob"}} {
		var spans []classify.Span
		if test.span {
			spans = []classify.Span{{Type: "PERSON", From: 0, To: 4}}
		}
		got := m.MaskName(test.name, spans)
		if got != test.want || m.Unmask(got) != test.name {
			t.Errorf("%s: got %s, back %s", test.name, got, m.Unmask(got))
		}
	}
	if n := m.Counts(); len(n) != 1 || n["PERSON"] != 2 {
		t.Errorf("counts: %v", n)
	}
}
