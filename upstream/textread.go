package upstream

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// spot is a text in an answer: a string, quotes included.
type spot struct {
	at, end int
	json    bool // the text itself is JSON
	shape   shape
	key     streamKey // unless it is whole
}

// shape is how a text is written in a stream.
type shape uint8

const (
	shapeWhole    shape = iota // all of it is here
	shapeText                  // choices[].text
	shapeDelta                 // choices[].delta.FIELD
	shapeCall                  // choices[].delta.tool_calls[].function.arguments
	shapeInput                 // choices[].delta.tool_calls[].custom.input
	shapeFunction              // choices[].delta.function_call.arguments
	shapeEvent                 // delta of an event of responses
)

func (s spot) said(in []byte) string {
	said, _ := jsontext.AppendUnquote(nil, in[s.at:s.end]) // bad UTF-8 becomes U+FFFD
	return string(said)
}

// textReader finds the texts of one payload. Like payloadReader it is an observer:
// duplicate names and bad UTF-8 do not stop it.
type textReader struct {
	contentJSON bool

	source  bytes.Buffer
	decoder *jsontext.Decoder
	data    []byte

	spots    []spot
	finished []int // choices that end with this payload
	choices  bool  // there are choices

	// Of an event of responses.
	kind     string // its type
	output   int    // output_index, -1 if there is none
	part     int    // content_index or summary_index
	sequence []byte // sequence_number
	delta    spot
	scalars  [][2]int // top-level members that are no object or array, as written
}

