package onnx

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// both opens the embedded vocabulary twice: as it is used, and with Hugging Face's library.
func both(t testing.TB) (own, library *tokenizer) {
	t.Helper()
	data, err := os.ReadFile("../models/default/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	own, err = openTokenizer(data)
	if err != nil {
		t.Fatal(err)
	}
	if own.pieces == nil {
		t.Fatal("the embedded vocabulary is not in the form of classify/unigram")
	}
	library = &tokenizer{}
	if err := library.openLibrary(data); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(library.close)
	library.special, library.unknown = own.special, own.unknown
	return own, library
}

// alike holds the tokens of a text against those of the library; places too, where
// the text is in the form that they are counted in.
func alike(t testing.TB, own, library *tokenizer, text string) {
	t.Helper()
	got, err := own.encode(text)
	if err != nil {
		t.Fatal(err)
	}
	want, err := library.encode(text)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(idsOf(got), idsOf(want)) {
		t.Fatalf("%q: %v; the library has %v", text, got, want)
	}
	if plain := strings.Join(strings.Fields(text), " "); plain == text && norm.NFKC.IsNormalString(text) && !slices.Equal(got, want) {
		t.Fatalf("%q: %v; the library has %v", text, got, want)
	}
}

// The prompts that the model was trained on, in 23 languages.
func TestOwnPiecesAreThoseOfTheLibrary(t *testing.T) {
	own, library := both(t)
	if f := library.frame; !slices.Equal(f.before, own.frame.before) || !slices.Equal(f.after, own.frame.after) {
		t.Errorf("frame %+v; the library has %+v", own.frame, f)
	}
	for _, text := range []string{
		"", " ", "▁", "</s>", "a<s>b<pad>", "\x00</s>\xff", "ｆｏｘ\u00ad \ufb01", "東京 日", "▁the ▁", "  the\u3000 fox ", "e\u0301", "\u0344",
		"한국어 각", "가\u11a8", "😀👍🏽", "\u2126 Ω", "a\u0323\u0307", "\u1e9b\u0323", "½ ㎏ ﷺ", strings.Repeat("x", 5000), strings.Repeat("ab ", 5000),
	} {
		alike(t, own, library, text)
	}
	files, err := filepath.Glob("../../scripts/train/prompts/*.t*")
	if err != nil || len(files) < 40 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for n := 0; lines.Scan(); n++ {
			if n%7 == 0 {
				alike(t, own, library, lines.Text())
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(name, err)
		}
		f.Close()
	}
}

var unmarked = regexp.MustCompile(`\PM`)

// Unicode's tables are of another year in the library: only letters old enough to
// be in both are tried. Behind 30 marks in a row x/text begins another letter.
func FuzzOwnPieces(f *testing.F) {
	own, library := both(f)
	for _, seed := range []string{"", "the river", "</s>", "a<s>b<pad>", "ｆｏｘ\u00ad \ufb01", "東京 日", "▁the ▁", "  the\u3000 fox ", "Ελλάδα été Ж"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		old := strings.Map(func(r rune) rune {
			if r < 0x530 || 0x1e00 <= r && r < 0x2000 || 0x3000 <= r && r < 0x3100 || 0xff00 <= r && r < 0xff60 {
				return r
			}
			return -1
		}, text)
		if marks := len(unmarked.ReplaceAllString(old, "")); marks < 2*30 {
			alike(t, own, library, old)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	own, library := both(b)
	text := strings.Repeat("Which of the following describes the river that flows through Vienna? ", 5)
	for name, tok := range map[string]*tokenizer{"own": own, "library": library} {
		b.Run(name, func(b *testing.B) {
			var tokens []classify.Token
			for b.Loop() {
				tokens, _ = tok.encode(text)
			}
			b.ReportMetric(float64(len(tokens)), "tokens")
		})
	}
}

// tinyPieces is a tokenizer.json in the embedded one's form.
const tinyPieces = `{"truncation": null, "padding": null,
"added_tokens": [{"id": 0, "content": "<s>", "special": true}, {"id": 1, "content": "<unk>", "special": true}],
"normalizer": ` + unigramNormalizer + `, "pre_tokenizer": ` + unigramPreTokenizer + `,
"post_processor": {"type": "TemplateProcessing",
"single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
"special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
"model": {"type": "Unigram", "unk_id": 1, "byte_fallback": false, "vocab": [["<s>", 0], ["<unk>", 0], ["▁", -2], ["▁a", -1.5]]}}`

func TestTinyPieces(t *testing.T) {
	tok, err := openTokenizer([]byte(tinyPieces))
	if err != nil || tok.pieces == nil {
		t.Fatal(tok, err)
	}
	if f := tok.frame; !slices.Equal(f.before, []uint32{0}) || f.after != nil || f.word != 3 {
		t.Errorf("frame %+v; want <s> before, nothing after", f)
	}
	tokens, err := tok.encode("a <s>b")
	if err != nil || !slices.Equal(idsOf(tokens), []uint32{3, 2, 1, 1}) {
		t.Errorf("%v, %v; want ▁a, ▁, and the unknown for <s> and b", tokens, err)
	}
}

func TestBadPiecesAreRefused(t *testing.T) {
	for what, to := range map[string]string{
		`["▁", -2]`:    `["▁a", -2]`, // twice
		`["▁a", -1.5]`: `["▁a"`,
		`-1.5`:         `"much"`,
		`"unk_id": 1`:  `"unk_id": 9`,
	} {
		if _, err := openTokenizer([]byte(strings.Replace(tinyPieces, what, to, 1))); err == nil || !strings.Contains(err.Error(), "tokenizer.json") {
			t.Errorf("%s as %s: %v", what, to, err)
		}
	}
}

func FuzzReadPieces(f *testing.F) {
	f.Add([]byte(tinyPieces))
	f.Add([]byte(`{"model": {"type": "Unigram"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, err := readSpec(data)
		if err != nil {
			return
		}
		if tok, _, err := spec.pieces(); err == nil && tok != nil {
			tok.Encode("a text to read")
		}
	})
}
