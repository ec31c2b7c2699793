package chat

import (
	"fmt"
	"log/slog"
)

// Kind says which OpenAI endpoint a body was sent to, and so which of its members
// hold text.
type Kind uint8

const (
	Chat        Kind = iota // POST /v1/chat/completions
	Completions             // POST /v1/completions
	Responses               // POST /v1/responses
	ByModel                 // any endpoint of which only "model" is read
)

// String returns the kind's name for logs.
func (k Kind) String() string {
	switch k {
	case Chat:
		return "chat"
	case Completions:
		return "completions"
	case Responses:
		return "responses"
	default:
		return "by_model"
	}
}

// Limits bounds one body. A field that is zero or less takes its default.
type Limits struct {
	Depth      int // levels of nested objects and arrays, the body itself being the first
	Messages   int // messages of a chat, items of a responses input, prompts of a completion
	Segments   int // pieces of text in the whole body
	Members    int // members of one object
	NameBytes  int // size of one member name, as sent
	ModelBytes int // size of the model's name
}

// DefaultLimits returns the limits that apply where none are configured.
func DefaultLimits() Limits {
	return Limits{Depth: 64, Messages: 2048, Segments: 32768, Members: 4096, NameBytes: 1024, ModelBytes: 512}
}

func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ set, std *int }{
		{&l.Depth, &d.Depth}, {&l.Messages, &d.Messages}, {&l.Segments, &d.Segments},
		{&l.Members, &d.Members}, {&l.NameBytes, &d.NameBytes}, {&l.ModelBytes, &d.ModelBytes},
	} {
		if *f.set <= 0 {
			*f.set = *f.std
		}
	}
	return l
}

// Role says who speaks. Roles other than the constants are kept as sent; they
// are at most 64 letters, digits, '_' and '-'.
type Role string

const (
	RoleSystem    Role = "system"
	RoleDeveloper Role = "developer"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
	RoleFunction  Role = "function"
)

// The values of Segment.Field that callers branch on. Others are the names of the
// members which hold the text: "refusal", "reasoning_content", "documents", ...
const (
	FieldContent         = "content"          // a message's text or one of its text parts
	FieldInput           = "input"            // a responses input given as one string; a custom tool call's input
	FieldPrompt          = "prompt"           // a completion's prompt
	FieldName            = "name"             // a participant's or a called tool's name
	FieldArguments       = "arguments"        // of a tool call: JSON in a string
	FieldOutput          = "output"           // a tool's result
	FieldInstructions    = "instructions"     // of a responses request
	FieldToolDescription = "tool_description" // all strings of one tool's definition, a line each
)

// NoTurn is the Turn of text that belongs to no message: instructions, tool
// definitions, templates.
const NoTurn = -1

// Segment is a piece of text that a model can come to read, escapes resolved.
type Segment struct {
	Role  Role
	Field string
	Turn  int // index of the message, input item or prompt; NoTurn outside of them
	Text  string
}

// Media counts the parts that hold no readable text. Their data is never scored.
type Media struct {
	Images, Audio, Files int // videos count as files
	Other                int // parts of a type unknown to this package, prompt embeddings
}

// Any reports whether the request holds anything that was not read as text.
func (m Media) Any() bool { return m != Media{} }

// Request is what a body says. It is made by [Parse] or [ParseForm], refers to
// the body it was made from, and is safe for concurrent use as long as nobody
// changes that body.
type Request struct {
	Kind         Kind
	Body         []byte // as received
	Model        string
	Stream       bool
	IncludeUsage bool // stream_options.include_usage

	Segments []Segment
	Media    Media
	Tools    int // tool and function definitions

	// UnreadTokenPrompts counts the prompts of a completion that were given as
	// token ids, which only the backend's tokenizer can read.
	UnreadTokenPrompts int

	// StoredContext is set where the backend will add text that is not in the
	// body: previous_response_id, conversation, a stored prompt, item references,
	// encrypted reasoning.
	StoredContext bool

	// Continues is set where some of that is what was said in earlier requests:
	// previous_response_id, conversation, item references.
	Continues bool

	// JSONOutput is set where the answer's text was asked to be JSON, by
	// response_format or text.format.
	JSONOutput bool

	streamOptions     bool // the body has stream_options
	modelAt, modelEnd int  // the model's value in Body, quotes included
	form              bool // the value is a form field: raw, without quotes
}

// HidesText reports whether the request holds text, or what may be text, that only
// the backend can read: prompts as token ids or embeddings, and parts of a type that
// is unknown here.
func (r *Request) HidesText() bool { return r.UnreadTokenPrompts > 0 || r.Media.Other > 0 }

// String says what was read in names and sizes, never in the request's words.
func (r Request) String() string {
	return fmt.Sprintf("%s request for model %q: %d bytes, %d segments, %d tools, media %+v",
		r.Kind, r.Model, len(r.Body), len(r.Segments), r.Tools, r.Media)
}

// GoString keeps %#v from printing the body.
func (r Request) GoString() string { return r.String() }

// LogValue keeps slog's JSON from printing the body.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String says whose text it is and how long, not the text.
func (s Segment) String() string {
	return fmt.Sprintf("%s/%s/%d (%d bytes)", s.Role, s.Field, s.Turn, len(s.Text))
}

// GoString keeps %#v from printing the text.
func (s Segment) GoString() string { return s.String() }

// LogValue keeps slog's JSON from printing the text.
func (s Segment) LogValue() slog.Value { return slog.StringValue(s.String()) }
