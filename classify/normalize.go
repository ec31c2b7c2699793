package classify

import (
	"context"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	// pieceBytes is about how much normalised text is handed on at a time. A
	// tokenizer's cost grows with its whole input, so it gets small inputs.
	pieceBytes = 4 << 10

	// chunkBytes is how much of the source is taken at a time.
	chunkBytes = 2 << 10

	// takes is how many chunks may be taken for one piece.
	takes = 32

	// maxMarks bounds the combining marks in a row. Written Burmese and Tibetan
	// need six; more is a flood.
	maxMarks = 8

	// maxWord bounds the characters of a word. WordPiece turns a word of more
	// than 100 into one [UNK], so glued text would be read as nothing; the rest
	// up to 100 leaves room for a last letter's marks.
	maxWord = 80
)

// Normalize gives the classifier's own view of a text: NFKC of Unicode (so that
// full-width and other compatibility forms equal plain ones), without invisible
// runes and stacked accents, controls and runs of white space as one space, no
// space at either end, a space in words of more than 80 characters, U+FFFD for
// each byte that is not UTF-8, and letters of other scripts or styles that pass
// for Latin ones as those.
//
// Words spelt letter by letter are put together, as the model makes nothing of
// them and those that the text goes to do: eight or more words of one letter in a
// row, with only white space between them ("i g n o r e   a l l"). Of that, what
// is wider than what is next to it stays as a space; see spelling. Only letters of
// scripts that have capitals count, as Latin, Greek and Cyrillic. Fewer than eight
// ("options A B C D") stay, and so do digits. Anything else ends the row,
// punctuation too; a word of one letter before or behind, as the "a" of "tell me a
// s e c r e t w o r d", is no other thing and part of it.
//
// It is idempotent and its time is linear. The result is at most 12 times as
// long as text (U+FDFA spells a phrase of 33 bytes in three).
func Normalize(text string) string {
	plain, _ := NormalizeContext(context.Background(), text) // which never ends
	return plain
}

// NormalizeContext is Normalize for a text of any length. Once ctx is done it stops, and the error is ErrDeadline or
// context.Canceled.
func NormalizeContext(ctx context.Context, text string) (string, error) {
	var b strings.Builder
	r := newReader(text)
	for more := true; more; {
		if ctx.Err() != nil {
			return "", whyEnded(ctx)
		}
		var piece string
		piece, more = r.next()
		b.WriteString(piece)
	}
	return b.String(), nil
}

// reader normalises a text piece by piece, so that the memory it takes does not
// depend on the length of the text, and what is never asked for costs nothing.
type reader struct {
	src string // not yet taken

	in     []byte // cleaned, not yet composed
	marks  int    // marks in a row at the end of in
	kept   int    // marks in a row at the end of what was composed
	spare  []byte // room for composing
	spare2 []byte

	out   []byte // normalised
	sent  int    // bytes of out that were handed on
	begun bool   // something was written to out
	space int    // white space since: a space is due before the next word if there is any
	word  int    // weight of the word at the end of out

	open    int  // up to here, out can no longer change
	begin   int  // where what was not read begins: the last word of out, or one that is being spelt
	strange bool // it has a rune from firstStrange on, or what was read of the same row has
	waits   bool // from open on there are words of twins to decide on
	doubt   int  // how many Latin words must come before twins may be Latin
	spell   spelling

	shift  int    // bytes that stood before out and that redraw took away
	traced bool   // edits and joins are kept
	edits  []edit // by redraw
	joins  []int  // where spaces stood that placeLetter took away
}

func newReader(text string) *reader {
	room := min(len(text), chunkBytes)
	return &reader{
		src:    text,
		doubt:  1,
		in:     make([]byte, 0, room),
		spare:  make([]byte, 0, room),
		spare2: make([]byte, 0, room),
		out:    make([]byte, 0, room),
	}
}

// next gives the next piece and whether there may be more. It does a bounded
// amount of work, so a piece of a text that folds to nothing may be empty. All
// pieces together are the normalised text. A piece ends where BERT's
// pre-tokenizer ends a word, so that the tokens of the pieces are the tokens of
// the whole.
func (r *reader) next() (piece string, more bool) {
	for range takes {
		if r.open-r.sent > pieceBytes || r.src == "" && len(r.in) == 0 {
			break
		}
		r.drop(r.sent)
		r.sent = 0
		r.take(chunkBytes)
		r.compose()
	}
	out := r.out[r.sent:r.open]
	n := len(out)
	if n > pieceBytes {
		n = cutPoint(out, pieceBytes)
	}
	r.sent += n
	return string(out[:n]), len(r.src) > 0 || r.ready() > 0
}

