package upstream

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// payload is what is read of one answer object: a chat.completion, a
// text_completion, a response, or one chunk or event of their streams.
type payload struct {
	usage      usage
	hasUsage   bool // a usage object, not null
	noChoices  bool // "choices" is there and empty
	hasContent bool // the chunk carries output: text, reasoning, a tool call
}

// usage holds token counts under the names of chat/completions; responses calls
// them input_tokens and output_tokens.
type usage struct{ prompt, completion, cached int }

// payloadReader reads payloads one after the other with the same buffers.
//
// It is an observer: duplicate names and bad UTF-8 do not stop it, the last value
// counts, and what it does not know it skips.
type payloadReader struct {
	source  bytes.Buffer
	decoder *jsontext.Decoder
}

// read reads data, which must hold one JSON object and nothing else.
func (r *payloadReader) read(data []byte) (payload, error) {
	r.source = *bytes.NewBuffer(data)
	if r.decoder == nil {
		r.decoder = new(jsontext.Decoder)
	}
	r.decoder.Reset(&r.source, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var p payload
	if err := r.top(&p); err != nil {
		return payload{}, err
	}
	if _, err := r.decoder.ReadToken(); err != io.EOF {
		return payload{}, errors.New("data after the JSON object")
	}
	return p, nil
}

func (r *payloadReader) top(p *payload) error {
	return r.object(func(name []byte) error {
		switch string(name) {
		case `"usage"`:
			return r.usage(p)
		case `"response"`: // responses: the last event holds the whole response
			if r.decoder.PeekKind() == '{' {
				return r.object(func(name []byte) error {
					if string(name) == `"usage"` {
						return r.usage(p)
					}
					return r.decoder.SkipValue()
				})
			}
		case `"choices"`:
			return r.choices(p)
		case `"type"`: // responses: response.output_text.delta and its like
			value, err := r.decoder.ReadValue()
			if strings.HasSuffix(string(value), `delta"`) {
				p.hasContent = true
			}
			return err
		}
		return r.decoder.SkipValue()
	})
}

// choices reads [{"delta":{...}}, ...] of chat and [{"text":"..."}, ...] of
// completions.
func (r *payloadReader) choices(p *payload) error {
	if r.decoder.PeekKind() != '[' {
		return r.decoder.SkipValue()
	}
	if _, err := r.decoder.ReadToken(); err != nil {
		return err
	}
	p.noChoices = r.decoder.PeekKind() == ']'
	for r.decoder.PeekKind() != ']' {
		err := r.object(func(name []byte) error {
			switch string(name) {
			case `"delta"`:
				return r.delta(p)
			case `"text"`:
				return r.content(p)
			}
			return r.decoder.SkipValue()
		})
		if err != nil {
			return err
		}
	}
	_, err := r.decoder.ReadToken()
	return err
}

// delta reads a chat delta. Any member but the role that is not empty is output,
// so that reasoning, refusals, tool calls and audio count whatever they are called.
func (r *payloadReader) delta(p *payload) error {
	if r.decoder.PeekKind() != '{' {
		return r.decoder.SkipValue()
	}
	return r.object(func(name []byte) error {
		if string(name) == `"role"` {
			return r.decoder.SkipValue()
		}
		return r.content(p)
	})
}

// content reads one value and notes whether it is a string, array or object that
// is not empty.
func (r *payloadReader) content(p *payload) error {
	kind := r.decoder.PeekKind()
	value, err := r.decoder.ReadValue()
	if (kind == '"' || kind == '[' || kind == '{') && len(value) > 2 {
		p.hasContent = true
	}
	return err
}

var errCount = errors.New("token count is no plain whole number")

func (r *payloadReader) usage(p *payload) error {
	if r.decoder.PeekKind() != '{' {
		return r.decoder.SkipValue()
	}
	var u usage
	err := r.object(func(name []byte) error {
		switch string(name) {
		case `"prompt_tokens"`, `"input_tokens"`:
			return r.count(&u.prompt)
		case `"completion_tokens"`, `"output_tokens"`:
			return r.count(&u.completion)
		case `"prompt_tokens_details"`, `"input_tokens_details"`:
			if r.decoder.PeekKind() == '{' {
				return r.object(func(name []byte) error {
					if string(name) == `"cached_tokens"` {
						return r.count(&u.cached)
					}
					return r.decoder.SkipValue()
				})
			}
		}
		return r.decoder.SkipValue()
	})
	p.usage, p.hasUsage = u, true
	return err
}

// count reads a token count. An absent one is null in some servers.
func (r *payloadReader) count(to *int) error {
	value, err := r.decoder.ReadValue()
	if err != nil || value.Kind() == 'n' {
		return err
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return errCount
	}
	*to = int(n)
	return nil
}

// object reads an object; member gets each name as it is written, in quotes, and
// must read the value.
func (r *payloadReader) object(member func(name []byte) error) error {
	if r.decoder.PeekKind() != '{' {
		return errors.New("no JSON object")
	}
	if _, err := r.decoder.ReadToken(); err != nil {
		return err
	}
	for r.decoder.PeekKind() != '}' {
		name, err := r.decoder.ReadValue()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := r.decoder.ReadToken()
	return err
}
