package unigram

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// Ids are places: <unk> 0, ▁ 1, ▁the 2 and so on.
var vocabulary = []Piece{
	{"<unk>", 0}, {"▁", -2}, {"▁the", -3}, {"▁ri", -6}, {"ver", -5}, {"▁river", -8}, {"t", -7}, {"h", -7}, {"e", -6}, {"r", -6}, {"é", -8}, {"fi", -9}, {"東京", -9},
}

func open(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := New(vocabulary, 0)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func told(text string, tokens []classify.Token) string {
	var out []string
	for _, token := range tokens {
		out = append(out, vocabulary[token.ID].Text+"="+text[token.From:token.To])
	}
	return strings.Join(out, " | ")
}

func TestTheLikeliestPiecesAreTaken(t *testing.T) {
	tok := open(t)
	for text, want := range map[string]string{
		"":           "",
		" \t\n":      "▁= \t\n",
		"the river":  "▁the=the | ▁river= river",
		"  the":      "▁the=  the",
		"the ":       "▁the=the | ▁= ",
		"het":        "▁=h | h=h | e=e | t=t",
		"thé":        "▁=t | t=t | h=h | é=é",
		"the\u0301":  "▁=t | t=t | h=h | é=e\u0301",
		"ﬁ":          "▁= | fi=ﬁ",
		"東京 xyz":     "▁=東 | 東京=東京 | ▁=  | <unk>=xyz",
		"xx the yyr": "▁=x | <unk>=xx | ▁the= the | ▁=  | <unk>=yy | r=r",
		"▁the▁▁the":  "▁the=▁the | ▁=▁ | ▁the=▁the",
		"ｔｈｅ":        "▁the=ｔｈｅ",
	} {
		if got := told(text, tok.Encode(text)); got != want {
			t.Errorf("%q: %s; want %s", text, got, want)
		}
	}
}

func TestBadVocabulariesAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		pieces  []Piece
		unknown uint32
		want    string
	}{
		"nothing":      {nil, 0, "the unknown piece is 0 of 0"},
		"unknown":      {vocabulary, 13, "the unknown piece is 13 of 13"},
		"twice":        {[]Piece{{"a", 0}, {"b", 0}, {"a", 0}}, 0, `piece "a" is there twice`},
		"without text": {[]Piece{{"a", 0}, {"", 0}}, 0, "a piece has no text"},
	} {
		if _, err := New(tc.pieces, tc.unknown); err == nil || err.Error() != tc.want {
			t.Errorf("%s: %v; want %s", name, err, tc.want)
		}
	}
}

func FuzzEncode(f *testing.F) {
	tok := open(f)
	for _, seed := range []string{"", "the river", "▁", " ▁ ", "e\u0301\u0301", "ﬁ東京", "\x01", strings.Repeat("the", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		from := 0
		for _, token := range tok.Encode(text) {
			if token.From < from || token.To < token.From || token.To > len(text) {
				t.Fatalf("%q: token %+v after one at %d", text, token, from)
			}
			from = token.From
		}
		// A word put behind anything is still read.
		more := tok.Encode(text + " river")
		if last := more[len(more)-1]; last.ID != 5 || last.To != len(text)+6 {
			t.Fatalf("%q: river behind it is %+v", text, last)
		}
	})
}

func TestALongWordTakesTimeByItsLength(t *testing.T) {
	tokens := open(t).Encode(strings.Repeat("river", 200_000))
	if len(tokens) < 400_000 || !slices.ContainsFunc(tokens, func(t classify.Token) bool { return t.ID == 4 }) {
		t.Errorf("%d tokens", len(tokens))
	}
}
