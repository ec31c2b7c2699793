package chat

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// reader walks a body by token and keeps the first error; after it, every method
// is a no-op and every loop over object or array ends. Each value must be consumed
// by exactly one call.
type reader struct {
	dec  jsontext.Decoder
	src  bytes.Buffer
	body []byte
	lim  Limits
	nul  int // offset of the first escaped NUL, or len(body)
	err  *Error

	name    []byte // the member's name, after member; valid until the next one
	scratch []byte // holds a name or word that had escapes
}

func (r *reader) reset(body []byte, lim Limits) {
	r.src = *bytes.NewBuffer(body) // the decoder reads a Buffer's bytes in place
	r.dec.Reset(&r.src)
	r.body, r.lim, r.nul, r.err = body, lim, escapedNUL(body), nil
}

// token reads the next token and checks everything that holds for any place in
// the body. raw is set for strings and numbers and is valid until the next call.
func (r *reader) token() (kind jsontext.Kind, raw []byte) {
	if r.err != nil {
		return jsontext.KindInvalid, nil
	}
	var err error
	switch kind = r.dec.PeekKind(); kind {
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		if _, err = r.dec.ReadToken(); err == nil && r.dec.StackDepth() > r.lim.Depth {
			r.failLimit("json_depth", r.path(), r.lim.Depth, "levels of nesting")
		}
	case jsontext.KindEndObject, jsontext.KindEndArray:
		_, err = r.dec.ReadToken()
	default:
		if raw, err = r.dec.ReadValue(); err == nil && kind == jsontext.KindString {
			r.checkString(raw)
		}
	}
	if err != nil {
		r.failSyntax(err)
	}
	if r.err != nil {
		return jsontext.KindInvalid, nil
	}
	return kind, raw
}

// checkString is called after each string, member names included.
func (r *reader) checkString(raw []byte) {
	if int(r.dec.InputOffset()) > r.nul {
		r.fail("invalid_value", r.path(), `A string holds the NUL character (\u0000), which readers disagree about.`)
		return
	}
	in, n := r.dec.StackIndex(r.dec.StackDepth())
	if in != jsontext.KindBeginObject || n%2 == 0 {
		return // a value
	}
	if len(raw)-2 > r.lim.NameBytes {
		r.failLimit("json_name_bytes", "", r.lim.NameBytes, "bytes in a member's name") // a path would copy it
	} else if n/2 >= int64(r.lim.Members) {
		r.failLimit("json_members", r.path(), r.lim.Members, "members in one object")
	}
}

// peek returns the kind of the next token, KindInvalid after an error.
func (r *reader) peek() jsontext.Kind {
	if r.err != nil {
		return jsontext.KindInvalid
	}
	kind := r.dec.PeekKind()
	if kind == jsontext.KindInvalid {
		r.token() // the decoder hands out its error here
	}
	return kind
}

// object enters an object; anything else is an error.
func (r *reader) object() bool {
	if r.peek() != jsontext.KindBeginObject {
		return r.wrongType("an object")
	}
	r.token()
	return r.err == nil
}

// array enters an array; anything else is an error.
func (r *reader) array() bool {
	if r.peek() != jsontext.KindBeginArray {
		return r.wrongType("an array")
	}
	r.token()
	return r.err == nil
}

// member reads the next member's name into r.name, or leaves the object.
func (r *reader) member() bool {
	if r.peek() == jsontext.KindEndObject {
		r.token()
		return false
	}
	_, raw := r.token()
	if r.err != nil {
		return false
	}
	r.name = r.unquoted(raw)
	return true
}

// element reports whether another element follows, or leaves the array.
func (r *reader) element() bool {
	if r.peek() == jsontext.KindEndArray {
		r.token()
		return false
	}
	return r.err == nil
}

// quoted reads a string and returns it with its quotes and escapes; nil after an
// error.
func (r *reader) quoted() []byte {
	if r.peek() != jsontext.KindString {
		r.wrongType("a string")
		return nil
	}
	_, raw := r.token()
	return raw
}

// word reads a string that is compared and not kept. It is valid until the next
// call of word or member.
func (r *reader) word() []byte {
	raw := r.quoted()
	if raw == nil {
		return nil
	}
	return r.unquoted(raw)
}

// null consumes a null if one comes next.
func (r *reader) null() bool {
	if r.peek() != jsontext.KindNull {
		return false
	}
	r.token()
	return true
}

// flag reads a boolean; null counts as false, as it does for OpenAI.
func (r *reader) flag() bool {
	switch r.peek() {
	case jsontext.KindTrue:
		r.token()
		return r.err == nil
	case jsontext.KindFalse, jsontext.KindNull:
		r.token()
	default:
		r.wrongType("a boolean")
	}
	return false
}

// skip consumes one value of any kind, checking it on the way.
func (r *reader) skip() {
	base := r.dec.StackDepth()
	for r.token(); r.err == nil && r.dec.StackDepth() > base; {
		r.token()
	}
}

// end checks that nothing but space follows the body's value.
func (r *reader) end() {
	if r.err != nil {
		return
	}
	if _, err := r.dec.ReadToken(); err != io.EOF {
		r.fail("invalid_json", "", "The body goes on after its JSON object ends.")
	}
}

func (r *reader) unquoted(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	r.scratch = appendText(r.scratch[:0], raw)
	return r.scratch
}

// escapedNUL returns the offset of the first \u0000 that is an escape, which is
// one after an even number of backslashes, or len(body). In JSON a backslash can
// stand in strings only.
func escapedNUL(body []byte) int {
	for at := 0; ; {
		i := bytes.Index(body[at:], []byte(`\u0000`))
		if i < 0 {
			return len(body)
		}
		at += i
		before := at
		for before > 0 && body[before-1] == '\\' {
			before--
		}
		if (at-before)%2 == 0 {
			return at
		}
		at += len(`\u0000`)
	}
}
