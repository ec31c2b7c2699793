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

// unigramSpec is the part of a tokenizer.json that is read only then.
type unigramSpec struct {
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor struct {
		Type   string         `json:"type"`
		Single []templatePart `json:"single"`
		Tokens map[string]struct {
			IDs []uint32 `json:"ids"`
		} `json:"special_tokens"`
	} `json:"post_processor"`
	Model struct {
		Type         string          `json:"type"`
		UnknownID    *uint32         `json:"unk_id"`
		ByteFallback bool            `json:"byte_fallback"`
		Vocab        json.RawMessage `json:"vocab"`
	} `json:"model"`
}

// templatePart is a special token, or else the text.
type templatePart struct {
	Special *struct {
		ID string `json:"id"`
	} `json:"SpecialToken"`
}

// entry is a piece as ["text", score].
type entry unigram.Piece

func (e *entry) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&e.Text, &e.Score})
}

// readUnigram gives the pieces of a tokenizer.json and what goes around them, or
// nil if it is in another form.
func readUnigram(data []byte) (*unigram.Tokenizer, frame, error) {
	var s unigramSpec
	if json.Unmarshal(data, &s) != nil || !s.fits() {
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
	return t, s.frame(), nil
}

func (s *unigramSpec) fits() bool {
	return s.Model.Type == "Unigram" && s.Model.UnknownID != nil && !s.Model.ByteFallback &&
		s.PostProcessor.Type == "TemplateProcessing" &&
		isJSON(s.Normalizer, unigramNormalizer) && isJSON(s.PreTokenizer, unigramPreTokenizer)
}

func isJSON(data json.RawMessage, want string) bool {
	var compact bytes.Buffer
	return json.Compact(&compact, data) == nil && compact.String() == want
}

func (s *unigramSpec) frame() frame {
	var f frame
	around := &f.before
	for _, part := range s.PostProcessor.Single {
		if part.Special == nil {
			around = &f.after
			continue
		}
		*around = append(*around, s.PostProcessor.Tokens[part.Special.ID].IDs...)
	}
	return f
}