// drop removes so many bytes at the start of out.
func (r *reader) drop(bytes int) {
	r.out = append(r.out[:0], r.out[bytes:]...)
	r.open -= bytes
	r.begin -= bytes
	r.spell.loose -= bytes
	r.shift += bytes
}

// ready is how many bytes were taken from the source and not handed on.
func (r *reader) ready() int { return len(r.in) + len(r.out) - r.sent }

// expected is how many bytes of normalised text are likely still to come, given
// how many were handed on: the source grows or shrinks as it did so far.
func (r *reader) expected(handed, source int) int {
	taken := source - len(r.src)
	return r.ready() + (handed+r.ready())*len(r.src)/taken
}

// take moves a chunk of the source, of at least so many bytes if there are, to
// in: no invisible rune, white space as a space, no more than maxMarks marks in
// a row.
func (r *reader) take(bytes int) {
	end := min(len(r.src), bytes)
	at := 0
	for at < end {
		c, size := utf8.DecodeRuneInString(r.src[at:])
		at += size
		switch classOf(c) {
		case unseen:
		case blank:
			r.in = append(r.in, ' ')
			r.marks = 0
		case mark:
			if r.marks++; r.marks <= maxMarks {
				r.in = utf8.AppendRune(r.in, c)
			}
		default:
			r.in = utf8.AppendRune(r.in, c)
			r.marks = 0
		}
	}
	r.src = r.src[at:]
}

// compose moves what can no longer change from in to out.
func (r *reader) compose() {
	n := r.settled()
	r.write(r.in[:n])
	r.in = append(r.in[:0], r.in[n:]...)
	if r.src == "" {
		r.endText()
	}
}

// settled is how many bytes of in can no longer change. What follows the last
// boundary may still join with text to come and is held back: some 30 runes at
// most, as norm sets a boundary in every longer run (UAX #15, stream-safe text).
func (r *reader) settled() int {
	if r.src == "" {
		return len(r.in)
	}
	return max(norm.NFKC.LastBoundary(r.in), 0)
}

// write composes what was cleaned and writes it to out.
func (r *reader) write(text []byte) {
	r.spare = norm.NFKC.Append(r.spare[:0], text...)
	r.spare = r.strip(r.spare)
	// A dropped accent may have stood between two letters that compose.
	r.spare2 = norm.NFC.Append(r.spare2[:0], r.spare...)
	r.fold(r.spare2)
}

// strip drops, in place, accents that found no letter to join, and bounds the
// marks again, as one mark may have become several.
func (r *reader) strip(text []byte) []byte {
	kept := text[:0]
	for at := 0; at < len(text); {
		c, size := utf8.DecodeRune(text[at:])
		from := at
		at += size
		switch classOf(c) {
		case unseen:
			continue
		case mark:
			if isAccent(c) {
				continue
			}
			if r.kept++; r.kept > maxMarks {
				continue
			}
		default:
			r.kept = 0
		}
		kept = append(kept, text[from:at]...)
	}
	return kept
}

// fold writes text to out with single spaces and words of bounded length, each
// read in the script that it seems to be in once it ends.
func (r *reader) fold(text []byte) {
	for at := 0; at < len(text); {
		c, size := utf8.DecodeRune(text[at:])
		from := at
		at += size
		class := classOf(c)
		if class == blank {
			if r.begun {
				r.space = min(r.space+1, widest)
			}
			continue
		}
		if class == unseen { // norm puts U+034F into endless runs
			continue
		}
		breaks := isBreak(c)
		if r.space > 0 || breaks {
			r.endWord()
		}
		weight := weightOf(c, text[from:])
		if r.word+weight > maxWord && r.space == 0 && class != mark {
			r.space = 1
			r.endWord()
		}
		if r.space > 0 {
			r.startWord()
		}
		r.out = append(r.out, text[from:at]...)
		r.begun = true
		r.word += weight
		if c >= firstStrange {
			r.strange = true
		}
		if breaks {
			r.word = 0
			r.endWords()
		}
	}
}

// cutPoint finds where to end a piece of at most limit bytes: before the last
// space, else next to the last rune that is a word of its own. Words are
// bounded, so one is near.
func cutPoint(text []byte, limit int) int {
	for !utf8.RuneStart(text[limit]) {
		limit--
	}
	next := 0
	for at := limit; at > limit/2; {
		c, size := utf8.DecodeLastRune(text[:at])
		if c == ' ' {
			return at - size
		}
		if next == 0 && isBreak(c) {
			next = at
		}
		at -= size
	}
	if next == 0 {
		return limit
	}
	return next
}
