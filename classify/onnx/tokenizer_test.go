package onnx

import (
	"slices"
	"strings"
	"testing"
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
			ids, err := tok.encode(tc.text)
			if err != nil || !slices.Equal(ids, tc.want) {
				t.Errorf("%q: %v, %v; want %v", tc.text, ids, err, tc.want)
			}
		})
	}
}

// Whoever writes "[SEP]" must not end the text that the model reads.
func TestEncodeReadsTheNamesOfSpecialTokensAsText(t *testing.T) {
	ids, err := openTiny(t).encode("alpha [SEP] [CLS][PAD] beta")
	if err != nil || ids[0] != 4 || ids[len(ids)-1] != 5 {
		t.Fatal(ids, err)
	}
	if i := slices.IndexFunc(ids, func(id uint32) bool { return id == 0 || id == 2 || id == 3 }); i >= 0 {
		t.Errorf("special token %d in %v", ids[i], ids)
	}
}

func TestEncodeReadsALongTextToItsEnd(t *testing.T) {
	const words = 20_000
	ids, err := openTiny(t).encode(strings.Repeat("alpha ", words) + "gamma")
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

func FuzzEncode(f *testing.F) {
	tok := openTiny(f)
	for _, seed := range []string{"", "alpha", "\x00", "a\x00b", "[SEP]", "\xff\xfe", "\u200balpha\ufeff", "日本 alpha"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids, err := tok.encode(text)
		if err != nil {
			t.Fatal(err)
		}
		// A word put behind anything is still read.
		more, err := tok.encode(text + " gamma")
		if err != nil || len(more) != len(ids)+1 || more[len(ids)] != 6 {
			t.Fatalf("%q: %v, with gamma behind it %v, %v", text, ids, more, err)
		}
	})
}
