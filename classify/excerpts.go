package classify

import (
	"context"
	"unicode/utf8"
)

// excerpt is a part of a text of which at least the beginning was read.
type excerpt struct {
	source span // in the caller's text
	tokens span // that were read of it
}

const (
	// excerptPiece bounds what is tokenised at a time of an excerpt, which needs
	// no more tokens than a window has.
	excerptPiece = 1 << 10
	// wordReach is how far the white space is looked for before which no excerpt
	// begins. The normaliser makes no longer words.
	wordReach = 256
)

// readExcerpts reads the beginnings, of so many tokens each, of as many parts of
// a text as there may be windows: evenly over it, so that no place in a long text
// is one that is never looked at. total is how many tokens the text has, which is
// more than they hold together.
//
// It tokenises what it reads and no more, however long the text is.
func (c *Classifier) readExcerpts(ctx context.Context, text string, each, total int) (input, error) {
	// Three quarters: the text ends in the last one also if it is denser there.
	last := len(text) * each / total * 3 / 4
	starts := excerptStarts(text, c.opt.MaxWindows, last)
	var all input
	for i, from := range starts {
		to := len(text)
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		in, err := c.readUpTo(ctx, text[from:to], each, excerptPiece)
		if err != nil {
			return input{}, err
		}
		all.join(in, span{from, to})
	}
	// The text does not fit, even if words fall apart into fewer tokens than before.
	all.beyond = max(all.beyond, 1)
	return all, nil
}

// join takes in what was read of a part of the text.
func (in *input) join(part input, source span) {
	if len(part.ids) > 0 {
		tokens := span{len(in.ids), len(in.ids) + len(part.ids)}
		in.excerpts = append(in.excerpts, excerpt{source, tokens})
	}
	in.ids = append(in.ids, part.ids...)
	in.places = append(in.places, part.places...)
	in.beyond += part.beyond
}

// windows covers each excerpt with windows of its own.
func (in *input) windows(size, overlap int) []span {
	var all []span
	for _, e := range in.excerpts {
		for _, w := range cutWindows(e.tokens.to-e.tokens.from, size, overlap) {
			all = append(all, span{e.tokens.from + w.from, e.tokens.from + w.to})
		}
	}
	return all
}

// excerptStarts is where n parts of a text begin, at least two: even steps from
// its beginning to so many bytes before its end, and from there to the next word.
func excerptStarts(text string, n, last int) []int {
	starts := make([]int, n)
	for i := 1; i < n; i++ {
		starts[i] = max(starts[i-1], wordStart(text, (len(text)-last)*i/(n-1)))
	}
	return starts
}

// wordStart is the first place from at on, or near, where a word begins; where
// none does, a rune.
func wordStart(text string, at int) int {
	for i := at; i < min(at+wordReach, len(text)); i++ {
		if c := text[i]; c == ' ' || '\t' <= c && c <= '\r' {
			return i + 1
		}
	}
	for end := min(at+utf8.UTFMax, len(text)); at < end && !utf8.RuneStart(text[at]); {
		at++
	}
	return at
}

// cutPiece parts a piece of normalised text, if it is longer than limit, where a
// word ends.
func cutPiece(piece string, limit int) (head, rest string) {
	if len(piece) <= limit {
		return piece, ""
	}
	n := cutPoint([]byte(piece), limit)
	return piece[:n], piece[n:]
}
