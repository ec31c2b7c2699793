package eval

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func zipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReadPlainAndGzip(t *testing.T) {
	const text = `{"text":"a\u0000b","label":"math","source":"x"}` + "\r\n\n" + `{"label":"law","text":""}`
	want := []Row{{1, "a\x00b", "math"}, {3, "", "law"}}
	for _, file := range []string{text, text + "\n", zipped(t, text)} {
		got, err := Read(strings.NewReader(file), []string{"math", "law"}, DefaultLimits())
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v", got, err)
		}
	}
}

func TestReadNamesTheLineThatIsWrong(t *testing.T) {
	const good = `{"text":"a","label":"math"}` + "\n"
	for _, test := range []struct{ name, file, want string }{
		{"empty file", "", "there are none"},
		{"only empty lines", "\n \n", "there are none"},
		{"no JSON", good + "text,label\n", "line 2: "},
		{"no object", good + good + "[]\n", "line 3: "},
		{"text missing", good + `{"label":"math"}`, `line 2: "text" is missing`},
		{"text null", `{"text":null,"label":"math"}`, `line 1: "text" is missing`},
		{"label missing", good + `{"text":"a"}`, `line 2: "label" is missing`},
		{"label in another case", good + `{"text":"a","Label":"math"}`, `line 2: "label" is missing`},
		{"label of another type", good + `{"text":"a","label":1}`, "line 2: "},
		{"unknown label", good + `{"text":"a","label":"maths"}`, `line 2: label "maths" is not one of the classifier's: math, law`},
		{"duplicate name", good + `{"text":"a","text":"b","label":"math"}`, "line 2: "},
		{"not UTF-8", good + "{\"text\":\"\xff\",\"label\":\"math\"}", "line 2: "},
		{"two objects", good + `{"text":"a","label":"math"}{}`, "line 2: "},
		{"long line", good + `{"text":"` + strings.Repeat("a", 200) + `","label":"math"}`, "line 2: longer than 100 bytes"},
		{"many rows", strings.Repeat(good, 4), "line 4: more than 3 rows"},
		{"cut gzip", zipped(t, good)[:30], "line 1: unexpected EOF"},
		{"bad gzip", "\x1f\x8b\x00\x00", "read rows: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(test.file), []string{"math", "law"}, Limits{Line: 100, Rows: 3})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	broken := errors.New("disk gone")
	if _, err := Read(iotest.ErrReader(broken), nil, DefaultLimits()); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	file := io.MultiReader(strings.NewReader(good), iotest.ErrReader(broken))
	if _, err := Read(file, []string{"math"}, DefaultLimits()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v, want %v on line 2", err, broken)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"text":"a","label":"math"}`, "", "\n\n", `{"text":"a","label":"math"}` + "\n{", "\x1f\x8b", zipped(f, `{"text":"a","label":"law"}`),
		`{"text":"a","text":"b"}`, "\xef\xbb\xbf{}", `{"text":"\ud800","label":"law"}`,
	} {
		f.Add([]byte(seed))
	}
	lim := Limits{Line: 1000, Rows: 10}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := Read(bytes.NewReader(file), []string{"math", "law"}, lim)
		if err != nil {
			if rows != nil || !strings.HasPrefix(err.Error(), "read rows: ") {
				t.Fatalf("%v, %v", rows, err)
			}
			return
		}
		line := 0
		for _, row := range rows {
			if row.Line <= line || !utf8.ValidString(row.Text) || row.Label != "math" && row.Label != "law" {
				t.Fatalf("%+v", row)
			}
			line = row.Line
		}
		if len(rows) == 0 || len(rows) > lim.Rows {
			t.Fatalf("%d rows", len(rows))
		}
	})
}
