package onnx

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// gemma is a tokenizer.json built as that of Gemma 2, which mmBERT and the
// classifiers made of it have: BPE over pieces with U+2581 for a space, and
// bytes for what no piece has.
func gemma(t *testing.T) []byte {
	t.Helper()
	vocab := map[string]int{}
	add := func(piece string) {
		if _, ok := vocab[piece]; !ok {
			vocab[piece] = len(vocab)
		}
	}
	var added []map[string]any
	for _, name := range []string{"<pad>", "<eos>", "<bos>", "<unk>", "<mask>"} {
		added = append(added, map[string]any{
			"id": len(vocab), "content": name, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true,
		})
		add(name)
	}
	for b := range 256 {
		add(fmt.Sprintf("<0x%02X>", b))
	}
	for _, r := range "abcdefghijklmnopqrstuvwxyzA,.<>▁" {
		add(string(r))
	}
	var merges [][]string
	for _, m := range []string{"h e", "l l", "he ll", "hell o", "▁ A", "l i", "c e", "▁A li", "▁Ali ce"} {
		parts := strings.Fields(m)
		merges = append(merges, parts)
		add(parts[0] + parts[1])
	}
	special := func(name string) map[string]any {
		return map[string]any{"SpecialToken": map[string]any{"id": name, "type_id": 0}}
	}
	data, err := json.Marshal(map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added,
		"normalizer":    map[string]any{"type": "Replace", "pattern": map[string]any{"String": " "}, "content": "▁"},
		"pre_tokenizer": map[string]any{"type": "Split", "pattern": map[string]any{"String": " "}, "behavior": "MergedWithPrevious", "invert": false},
		"post_processor": map[string]any{
			"type":   "TemplateProcessing",
			"single": []any{special("<bos>"), map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}}, special("<eos>")},
			"pair":   []any{special("<bos>"), map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}}, special("<eos>"), map[string]any{"Sequence": map[string]any{"id": "B", "type_id": 1}}},
			"special_tokens": map[string]any{
				"<bos>": map[string]any{"id": "<bos>", "ids": []int{2}, "tokens": []string{"<bos>"}},
				"<eos>": map[string]any{"id": "<eos>", "ids": []int{1}, "tokens": []string{"<eos>"}},
			},
		},
		"decoder": nil,
		"model": map[string]any{
			"type": "BPE", "dropout": nil, "unk_token": "<unk>", "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": true, "byte_fallback": true, "ignore_merges": false, "vocab": vocab, "merges": merges,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The classifiers that vLLM Semantic Router publishes have such a tokenizer: its
// frame is found, offsets are the caller's bytes, and nothing goes unread.
func TestBPETokenizerOfGemma(t *testing.T) {
	tok, err := openTokenizer(gemma(t))
	if err != nil {
		t.Fatal(err)
	}
	defer tok.close()
	f := tok.frame
	if !slices.Equal(f.before, []uint32{2}) || !slices.Equal(f.after, []uint32{1}) || f.pad != 0 {
		t.Errorf("got %+v, want <bos> 2 before, <eos> 1 after, <pad> 0", f)
	}
	for text, want := range map[string][]string{
		"hello Alice, x": {"hello", " Alice", ",", " ", "x"},
		"ünï hello":      {"ü", "ü", "n", "ï", "ï", " ", "hello"},
		"<bos> hello":    {"<", "b", "o", "s", ">", " ", "hello"},
		"  hello":        {" ", " ", "hello"},
		"\x00 a":         {"\x00", " ", "a"},
	} {
		tokens, err := tok.encode(text)
		if err != nil {
			t.Fatal(err)
		}
		checkTokens(t, text, tokens)
		var got []string
		for _, token := range tokens {
			got = append(got, text[token.From:token.To])
			if token.ID < 3 {
				t.Errorf("%q: special token %+v", text, token)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
