package onnx

import (
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

func openTiny(t testing.TB) *tokenizer {
	t.Helper()
	tok, err := openTokenizer(testdata(t, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tok.close)
	return tok
}

func TestFrameIsWhatTheTokenizerPutsAroundAText(t *testing.T) {
	f := openTiny(t).frame
	if !slices.Equal(f.before, []uint32{2}) || !slices.Equal(f.after, []uint32{3}) || f.pad != 0 {
		t.Errorf("got %+v, want [CLS] 2 before, [SEP] 3 after, [PAD] 0", f)
	}
}

// The ids of tiny.py: [UNK] 1, [CLS] 2, [SEP] 3, alpha 4, beta 5, gamma 6.
func TestEncode(t *testing.T) {
	tok := openTiny(t)
	for name, tc := range map[string]struct {
		text string
		want []uint32
	}{
		"words":        {"Alpha, beta", []uint32{4, 1, 5}},
		"nothing":      {"", nil},
		"white space":  {" \t\n", nil},
		"NUL in space": {"alpha \x00 beta", []uint32{4, 5}},
		"NUL first":    {"\x00gamma", []uint32{6}},
		"NUL in word":  {"al\x00pha", []uint32{4}},
		"bad UTF-8":    {"alpha \xff beta", []uint32{4, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			tokens, err := tok.encode(tc.text)
			if err != nil || !slices.Equal(idsOf(tokens), tc.want) {
				t.Errorf("%q: %v, %v; want %v", tc.text, tokens, err, tc.want)
			}
		})
	}
}

// Whoever writes "[SEP]" must not end the text that the model reads.
func TestEncodeReadsTheNamesOfSpecialTokensAsText(t *testing.T) {
	tokens, err := openTiny(t).encode("alpha [SEP] [CLS][PAD] beta")
	ids := idsOf(tokens)
	if err != nil || ids[0] != 4 || ids[len(ids)-1] != 5 {
		t.Fatal(ids, err)
	}
	if i := slices.IndexFunc(ids, func(id uint32) bool { return id == 0 || id == 2 || id == 3 }); i >= 0 {
		t.Errorf("special token %d in %v", ids[i], ids)
	}
}

func TestEncodeReadsALongTextToItsEnd(t *testing.T) {
	const words = 20_000
	tokens, err := openTiny(t).encode(strings.Repeat("alpha ", words) + "gamma")
	ids := idsOf(tokens)
	if err != nil || len(ids) != words+1 || ids[words] != 6 {
		t.Errorf("%d ids, %v; want %d, the last gamma", len(ids), err, words+1)
	}
}

// Sentence encoders are published with both set, and the library has no switch.
func TestTokenizerThatTruncatesOrPadsIsRefused(t *testing.T) {
	good := string(testdata(t, "tokenizer.json"))
	for field, value := range map[string]string{
		"truncation": `{"direction": "Right", "max_length": 128, "strategy": "LongestFirst", "stride": 0}`,
		"padding":    `{"strategy": {"Fixed": 128}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}`,
	} {
		bad := strings.Replace(good, `"`+field+`": null`, `"`+field+`": `+value, 1)
		if bad == good {
			t.Fatalf("testdata has no %s", field)
		}
		if _, err := openTokenizer([]byte(bad)); err == nil || !strings.Contains(err.Error(), field+" must be null") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// checkTokens checks what is promised of offsets.
func checkTokens(t *testing.T, text string, tokens []classify.Token) {
	t.Helper()
	from := 0
	for _, token := range tokens {
		if token.From < from || token.To < token.From || token.To > len(text) {
			t.Fatalf("%q: token %+v after one at %d", text, token, from)
		}
		from = token.From
	}
}

// Offsets are bytes of the text as it was given, whatever the tokenizer makes of
// it: lower case, without accents, without controls.
func TestOffsetsAreBytesOfTheText(t *testing.T) {
	tok := openTiny(t)
	for text, want := range map[string][]string{
		"Alpha, BETA":          {"Alpha", ",", "BETA"},
		"日本 ålpha é\x00 gamma": {"日", "本", "ålpha", "é", "gamma"},
		"  alpha":              {"alpha"},
	} {
		tokens, err := tok.encode(text)
		if err != nil {
			t.Fatal(err)
		}
		checkTokens(t, text, tokens)
		var got []string
		for _, token := range tokens {
			got = append(got, text[token.From:token.To])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzEncode(f *testing.F) {
	tok := openTiny(f)
	for _, seed := range []string{"", "alpha", "\x00", "a\x00b", "[SEP]", "\xff\xfe", "\u200balpha\ufeff", "日本 alpha"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := tok.encode(text)
		if err != nil {
			t.Fatal(err)
		}
		// A word put behind anything is still read.
		more, err := tok.encode(text + " gamma")
		last := len(tokens)
		if err != nil || len(more) != last+1 || more[last].ID != 6 {
			t.Fatalf("%q: %v, with gamma behind it %v, %v", text, tokens, more, err)
		}
		checkTokens(t, text+" gamma", more)
		if more[last] != (classify.Token{ID: 6, From: len(text) + 1, To: len(text) + 6}) {
			t.Fatalf("%q: gamma behind it is %+v", text, more[last])
		}
	})
}

func FuzzEncodeUnigram(f *testing.F) {
	tok, err := openTokenizer(testdata(f, "unigram.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(tok.close)
	for _, seed := range []string{"", "the river", "</s>", "a<s>b<pad>", "\x00</s>\xff", "ｆｏｘ\u00ad \ufb01", "東京 日", "▁the ▁", "  the\u3000 fox "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := tok.encode(text)
		if err != nil {
			t.Fatal(err)
		}
		checkTokens(t, text, tokens)
		for _, token := range tokens {
			if token.ID <= 2 {
				t.Fatalf("%q: special token %+v", text, token)
			}
		}
	})
}