func (r *textReader) reset(data []byte) {
	r.source = *bytes.NewBuffer(data)
	if r.decoder == nil {
		r.decoder = new(jsontext.Decoder)
	}
	r.decoder.Reset(&r.source, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	r.data = data
	r.spots, r.finished, r.scalars = r.spots[:0], r.finished[:0], r.scalars[:0]
	r.choices, r.kind, r.output, r.part, r.sequence, r.delta = false, "", -1, 0, nil, spot{}
}

// whole reads a JSON body.
func (r *textReader) whole(data []byte) error {
	r.reset(data)
	if err := r.value(false); err != nil {
		return err
	}
	return r.end()
}

// event reads the payload of one event.
func (r *textReader) event(data []byte) error {
	r.reset(data)
	if err := r.object(r.topMember); err != nil {
		return err
	}
	audio := r.kind == "response.audio.delta" || r.kind == "response.output_audio.delta"
	if r.delta.end > 0 && strings.HasSuffix(r.kind, ".delta") && !audio {
		r.delta.shape = shapeEvent
		r.delta.key = streamKey{choice: r.output, call: r.part, field: r.kind}
		r.delta.json = strings.HasSuffix(r.kind, "_arguments.delta") || r.contentJSON && r.kind == "response.output_text.delta"
		r.spots = append(r.spots, r.delta)
	}
	return r.end()
}

func (r *textReader) end() error {
	if _, err := r.decoder.ReadToken(); err != io.EOF {
		return errors.New("data after the JSON value")
	}
	return nil
}

func (r *textReader) topMember(name []byte) error {
	at := int(r.decoder.InputOffset()) - len(name)
	kind := r.decoder.PeekKind()
	if kind != '{' && kind != '[' && string(name) != `"delta"` && string(name) != `"sequence_number"` && string(name) != `"obfuscation"` {
		defer func() { r.scalars = append(r.scalars, [2]int{at, int(r.decoder.InputOffset())}) }()
	}
	switch string(name) {
	case `"choices"`:
		if kind == '[' {
			r.choices = true
			return r.array(r.choice)
		}
	case `"delta"`:
		if kind == '"' {
			raw, err := r.decoder.ReadValue()
			r.delta.end = int(r.decoder.InputOffset())
			r.delta.at = r.delta.end - len(raw)
			return err
		}
	case `"type"`:
		raw, err := r.decoder.ReadValue()
		r.kind = strings.Trim(string(raw), `"`)
		return err
	case `"output_index"`:
		return r.number(&r.output)
	case `"content_index"`, `"summary_index"`:
		return r.number(&r.part)
	case `"sequence_number"`:
		raw, err := r.decoder.ReadValue()
		r.sequence = bytes.Clone(raw)
		return err
	}
	return r.member(name)
}

// choice reads one of choices.
func (r *textReader) choice(position int) error {
	start, index := len(r.spots), position
	if r.decoder.PeekKind() != '{' {
		return r.value(false)
	}
	finished := false
	err := r.object(func(name []byte) error {
		switch kind := r.decoder.PeekKind(); {
		case string(name) == `"index"`:
			return r.number(&index)
		case string(name) == `"finish_reason"`:
			finished = kind != 'n'
			return r.decoder.SkipValue()
		case string(name) == `"text"` && kind == '"':
			return r.piece(shapeText, "text", r.contentJSON)
		case string(name) == `"delta"` && kind == '{':
			return r.object(r.deltaMember)
		}
		return r.member(name)
	})
	for i := range r.spots[start:] {
		r.spots[start+i].key.choice = index
	}
	if finished {
		r.finished = append(r.finished, index)
	}
	return err
}

func (r *textReader) deltaMember(name []byte) error {
	kind := r.decoder.PeekKind()
	switch {
	case string(name) == `"tool_calls"` && kind == '[':
		return r.array(r.call)
	case string(name) == `"function_call"` && kind == '{':
		return r.object(func(name []byte) error {
			if string(name) == `"arguments"` && r.decoder.PeekKind() == '"' {
				return r.piece(shapeFunction, "function_call", true)
			}
			return r.member(name)
		})
	case kind == '"' && !isNoText(name) && string(name) != `"name"`:
		field := string(name[1 : len(name)-1])
		return r.piece(shapeDelta, field, r.contentJSON && field == "content")
	}
	return r.member(name)
}

// call reads one of a delta's tool calls.
func (r *textReader) call(position int) error {
	start, index := len(r.spots), position
	if r.decoder.PeekKind() != '{' {
		return r.value(false)
	}
	err := r.object(func(name []byte) error {
		switch kind := r.decoder.PeekKind(); {
		case string(name) == `"index"`:
			return r.number(&index)
		case kind == '{' && (string(name) == `"function"` || string(name) == `"custom"`):
			return r.object(func(name []byte) error {
				switch kind := r.decoder.PeekKind(); {
				case kind == '"' && string(name) == `"arguments"`:
					return r.piece(shapeCall, "tool_calls", true)
				case kind == '"' && string(name) == `"input"`:
					return r.piece(shapeInput, "tool_calls input", false)
				}
				return r.member(name)
			})
		}
		return r.member(name)
	})
	for i := range r.spots[start:] {
		r.spots[start+i].key.call = index
	}
	return err
}

// piece reads a string that goes on in later events.
func (r *textReader) piece(s shape, field string, json bool) error {
	raw, err := r.decoder.ReadValue()
	end := int(r.decoder.InputOffset())
	r.spots = append(r.spots, spot{at: end - len(raw), end: end, json: json, shape: s, key: streamKey{field: field}})
	return err
}

// member reads any member; texts in it are whole.
func (r *textReader) member(name []byte) error {
	if isNoText(name) {
		return r.decoder.SkipValue()
	}
	json := string(name) == `"arguments"` || r.contentJSON && (string(name) == `"content"` || string(name) == `"text"`)
	return r.value(json)
}

func (r *textReader) value(json bool) error {
	switch r.decoder.PeekKind() {
	case '"':
		raw, err := r.decoder.ReadValue()
		end := int(r.decoder.InputOffset())
		if err == nil && len(raw) > 2 {
			r.spots = append(r.spots, spot{at: end - len(raw), end: end, json: json})
		}
		return err
	case '{':
		return r.object(r.member)
	case '[':
		return r.array(func(int) error { return r.value(json) })
	}
	return r.decoder.SkipValue()
}

// isNoText reports members whose values say nothing to a reader: names of things,
// counts, what is encoded, and tokens, which hold no text whole.
func isNoText(name []byte) bool {
	switch string(name) {
	case `"id"`, `"object"`, `"type"`, `"role"`, `"model"`, `"status"`, `"created"`, `"created_at"`, `"index"`, `"finish_reason"`,
		`"stop_reason"`, `"usage"`, `"logprobs"`, `"top_logprobs"`, `"prompt_logprobs"`, `"system_fingerprint"`, `"service_tier"`,
		`"item_id"`, `"call_id"`, `"response_id"`, `"obfuscation"`, `"encrypted_content"`, `"signature"`, `"data"`, `"b64_json"`,
		`"partial_image_b64"`, `"token_ids"`:
		return true
	}
	return false
}

// maxScalars bounds what is kept of one event's members.
const maxScalars = 4 << 10

// appendScalars appends the members of an event that say what it belongs to, each on
// one line, as it stands in a line of data.
func (r *textReader) appendScalars(to []byte) []byte {
	start := len(to)
	for _, at := range r.scalars {
		if len(to)-start+at[1]-at[0] < maxScalars {
			to = append(append(to, bytes.ReplaceAll(r.data[at[0]:at[1]], []byte("\n"), []byte(" "))...), ',')
		}
	}
	return to
}

func (r *textReader) number(to *int) error {
	raw, err := r.decoder.ReadValue()
	if n, wrong := strconv.Atoi(string(raw)); err == nil && wrong == nil {
		*to = n
	}
	return err
}

// object is payloadReader's.
func (r *textReader) object(member func(name []byte) error) error {
	p := payloadReader{decoder: r.decoder}
	return p.object(member)
}

func (r *textReader) array(element func(position int) error) error {
	if _, err := r.decoder.ReadToken(); err != nil {
		return err
	}
	for i := 0; r.decoder.PeekKind() != ']'; i++ {
		if err := element(i); err != nil {
			return err
		}
	}
	_, err := r.decoder.ReadToken()
	return err
}
