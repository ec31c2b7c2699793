package hub

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// untruncated gives a tokenizer.json whose padding and truncation are null; its
// other bytes are as they were. Published ones often pad or cut at the length of
// their training, and the library that reads them has no switch for it.
func untruncated(data []byte) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, fmt.Errorf("tokenizer.json: %w", err) }
	// Duplicate names are the library's business, but for those two.
	dec := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true))
	if first, err := dec.ReadToken(); err != nil || first.Kind() != '{' {
		return fail(errors.New("not a JSON object"))
	}
	var out []byte
	copied := 0
	seen := map[string]bool{}
	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil {
			return fail(err)
		}
		name := token.String()
		value, err := dec.ReadValue()
		if err != nil {
			return fail(err)
		}
		if name != "padding" && name != "truncation" {
			continue
		}
		if seen[name] {
			return fail(fmt.Errorf("%q is there twice", name))
		}
		seen[name] = true
		end := int(dec.InputOffset())
		out = append(out, data[copied:end-len(value)]...)
		out = append(out, "null"...)
		copied = end
	}
	if last, err := dec.ReadToken(); err != nil || last.Kind() != '}' {
		return fail(errors.New("not a whole JSON object"))
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return fail(errors.New("something follows the JSON object"))
	}
	return append(out, data[copied:]...), nil
}
