package chat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxParam bounds the path that an error names, in bytes.
const maxParam = 256

// fail keeps the first error.
func (r *reader) fail(code, param, message string) bool {
	if r.err == nil {
		r.err = invalid(code, param, message)
	}
	return false
}

func (r *reader) failLimit(name, param string, limit int, of string) bool {
	return r.fail("limit_exceeded", param, fmt.Sprintf("The limit %s is exceeded: at most %d %s.", name, limit, of))
}

// missing refuses the object just read, a message or an item, for lack of a member
// which every backend needs.
func (r *reader) missing(name string) bool {
	return r.failMissing(r.path() + "." + name)
}

func (r *reader) failMissing(param string) bool {
	return r.fail("missing_required_parameter", param, fmt.Sprintf("Missing required parameter: '%s'.", param))
}

// wrongType consumes the start of a value of the wrong kind and refuses it.
func (r *reader) wrongType(want string) bool {
	if r.err != nil {
		return false
	}
	kind, _ := r.token()
	if r.err != nil {
		return false
	}
	param := r.path()
	if param == "" {
		return r.fail("invalid_type", "", fmt.Sprintf("The body must be %s, but is %s.", want, kindName(kind)))
	}
	return r.fail("invalid_type", param,
		fmt.Sprintf("Invalid type for '%s': expected %s, but got %s instead.", param, want, kindName(kind)))
}

func kindName(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginArray:
		return "an array"
	default:
		return "an object"
	}
}

// failSyntax turns the decoder's error into ours. The decoder's own text is
// dropped: it quotes the body.
func (r *reader) failSyntax(err error) {
	if err == io.EOF { // nothing but space
		r.fail("invalid_json", "", "The body is empty; expected a JSON object.")
		return
	}
	at, pointer := 0, jsontext.Pointer("")
	if syn, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		at, pointer = int(syn.ByteOffset), syn.JSONPointer
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		param := r.pathTo(pointer)
		r.fail("duplicate_field", param, fmt.Sprintf("The member '%s' is given twice in one object; which one counts is undefined.", param))
		return
	}
	// no param: behind a quote that was not escaped, words of a text look like names
	r.fail("invalid_json", "", fmt.Sprintf("Could not parse the body as JSON: %s (at byte %d).", r.syntaxReason(err, at), at))
}

func (r *reader) syntaxReason(err error, at int) string {
	switch {
	case bytes.HasPrefix(r.body, []byte("\xef\xbb\xbf")):
		return "it starts with a byte order mark"
	case bytes.IndexByte(r.body[:min(4, len(r.body))], 0) >= 0:
		return "it is not UTF-8 but looks like UTF-16 or UTF-32"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	case !utf8.Valid(r.body):
		return "it is not valid UTF-8"
	case at < len(r.body) && r.body[at] == '\\':
		return "a string holds an invalid escape or half a surrogate pair"
	default:
		return "unexpected character"
	}
}

// path names the value read last, as in messages[2].content.
func (r *reader) path() string { return r.pathTo(r.dec.StackPointer()) }

// pathTo writes a JSON pointer the way OpenAI writes its params. It stops before
// a name which is no identifier: such a name may be anything.
func (r *reader) pathTo(pointer jsontext.Pointer) string {
	var b strings.Builder
	level := 0
	for name := range pointer.Tokens() {
		level++
		if b.Len() > maxParam {
			break
		}
		if level <= r.dec.StackDepth() {
			if in, _ := r.dec.StackIndex(level); in == jsontext.KindBeginArray {
				b.WriteString("[" + name + "]")
				continue
			}
		}
		if !isIdentifier(name) {
			break
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(name)
	}
	return b.String()
}

// isIdentifier reports whether s is 1 to 64 letters, digits, '_' and '-': a name
// of the API, an id, a role; nothing that could hold a sentence.
func isIdentifier[T string | []byte](s T) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
