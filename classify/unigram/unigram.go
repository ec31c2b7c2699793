// Package unigram cuts text into the likeliest pieces of a vocabulary, as
// SentencePiece's unigram model does (Kudo, "Subword Regularization", 2018), for
// files of Hugging Face's tokenizers in the form that scripts/train writes. Their
// library reads those too, in thirty times the memory.
package unigram

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// Piece is an entry of the vocabulary.
type Piece struct {
	Text  string
	Score float64 // logarithm of its probability
}

// unknownPenalty is how much less likely than the least likely piece a letter is
// that no piece has, as in SentencePiece and in Hugging Face's library.
const unknownPenalty = 10

// Tokenizer is safe for many goroutines.
type Tokenizer struct {
	pieces       trie
	scores       []float64
	unknown      uint32
	unknownScore float64
}

// New makes a tokenizer whose ids are the places of pieces; unknown is that of the
// piece for letters that are in no other. It fails on pieces that are there twice
// or have no text, and if unknown is not one of them.
func New(pieces []Piece, unknown uint32) (*Tokenizer, error) {
	if int(unknown) >= len(pieces) {
		return nil, fmt.Errorf("the unknown piece is %d of %d", unknown, len(pieces))
	}
	t := &Tokenizer{scores: make([]float64, len(pieces)), unknown: unknown, unknownScore: math.Inf(1)}
	number := make([]int32, len(pieces))
	for i, p := range pieces {
		number[i], t.scores[i] = int32(i), p.Score
		t.unknownScore = min(t.unknownScore, p.Score-unknownPenalty)
	}
	slices.SortFunc(number, func(a, b int32) int { return strings.Compare(pieces[a].Text, pieces[b].Text) })
	texts := make([]string, len(pieces))
	for i, n := range number {
		texts[i] = pieces[n].Text
		if i > 0 && texts[i] == texts[i-1] {
			return nil, fmt.Errorf("piece %q is there twice", texts[i])
		}
	}
	if texts[0] == "" {
		return nil, errors.New("a piece has no text")
	}
	t.pieces = newTrie(texts, number)
	return t, nil
}

// Encode gives the pieces of a text, in its order, with the bytes of text that each
// was made from. text must be UTF-8, and shorter than 2 GiB.
func (t *Tokenizer) Encode(text string) []classify.Token {
	out := make([]classify.Token, 0, len(text)/4)
	var p path
	words(text, func(w *word) { out = t.cut(&p, w, out) })
	return out
}

// step is the best way to a place of a word.
type step struct {
	score  float64
	length int   // of the last piece, in bytes; 0 where no way is known
	id     int32 // none for a letter that no piece has
}

// path is kept between words, for its memory.
type path struct {
	steps []step // to each place
	best  []step // those of the best way to the end, from there
}

// cut appends the likeliest pieces of a word.
func (t *Tokenizer) cut(p *path, w *word, out []classify.Token) []classify.Token {
	t.find(p, w.bytes)
	at, wasUnknown := 0, false
	for _, s := range slices.Backward(p.best) {
		from, to := w.source(at, at+s.length)
		at += s.length
		switch {
		case s.id != none:
			out = append(out, classify.Token{ID: uint32(s.id), From: from, To: to})
		case wasUnknown: // letters in a row that no piece has are one token
			out[len(out)-1].To = to
		default:
			out = append(out, classify.Token{ID: t.unknown, From: from, To: to})
		}
		wasUnknown = s.id == none
	}
	return out
}

// find leaves the best way to the end of a word in p (Viterbi 1967).
func (t *Tokenizer) find(p *path, word []byte) {
	p.steps = slices.Grow(p.steps[:0], len(word)+1)[:len(word)+1]
	clear(p.steps)
	for at := 0; at < len(word); {
		at += t.extend(p.steps, word, at)
	}
	p.best = p.best[:0]
	for at := len(word); at > 0; at -= p.steps[at].length {
		p.best = append(p.best, p.steps[at])
	}
}

// extend takes the best way to a place on by each piece that begins there, and
// gives the size of the letter there.
func (t *Tokenizer) extend(steps []step, word []byte, at int) int {
	_, size := utf8.DecodeRune(word[at:])
	here, single := steps[at].score, false
	for n, end := uint32(0), at; end < len(word); {
		if n = t.pieces.child(n, word[end]); n == 0 {
			break
		}
		end++
		if id := t.pieces.piece[n]; id != none {
			steps[end].offer(step{here + t.scores[id], end - at, id})
			single = single || end-at == size
		}
	}
	if !single {
		steps[at+size].offer(step{here + t.unknownScore, size, none})
	}
	return size
}

func (s *step) offer(other step) {
	if s.length == 0 || other.score > s.score {
		*s = other
	}
}
