package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/daulet/tokenizers"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/unigram"
)

// tokenizer turns text into ids. It is safe for many goroutines.
type tokenizer struct {
	// One of these: pieces for a vocabulary in the form of the embedded one, library
	// for all others.
	pieces  *unigram.Tokenizer
	library *tokenizers.Tokenizer
	frame   frame
	// special are the ids that no text may have. A vocabulary of SentencePiece
	// holds the names of its special tokens as pieces like any other.
	special map[uint32]bool
	unknown uint32 // stands in for them
}

// frame is what goes around the ids of a window: [CLS] and [SEP] for BERT, <s>
// and </s> for RoBERTa.
type frame struct {
	before, after []uint32
	// pad fills the shorter rows of a batch. The attention mask hides it, but
	// some graphs count positions by it.
	pad uint32
	// word is a token that is neither special nor padding.
	word uint32
}

func (f frame) size() int { return len(f.before) + len(f.after) }

// openTokenizer reads a tokenizer.json.
func openTokenizer(data []byte) (*tokenizer, error) {
	spec, err := readSpec(data)
	if err != nil {
		return nil, err
	}
	t := &tokenizer{}
	if t.pieces, t.frame, err = spec.pieces(); err == nil && t.pieces == nil {
		err = t.openLibrary(data)
	}
	if err != nil {
		return nil, err
	}
	if tokens, err := t.encode("a"); err == nil && len(tokens) > 0 {
		t.frame.word = tokens[0].ID
	}
	t.frame.pad = spec.pad()
	t.special, t.unknown = spec.special(t.frame.word)
	return t, nil
}

func (t *tokenizer) openLibrary(data []byte) error {
	// "[SEP]" that somebody wrote is five characters, not the end of the text.
	library, err := tokenizers.FromBytes(data, tokenizers.WithEncodeSpecialTokens())
	if err != nil {
		return err
	}
	t.library = library
	if t.frame, err = t.findFrame(); err != nil {
		t.close()
	}
	return err
}

// spec is what a tokenizer.json says that the library does not tell.
type spec struct {
	Truncation  *json.RawMessage `json:"truncation"`
	Padding     *json.RawMessage `json:"padding"`
	AddedTokens []struct {
		ID      uint32 `json:"id"`
		Content string `json:"content"`
		Special bool   `json:"special"`
	} `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Model         struct {
		Type         string          `json:"type"`
		UnknownID    *uint32         `json:"unk_id"`    // of Unigram
		UnknownToken string          `json:"unk_token"` // of the others
		ByteFallback bool            `json:"byte_fallback"`
		Vocab        json.RawMessage `json:"vocab"`
	} `json:"model"`
}

// readSpec refuses a tokenizer that truncates or pads by itself, which the library
// cannot be told not to do.
func readSpec(data []byte) (spec, error) {
	var s spec
	if err := json.Unmarshal(data, &s); err != nil {
		return spec{}, fmt.Errorf("read tokenizer.json: %w", err)
	}
	if s.Truncation != nil {
		return spec{}, errors.New("tokenizer.json: truncation must be null, or the end of a long text would never be read")
	}
	if s.Padding != nil {
		return spec{}, errors.New("tokenizer.json: padding must be null, or a short text would cost as much as a long one")
	}
	return s, nil
}

// pad is the id of the padding token, 0 if there is none.
func (s spec) pad() uint32 {
	for _, t := range s.AddedTokens {
		if t.Content == "[PAD]" || t.Content == "<pad>" {
			return t.ID
		}
	}
	return 0
}

// special gives the ids of the special tokens but the unknown one, and that; other
// if there is none.
func (s spec) special(other uint32) (ids map[uint32]bool, unknown uint32) {
	unknown = other
	if s.Model.UnknownID != nil {
		unknown = *s.Model.UnknownID
	}
	ids = make(map[uint32]bool)
	for _, t := range s.AddedTokens {
		if t.Content == s.Model.UnknownToken {
			unknown = t.ID
		}
		if t.Special {
			ids[t.ID] = true
		}
	}
	delete(ids, unknown)
	return ids, unknown
}

// findFrame asks the tokenizer what it puts around a text.
func (t *tokenizer) findFrame() (frame, error) {
	const text = "a"
	tokens, err := t.encode(text)
	if err != nil {
		return frame{}, err
	}
	plain := make([]uint32, len(tokens))
	for i, token := range tokens {
		plain[i] = token.ID
	}
	framed := t.library.EncodeWithOptions(text, true).IDs
	empty := t.library.EncodeWithOptions("", true).IDs
	for i := 0; len(plain) > 0 && i+len(plain) <= len(framed); i++ {
		f := frame{before: framed[:i], after: framed[i+len(plain):]}
		if slices.Equal(framed[i:i+len(plain)], plain) && slices.Equal(slices.Concat(f.before, f.after), empty) {
			return f, nil
		}
	}
	return frame{}, fmt.Errorf("tokenizer.json: special tokens are not found: %q is %d, with them %d, and the empty text %d",
		text, plain, framed, empty)
}

// encode gives the tokens of the whole text without special ones.
//
// The library takes a C string, so a NUL would hide all that follows, and makes
// three bytes of one that is not UTF-8. U+0001 stands in for either: tokenizers
// that clean text drop it alike, and it is as long, so that offsets stay.
func (t *tokenizer) encode(text string) ([]classify.Token, error) {
	text = replaceBad(text)
	if t.pieces != nil {
		return t.withoutSpecial(t.pieces.Encode(text)), nil
	}
	encoding, err := t.library.EncodeWithOptionsErr(text, false, tokenizers.WithReturnOffsets())
	if err != nil {
		return nil, fmt.Errorf("tokenize %d bytes: %w", len(text), err)
	}
	if len(encoding.Offsets) != len(encoding.IDs) {
		return nil, fmt.Errorf("tokenize %d bytes: %d tokens have %d offsets", len(text), len(encoding.IDs), len(encoding.Offsets))
	}
	tokens := make([]classify.Token, len(encoding.IDs))
	for i, id := range encoding.IDs {
		at := encoding.Offsets[i]
		tokens[i] = classify.Token{ID: id, From: int(at[0]), To: int(at[1])}
	}
	return t.withoutSpecial(tokens), nil
}

func (t *tokenizer) withoutSpecial(tokens []classify.Token) []classify.Token {
	for i := range tokens {
		if t.special[tokens[i].ID] {
			tokens[i].ID = t.unknown
		}
	}
	return tokens
}

func replaceBad(text string) string {
	if utf8.ValidString(text) {
		return strings.ReplaceAll(text, "\x00", "\x01")
	}
	clean := []byte(text)
	for at := 0; at < len(clean); {
		r, size := utf8.DecodeRune(clean[at:])
		if r == 0 || r == utf8.RuneError && size == 1 {
			clean[at] = 1
		}
		at += size
	}
	return string(clean)
}

func (t *tokenizer) close() {
	if t.library != nil {
		_ = t.library.Close()
	}
}
