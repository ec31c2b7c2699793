package eval

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// Kind is what the rows of a file say.
type Kind string

// The kinds of rows, told apart by their members beside "text".
const (
	KindLabels   Kind = "labels"   // "label"
	KindSpans    Kind = "spans"    // "entities"
	KindOutcomes Kind = "outcomes" // "weak" and "strong"
)

// Data is what a file holds: rows of one kind, one at least.
type Data struct {
	Kind Kind
	Rows []Row
}

// Row is a text and what is right for it.
type Row struct {
	Line   int // in the file, from 1
	Text   string
	Source string // the member "source", cut to sourceBytes; "" if there is none
	Lang   string // the member "lang", likewise

	Label        string   // of KindLabels
	Entities     []Entity // of KindSpans
	Weak, Strong float64  // of KindOutcomes: how good that model's answer was, 1 for right and 0 for wrong
}

// Entity is a place in a row's text, in bytes: [From, To).
type Entity struct {
	Type     string
	From, To int
}

// Limits bound what Read takes.
type Limits struct {
	Line  int // bytes of one line, its end not counted
	Rows  int
	Bytes int64 // of all lines together, unzipped, their ends counted as one each
}

// DefaultLimits are a million rows of 16 MiB at most and 2 GiB together: all rows
// are kept until they are measured, and a small gzip file can hold any number of
// large ones.
func DefaultLimits() Limits { return Limits{Line: 16 << 20, Rows: 1_000_000, Bytes: 2 << 30} }

// Read reads rows from JSON Lines, plain or gzipped (told apart by the first
// two bytes). On each line stands an object with the string "text" and one of
//
//   - "label", a string;
//   - "entities", a list of objects with the string "type" and the numbers
//     "start" and "end", [start, end) in Unicode code points of the text, and if
//     it likes "value", which must then be what stands there;
//   - "weak" and "strong", each a number or a boolean, which is 1 or 0.
//
// The first row says which, and all others must be of its kind. "source" and
// "lang" are kept if they are strings; other names are passed over, empty lines
// too. The first line which is not so is an error that names its number; a line
// is JSON by RFC 8259 without duplicate names, in UTF-8.
func Read(r io.Reader, lim Limits) (Data, error) {
	plain, err := unzip(r)
	if err != nil {
		return Data{}, fmt.Errorf("read rows: %w", err)
	}
	lines := bufio.NewScanner(plain)
	lines.Buffer(make([]byte, 0, min(64<<10, lim.Line)), lim.Line+1)
	var data Data
	number, size := 0, int64(0)
	for lines.Scan() {
		number++
		if size += int64(len(lines.Bytes())) + 1; size > lim.Bytes {
			return Data{}, fmt.Errorf("read rows: line %d: more than %d bytes of rows up to here", number, lim.Bytes)
		}
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if len(data.Rows) == lim.Rows {
			return Data{}, fmt.Errorf("read rows: line %d: more than %d rows", number, lim.Rows)
		}
		row, err := data.parse(line)
		if err != nil {
			if broken := lines.Err(); broken != nil {
				err = broken // the line is what came before the file broke off
			}
			return Data{}, fmt.Errorf("read rows: line %d: %w", number, err)
		}
		row.Line = number
		data.Rows = append(data.Rows, row)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return Data{}, fmt.Errorf("read rows: line %d: longer than %d bytes", number+1, lim.Line)
	case err != nil:
		return Data{}, fmt.Errorf("read rows: line %d: %w", number+1, err)
	case len(data.Rows) == 0:
		return Data{}, errors.New("read rows: there are none")
	}
	return data, nil
}

func unzip(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	magic, err := buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	return gzip.NewReader(buffered)
}
