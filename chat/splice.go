package chat

import "github.com/go-json-experiment/json/jsontext"

// WithModel returns the body with name as its model and every other byte as it
// was. It is Body itself where the model already has that name, and a new slice
// otherwise; Body is never changed.
//
// In a form, where nothing can be escaped, name must hold no line break and not
// start with "--", or it could read as a boundary.
func (r *Request) WithModel(name string) []byte {
	if name == r.Model {
		return r.Body
	}
	return r.splice(name, "")
}

// LacksUsage reports whether the answer will be a stream without token usage
// that asking could add to it: one whose client said nothing about its options.
func (r *Request) LacksUsage() bool {
	return r.Stream && !r.streamOptions && (r.Kind == Chat || r.Kind == Completions)
}

// askUsageMember goes behind the model's value.
const askUsageMember = `,"stream_options":{"include_usage":true}`

// WithModelAskingUsage is WithModel for a request that LacksUsage, with the
// option added that has the backend report the usage at the stream's end.
func (r *Request) WithModelAskingUsage(name string) []byte { return r.splice(name, askUsageMember) }

func (r *Request) splice(name, more string) []byte {
	head, tail := r.Body[:r.modelAt], r.Body[r.modelEnd:]
	out := make([]byte, 0, len(head)+len(name)+len(`""`)+len(more)+len(tail))
	out = append(out, head...)
	if r.form {
		out = append(out, name...)
	} else {
		out, _ = jsontext.AppendQuote(out, name) // bad UTF-8 becomes U+FFFD
	}
	out = append(out, more...)
	return append(out, tail...)
}
