// Package eval measures a classifier against labelled texts.
//
// It promises that a file of rows is read strictly or refused with the number
// of the line, that every row counts (one that the classifier could not answer
// is a wrong answer, never left out), and that each figure says how it is
// computed. No text of a row is ever printed or returned; rows are named by
// their line.
//
// It knows nothing about models, files of models or commands: it is given a
// reader, a classifier and a writer.
package eval

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Row is a text and the label it should get.
type Row struct {
	Line  int // in the file, from 1
	Text  string
	Label string
}

// Limits bound what Read takes.
type Limits struct {
	Line int // bytes of one line, its end not counted
	Rows int
}

// DefaultLimits are enough for a million rows of 16 MiB at most.
func DefaultLimits() Limits { return Limits{Line: 16 << 20, Rows: 1_000_000} }

// Read reads rows from JSON Lines, plain or gzipped (told apart by the first
// two bytes): on each line an object with the strings "text" and "label", both
// needed; other names are passed over, empty lines too. labels are those that
// the classifier knows. The first line which is not so is an error that names
// its number; it is JSON by RFC 8259 without duplicate names, in UTF-8.
func Read(r io.Reader, labels []string, lim Limits) ([]Row, error) {
	plain, err := unzip(r)
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	lines := bufio.NewScanner(plain)
	lines.Buffer(make([]byte, 0, min(64<<10, lim.Line)), lim.Line+1)
	var rows []Row
	number := 0
	for lines.Scan() {
		number++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if len(rows) == lim.Rows {
			return nil, fmt.Errorf("read rows: line %d: more than %d rows", number, lim.Rows)
		}
		row, err := parseRow(line, labels)
		if err != nil {
			if broken := lines.Err(); broken != nil {
				err = broken // the line is what came before the file broke off
			}
			return nil, fmt.Errorf("read rows: line %d: %w", number, err)
		}
		row.Line = number
		rows = append(rows, row)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("read rows: line %d: longer than %d bytes", number+1, lim.Line)
	case err != nil:
		return nil, fmt.Errorf("read rows: line %d: %w", number+1, err)
	case len(rows) == 0:
		return nil, errors.New("read rows: there are none")
	}
	return rows, nil
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

func parseRow(line []byte, labels []string) (Row, error) {
	var fields struct {
		Text  *string `json:"text"`
		Label *string `json:"label"`
	}
	if err := json.Unmarshal(line, &fields); err != nil {
		return Row{}, err
	}
	switch {
	case fields.Text == nil:
		return Row{}, errors.New(`"text" is missing`)
	case fields.Label == nil:
		return Row{}, errors.New(`"label" is missing`)
	case !slices.Contains(labels, *fields.Label):
		return Row{}, fmt.Errorf("label %.80q is not one of the classifier's: %s", *fields.Label, strings.Join(labels, ", "))
	}
	return Row{Text: *fields.Text, Label: *fields.Label}, nil
}
