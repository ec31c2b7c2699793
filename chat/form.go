package chat

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Bounds of a form: parts, and bytes in one part's header.
const (
	maxFormParts  = 256
	maxPartHeader = 8 << 10
)

// ParseForm reads the model of a multipart/form-data body, as audio and image
// endpoints take it; all other fields pass unread. WithModel splices such a
// request too.
//
// Multipart has many readers that differ at its edges, so a form must be written
// the plain way, which is how HTTP clients write it: it starts with its boundary
// and ends with the closing one; lines end in CR LF; the boundary stands nowhere
// else; each part has one Content-Disposition with a plainly written name; "model"
// comes once, as plain text. Anything else is refused. Missing content type or
// another one is a 415, all else a 400.
func ParseForm(contentType string, body []byte) (*Request, *Error) {
	boundary, err := formBoundary(contentType)
	if err != nil {
		return nil, err
	}
	f := form{body: body, delim: []byte("--" + boundary)}
	r := &Request{Kind: ByModel, Body: body, form: true}
	for f.next() {
		if f.err = f.part(r); f.err != nil {
			break
		}
	}
	switch {
	case f.err != nil:
		return nil, f.err
	case r.Model == "":
		return nil, invalid("missing_required_parameter", "model", "Missing required parameter: 'model'.")
	}
	return r, nil
}

func formBoundary(contentType string) (string, *Error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return "", UnsupportedMediaType("multipart/form-data")
	}
	b := params["boundary"]
	// "boundary*=" is an encoding that few readers know (RFC 2231)
	if len(b) == 0 || len(b) > 70 || strings.Trim(b, boundaryChars) != "" || strings.Contains(contentType, "*") {
		return "", malformed("the boundary in its content type is missing or unusual")
	}
	return b, nil
}

// boundaryChars are those of RFC 2046, section 5.1.1, but for the space.
const boundaryChars = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=?"

func malformed(why string) *Error {
	return invalid("invalid_multipart_form", "", "Could not parse the body as multipart/form-data: "+why+".")
}

// form walks the parts of a body.
type form struct {
	body, delim   []byte
	at            int // behind the last delimiter
	parts         int
	header, value []byte
	valueAt       int
	err           *Error
}

// next finds the next part. It returns false at the closing delimiter and on an
// error.
func (f *form) next() bool {
	if f.parts == 0 {
		if !bytes.HasPrefix(f.body, f.delim) {
			return f.fail("it does not start with its boundary")
		}
		f.at = len(f.delim)
	}
	rest := f.body[f.at:]
	if end, ok := bytes.CutPrefix(rest, []byte("--")); ok {
		if len(end) > 0 && string(end) != "\r\n" {
			return f.fail("it goes on after its closing boundary")
		}
		return false
	}
	rest, ok := bytes.CutPrefix(rest, []byte("\r\n"))
	if !ok {
		return f.fail("a boundary is not followed by a line break")
	}
	if f.parts++; f.parts > maxFormParts {
		f.err = invalid("limit_exceeded", "", fmt.Sprintf("The limit form_parts is exceeded: at most %d parts.", maxFormParts))
		return false
	}
	part, _, ok := bytes.Cut(rest, f.delim)
	if !ok {
		return f.fail("it ends too early")
	}
	content, ok := bytes.CutSuffix(part, []byte("\r\n"))
	if !ok {
		return f.fail("its boundary stands inside a line")
	}
	if f.header, f.value, ok = bytes.Cut(content, []byte("\r\n\r\n")); !ok || len(f.header) > maxPartHeader {
		return f.fail("a part has no header, or too long a one")
	}
	f.valueAt = f.at + len("\r\n") + len(f.header) + len("\r\n\r\n")
	f.at += len("\r\n") + len(part) + len(f.delim)
	return true
}

func (f *form) fail(why string) bool {
	f.err = malformed(why)
	return false
}

// part reads the part that next found, if it is the model.
func (f *form) part(r *Request) *Error {
	h, err := readPartHeader(f.header)
	if err != nil {
		return err
	}
	if h.name != "model" {
		return nil
	}
	if r.Model != "" {
		return invalid("duplicate_field", "model", "The field 'model' is given twice; which one counts is undefined.")
	}
	switch limit := DefaultLimits().ModelBytes; {
	case h.file || !h.plain:
		return invalid("invalid_type", "model", "Invalid type for 'model': expected a plain text field, but got a file or encoded text instead.")
	case len(f.value) == 0 || !utf8.Valid(f.value) || bytes.ContainsFunc(f.value, isControl):
		return invalid("invalid_value", "model", "Invalid value for 'model': it is empty or holds characters which no name has.")
	case len(f.value) > limit:
		return invalid("limit_exceeded", "model", fmt.Sprintf("The limit model_bytes is exceeded: at most %d bytes in the model's name.", limit))
	}
	r.Model = string(f.value)
	r.modelAt, r.modelEnd = f.valueAt, f.valueAt+len(f.value)
	return nil
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// partHeader is what matters of a part's header.
type partHeader struct {
	name  string
	file  bool // it has a file name
	plain bool // its content is UTF-8 text, not encoded
}

func readPartHeader(header []byte) (h partHeader, _ *Error) {
	h.plain = true
	dispositions := 0
	for line := range strings.SplitSeq(string(header), "\r\n") {
		key, value, ok := strings.Cut(line, ":")
		if !ok || !isIdentifier(key) || strings.ContainsFunc(value, isControlButTab) {
			return h, malformed("a part's header has a malformed line")
		}
		value = strings.Trim(value, " \t")
		switch http.CanonicalHeaderKey(key) {
		case "Content-Disposition":
			dispositions++
			if h.name, h.file, ok = readDisposition(value); !ok {
				return h, malformed("a part's Content-Disposition is malformed or unusual")
			}
		case "Content-Transfer-Encoding":
			switch strings.ToLower(value) {
			case "7bit", "8bit", "binary":
			default:
				return h, malformed("a part has a Content-Transfer-Encoding")
			}
		case "Content-Type":
			h.plain = h.plain && isPlainUTF8(value)
		}
	}
	if dispositions != 1 {
		return h, malformed("a part does not have exactly one Content-Disposition")
	}
	return h, nil
}

func isControlButTab(c rune) bool { return isControl(c) && c != '\t' }

// readDisposition reads a field's name. It refuses a name that some readers would
// decode and some would not: one with backslashes, or in the encoding of RFC 2231.
func readDisposition(value string) (name string, file, ok bool) {
	kind, params, err := mime.ParseMediaType(value)
	if err != nil || kind != "form-data" {
		return "", false, false
	}
	name, ok = params["name"]
	if !ok || !writtenPlainly(value, name) {
		return "", false, false
	}
	_, file = params["filename"]
	return name, file || strings.Contains(strings.ToLower(value), "filename"), true
}

func writtenPlainly(value, name string) bool {
	for _, start := range []string{";name=", " name="} {
		if _, rest, ok := strings.Cut(value, start); ok {
			token, _, _ := strings.Cut(rest, ";")
			return strings.HasPrefix(rest, `"`+name+`"`) || strings.TrimRight(token, " \t") == name
		}
	}
	return false
}

func isPlainUTF8(contentType string) bool {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "text/plain" {
		return false
	}
	charset := strings.ToLower(params["charset"])
	return charset == "" || charset == "utf-8" || charset == "us-ascii"
}
