package unigram

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// edge begins each word: what SentencePiece writes for a space.
const edge = "▁"

// word is what is cut at a time, and where each of its bytes is from.
type word struct {
	bytes  []byte
	origin []origin
	blank  bool // so far it is white space, which is one edge however long
}

// origin is bytes of the text.
type origin struct{ from, to int32 }

// words gives those of a text in Unicode's form NFKC, each with an edge: that of
// the white space before it, one in front of the text, or a letter that looks so.
// A word is gone when yield returns.
func words(text string, yield func(*word)) {
	var segments norm.Iter
	segments.InitString(norm.NFKC, text)
	w, from := &word{}, 0
	for !segments.Done() {
		segment := segments.Next()
		to := segments.Pos()
		kept := text[from:to] == string(segment)
		for place := 0; place < len(segment); {
			letter, size := utf8.DecodeRune(segment[place:])
			at := origin{int32(from), int32(to)}
			if kept { // letters that were normal: each is from its own place
				at = origin{int32(from + place), int32(from + place + size)}
			}
			w.take(letter, segment[place:place+size], at, yield)
			place += size
		}
		from = to
	}
	w.end(yield)
}

func (w *word) take(letter rune, bytes []byte, at origin, yield func(*word)) {
	switch blank := unicode.IsSpace(letter); {
	case blank && w.blank:
		for i := range w.origin {
			w.origin[i].to = at.to
		}
		return
	case blank || string(bytes) == edge:
		w.end(yield)
		w.write([]byte(edge), at)
		w.blank = blank
		return
	case len(w.bytes) == 0: // the first letter of the text; its edge is from there too, as in the library
		w.write([]byte(edge), at)
	}
	w.blank = false
	w.write(bytes, at)
}

func (w *word) write(letter []byte, at origin) {
	w.bytes = append(w.bytes, letter...)
	for range letter {
		w.origin = append(w.origin, at)
	}
}

func (w *word) end(yield func(*word)) {
	if len(w.bytes) > 0 {
		yield(w)
	}
	w.bytes, w.origin = w.bytes[:0], w.origin[:0]
}

// source is what the bytes from from to to were made from.
func (w *word) source(from, to int) (int, int) {
	return int(w.origin[from].from), int(w.origin[to-1].to)
}
