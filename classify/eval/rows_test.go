package eval

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"reflect"
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
	const text = `{"text":"a\u0000b","label":"math","source":"x","lang":"de"}` + "\r\n\n" + `{"label":"law","text":"","source":7,"weight":[{}]}`
	want := Data{KindLabels, []Row{
		{Line: 1, Text: "a\x00b", Label: "math", Source: "x", Lang: "de"},
		{Line: 3, Label: "law"},
	}}
	for _, file := range []string{text, text + "\n", zipped(t, text)} {
		got, err := Read(strings.NewReader(file), DefaultLimits())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, %v", got, err)
		}
	}
}

// Places are in code points in the file, whatever the characters weigh, and in
// bytes here.
func TestReadEntities(t *testing.T) {
	const text = `{"text":"é 𝔄nn, Zoë","entities":[{"start":7,"end":10,"type":"PERSON","value":"Zoë"},{"start":2,"end":5,"type":"PERSON","value":"𝔄nn"},{"start":7,"end":10,"type":"MADE_UP"}],"lang":"fr"}
{"text":"nobody","entities":[]}`
	got, err := Read(strings.NewReader(text), DefaultLimits())
	want := Data{KindSpans, []Row{
		{Line: 1, Text: "é 𝔄nn, Zoë", Lang: "fr", Entities: []Entity{{"PERSON", 3, 9}, {"MADE_UP", 11, 15}, {"PERSON", 11, 15}}},
		{Line: 2, Text: "nobody", Entities: []Entity{}},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestReadOutcomes(t *testing.T) {
	got, err := Read(strings.NewReader(`{"text":"a","weak":0,"strong":1}
{"text":"b","weak":1.0,"strong":0}
{"text":"c","weak":false,"strong":true}
{"text":"d","weak":8,"strong":9.5}
{"text":"e","weak":-1e100,"strong":true}`), DefaultLimits())
	want := Data{KindOutcomes, []Row{
		{Line: 1, Text: "a", Strong: 1}, {Line: 2, Text: "b", Weak: 1}, {Line: 3, Text: "c", Strong: 1},
		{Line: 4, Text: "d", Weak: 8, Strong: 9.5}, {Line: 5, Text: "e", Weak: -1e100, Strong: 1},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestReadNamesTheLineThatIsWrong(t *testing.T) {
	const good = `{"text":"a","label":"math"}` + "\n"
	const span = `{"text":"né Canary","entities":[` // 9 code points, 10 bytes
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
		{"no kind", `{"text":"a"}`, `line 1: neither "label", nor "entities", nor "weak" and "strong"`},
		{"two kinds", `{"text":"a","label":"b","entities":[]}`, `line 1: has both "label" and "entities"`},
		{"two kinds later", good + `{"text":"a","label":"b","weak":0,"strong":1}`, `line 2: has both "label" and "weak" and "strong"`},
		{"another kind", good + span + `]}`, `line 2: has "entities", and the first row "label"`},
		{"entities missing", span + "]}\n" + `{"text":"a"}`, `line 2: "entities" is missing`},
		{"no type", span + `{"start":0,"end":1}]}`, `line 1: entity 1: "type" is missing`},
		{"no start", span + `{"end":1,"type":"A"}]}`, `line 1: entity 1: "start" or "end" is missing`},
		{"below 0", span + `{"start":-1,"end":1,"type":"A"}]}`, `line 1: entity 1: needs 0 <= start < end <= 9`},
		{"empty place", span + `{"start":0,"end":1,"type":"A"},{"start":2,"end":2,"type":"A"}]}`, `line 1: entity 2: needs 0 <= start < end <= 9 code points of text, has [2, 2)`},
		{"beyond the text", span + `{"start":0,"end":10,"type":"A"}]}`, `line 1: entity 1: needs`},
		{"broken number", span + `{"start":0,"end":1.5,"type":"A"}]}`, `line 1: `},
		{"value in bytes", span + `{"start":4,"end":10,"type":"A","value":"Canary"}]}`, `line 1: entity 1: needs`},
		{"other value", span + `{"start":3,"end":9,"type":"A","value":"canary"}]}`, `line 1: entity 1: "value" is not what stands at [3, 9)`},
		{"twice", span + `{"start":3,"end":9,"type":"A"},{"start":3,"end":9,"type":"A"}]}`, `line 1: two entities of type "A" have the same place`},
		{"weak alone", `{"text":"a","weak":1}`, `line 1: "strong" is missing`},
		{"weak null", `{"text":"a","weak":null,"strong":1}`, `line 1: "weak" is missing`},
		{"not finite", `{"text":"a","weak":1,"strong":1e999}`, `line 1: "strong" is beyond 1e+100`},
		{"sums not finite", `{"text":"a","weak":-2e100,"strong":1}`, `line 1: "weak" is beyond 1e+100`},
		{"an answer's text", `{"text":"a","weak":1,"strong":"canary"}`, `line 1: "strong" is neither a number nor true or false`},
		{"duplicate name", good + `{"text":"a","text":"b","label":"math"}`, "line 2: "},
		{"not UTF-8", good + "{\"text\":\"\xff\",\"label\":\"math\"}", "line 2: "},
		{"two objects", good + `{"text":"a","label":"math"}{}`, "line 2: "},
		{"long line", good + `{"text":"` + strings.Repeat("a", 200) + `","label":"math"}`, "line 2: longer than 150 bytes"},
		{"many rows", strings.Repeat(good, 4), "line 4: more than 3 rows"},
		{"cut gzip", zipped(t, good)[:30], "line 1: unexpected EOF"},
		{"bad gzip", "\x1f\x8b\x00\x00", "read rows: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			data, err := Read(strings.NewReader(test.file), Limits{Line: 150, Rows: 3, Bytes: 500})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(strings.ToLower(err.Error()), "canary") || data.Rows != nil {
				t.Errorf("text of a row in %v, %v", err, data)
			}
		})
	}
	broken := errors.New("disk gone")
	if _, err := Read(iotest.ErrReader(broken), DefaultLimits()); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	file := io.MultiReader(strings.NewReader(good), iotest.ErrReader(broken))
	if _, err := Read(file, DefaultLimits()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v, want %v on line 2", err, broken)
	}
}

// endless is a row that comes again and again.
type endless struct{ row, rest string }

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		e.rest = e.row
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// A file that is small when zipped may hold more than there is memory for: what is
// read is bounded in all, empty lines too, and the line that is over is named.
func TestTheBytesOfAllRowsAreBounded(t *testing.T) {
	row := `{"text":"` + strings.Repeat("a", 71) + `","label":"b"}` + "\n" // 95 bytes with its end
	lim := Limits{Line: 1000, Rows: 1000, Bytes: 950}
	for _, file := range []string{strings.Repeat(row, 10), zipped(t, strings.Repeat(row, 10))} {
		if data, err := Read(strings.NewReader(file), lim); err != nil || len(data.Rows) != 10 {
			t.Errorf("%d rows, %v", len(data.Rows), err)
		}
	}
	const over = "line 11: more than 950 bytes of rows up to here"
	for name, file := range map[string]io.Reader{
		"plain": strings.NewReader(strings.Repeat(row, 11)), "zipped": strings.NewReader(zipped(t, strings.Repeat(row, 1000))),
		"without end": &endless{row: row}, "empty lines": &endless{row: strings.Repeat(" ", 94) + "\n"},
	} {
		if data, err := Read(file, lim); err == nil || !strings.Contains(err.Error(), over) || data.Rows != nil {
			t.Errorf("%s: error %v, want %q", name, err, over)
		}
	}
}

func TestLongSourcesAreCutBetweenCharacters(t *testing.T) {
	row := `{"text":"","label":"a","source":"` + strings.Repeat("é", 100) + `"}`
	got, err := Read(strings.NewReader(row), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("é", 38) + "…"; got.Rows[0].Source != want {
		t.Errorf("%q, want %q", got.Rows[0].Source, want)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"text":"a","label":"math"}`, "", "\n\n", `{"text":"a","label":"math"}` + "\n{", "\x1f\x8b", zipped(f, `{"text":"a","label":"law"}`),
		`{"text":"a","text":"b"}`, "\xef\xbb\xbf{}", `{"text":"\ud800","label":"law"}`,
		`{"text":"é 𝔄nn","entities":[{"start":2,"end":5,"type":"PERSON","value":"𝔄nn"}]}` + "\n" + `{"text":"","entities":[]}`,
		`{"text":"abc","entities":[{"start":0,"end":3,"type":"A"},{"start":1,"end":2,"type":"B"}],"source":"s"}`,
		`{"text":"a","weak":0,"strong":1}` + "\n" + `{"text":"a","weak":1,"strong":1e0,"lang":"de"}`,
		`{"text":"a","weak":false,"strong":-9.5}` + "\n" + `{"text":"a","weak":1e99,"strong":1e999}`,
		`{"text":"a","entities":[{"start":0,"end":99999999999999999999,"type":"A"}]}`,
	} {
		f.Add([]byte(seed))
	}
	lim := Limits{Line: 1000, Rows: 10, Bytes: 4000}
	f.Fuzz(func(t *testing.T, file []byte) {
		data, err := Read(bytes.NewReader(file), lim)
		if err != nil {
			if data.Rows != nil || !strings.HasPrefix(err.Error(), "read rows: ") {
				t.Fatalf("%v, %v", data, err)
			}
			return
		}
		line := 0
		for _, row := range data.Rows {
			if row.Line <= line || !utf8.ValidString(row.Text) || !utf8.ValidString(row.Source) || len(row.Source) > sourceBytes {
				t.Fatalf("%+v", row)
			}
			checkKind(t, data.Kind, row)
			line = row.Line
		}
		if len(data.Rows) == 0 || len(data.Rows) > lim.Rows {
			t.Fatalf("%d rows", len(data.Rows))
		}
	})
}

// checkKind says that a row holds what its kind says and no more, and that places
// lie between characters of the text.
func checkKind(t *testing.T, kind Kind, row Row) {
	t.Helper()
	switch {
	case !(math.Abs(row.Weak) <= mostQuality) || !(math.Abs(row.Strong) <= mostQuality): // nor NaN
		t.Fatalf("%+v", row)
	case kind != KindLabels && row.Label != "", kind != KindOutcomes && (row.Weak != 0 || row.Strong != 0), kind == KindSpans != (row.Entities != nil):
		t.Fatalf("%s: %+v", kind, row)
	}
	for _, e := range row.Entities {
		if e.Type == "" || e.From >= e.To || !utf8.ValidString(row.Text[:e.From]) || !utf8.ValidString(row.Text[e.From:e.To]) {
			t.Fatalf("%+v", row)
		}
	}
}
