package upstream

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Rewriter changes the texts of an answer: what a model said, in plain text or as
// arguments of a call, wherever it stands in a JSON body or in the events of a
// stream. All other bytes pass as they are.
type Rewriter struct {
	// New makes what changes one text; inJSON says that the text itself is JSON.
	New func(inJSON bool) Text
	// JSON says that what the model says is JSON too, because that was asked for.
	JSON bool
	// Passed is called before the head is sent if the answer has to pass as it is:
	// with UnreadEncoded, UnreadNotJSON or UnreadTooBig.
	Passed func(reason string)
}

// Text changes a text that comes in pieces. It may hold back what is not certain;
// Flush gives that back at the end, and after it another text may begin.
type Text interface {
	Write(piece string) string
	Flush() string
}

// maxRewritten bounds a JSON body that is rewritten, and is held whole for that.
const maxRewritten = 8 << 20

// wholeTexts changes texts that are there whole.
type wholeTexts struct {
	new         func(inJSON bool) Text
	plain, json Text
}

func (w *wholeTexts) change(said string, inJSON bool) string {
	to := &w.plain
	if inJSON {
		to = &w.json
	}
	if *to == nil {
		*to = w.new(inJSON)
	}
	return (*to).Write(said) + (*to).Flush()
}

// rewriteBody changes the texts of a JSON body. What can't be read stays as it is.
func rewriteBody(body []byte, by *Rewriter) []byte {
	var read textReader
	read.contentJSON = by.JSON
	if read.whole(body) != nil {
		return body
	}
	texts := wholeTexts{new: by.New}
	var edits []edit
	for _, s := range read.spots {
		edits = appendEdit(edits, s, body, texts.change(s.said(body), s.json))
	}
	return apply(body, edits)
}

// edit is new bytes for [at, end).
type edit struct {
	at, end int
	with    []byte
}

// appendEdit adds an edit if the text is another one.
func appendEdit(edits []edit, s spot, in []byte, text string) []edit {
	if text == s.said(in) {
		return edits
	}
	quoted, _ := jsontext.AppendQuote(nil, text)
	return append(edits, edit{s.at, s.end, quoted})
}

// apply makes edits, which come in order; without any it gives b itself.
func apply(b []byte, edits []edit) []byte {
	if len(edits) == 0 {
		return b
	}
	size := len(b)
	for _, e := range edits {
		size += len(e.with) - (e.end - e.at)
	}
	out, done := make([]byte, 0, size), 0
	for _, e := range edits {
		out = append(append(out, b[done:e.at]...), e.with...)
		done = e.end
	}
	return append(out, b[done:]...)
}

// streamKey tells the texts of one stream apart.
type streamKey struct {
	choice, call int
	field        string
}

// stream is one text of a stream, with the bytes to put around it if what was
// held back has to leave in an event of its own.
type stream struct {
	key    streamKey
	text   Text
	events responseFrame // of responses; else the choice says all
	shape  shape
}

// maxStreams bounds the texts of one answer; those beyond are taken to be whole in
// each event.
const maxStreams = 256

// find gives the stream of a spot, nil if there are too many.
func (f *eventRewriter) find(s *spot, read *textReader) *stream {
	i := slices.IndexFunc(f.streams, func(one *stream) bool { return one.key == s.key })
	if i >= 0 {
		return f.streams[i]
	}
	if len(f.streams) >= maxStreams {
		return nil
	}
	one := &stream{key: s.key, text: f.by.New(s.json), shape: s.shape}
	if s.shape == shapeEvent {
		one.events = newResponseFrame(read)
	}
	f.streams = append(f.streams, one)
	return one
}
