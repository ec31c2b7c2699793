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
