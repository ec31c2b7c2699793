package onnx

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/vsr-proxy/vsr-proxy/classify/unigram"
)

// What a tokenizer.json has for what classify/unigram does: the form in which
// scripts/train writes it.
const (
	unigramNormalizer = `{"type":"Sequence","normalizers":[{"type":"NFKC"},` +
		`{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "}]}`
	unigramPreTokenizer = `{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}`
)

// template is what a post_processor puts around a text.
type template struct {
	Type   string `json:"type"`
	Single []struct {
		Special *struct { // absent where the text stands
			ID string `json:"id"`
		} `json:"SpecialToken"`
	} `json:"single"`
	Tokens map[string]struct {
		IDs []uint32 `json:"ids"`
	} `json:"special_tokens"`
}

// entry is a piece as ["text", score].
type entry unigram.Piece

func (e *entry) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&e.Text, &e.Score})
}

// pieces are those of a tokenizer.json in the form of the embedded one, and what
// goes around them; nil if it is in another form.
func (s spec) pieces() (*unigram.Tokenizer, frame, error) {
	var around template
	if !s.isUnigram() || json.Unmarshal(s.PostProcessor, &around) != nil || around.Type != "TemplateProcessing" {
		return nil, frame{}, nil
	}
	var vocab []entry
	if err := json.Unmarshal(s.Model.Vocab, &vocab); err != nil {
		return nil, frame{}, fmt.Errorf("tokenizer.json: model.vocab: %w", err)
	}
	pieces := make([]unigram.Piece, len(vocab))
	for i, e := range vocab {
		pieces[i] = unigram.Piece(e)
	}
	t, err := unigram.New(pieces, *s.Model.UnknownID)
	if err != nil {
		return nil, frame{}, fmt.Errorf("tokenizer.json: model.vocab: %w", err)
	}
	return t, around.frame(), nil
}

func (s spec) isUnigram() bool {
	return s.Model.Type == "Unigram" && s.Model.UnknownID != nil && !s.Model.ByteFallback &&
		isJSON(s.Normalizer, unigramNormalizer) && isJSON(s.PreTokenizer, unigramPreTokenizer)
}

func isJSON(data json.RawMessage, want string) bool {
	var compact bytes.Buffer
	return json.Compact(&compact, data) == nil && compact.String() == want
}

func (t template) frame() frame {
	var f frame
	around := &f.before
	for _, part := range t.Single {
		if part.Special == nil {
			around = &f.after
			continue
		}
		*around = append(*around, t.Tokens[part.Special.ID].IDs...)
	}
	return f
}
