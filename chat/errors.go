package chat

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// The types of OpenAI's errors that this proxy gives.
const (
	typeInvalidRequest = "invalid_request_error"
	typeServer         = "server_error"
)

// Error is a refusal in OpenAI's envelope. Status is the HTTP status; the other
// strings are the envelope's members, null on the wire where empty.
type Error struct {
	Status               int
	Type, Code           string
	Param                string // path of the field at fault, as in messages[2].content
	Message              string
	NoRetry              bool // tells the SDKs that the same request will fail again
	allow, authenticates string
}

// Error returns the message with its code.
func (e *Error) Error() string {
	if e.Code == "" {
		return e.Message
	}
	return e.Code + ": " + e.Message
}

// JSON returns the body of the answer.
func (e *Error) JSON() []byte {
	b := make([]byte, 0, len(e.Message)+len(e.Type)+len(e.Param)+len(e.Code)+64)
	b, _ = jsontext.AppendQuote(append(b, `{"error":{"message":`...), e.Message)
	b = appendNullable(append(b, `,"type":`...), e.Type)
	b = appendNullable(append(b, `,"param":`...), e.Param)
	b = appendNullable(append(b, `,"code":`...), e.Code)
	return append(b, '}', '}')
}

func appendNullable(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

// WriteError answers with e.
func WriteError(w http.ResponseWriter, e *Error) {
	body := e.JSON()
	h := w.Header()
	e.Header(h.Set)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // a client that has gone needs no answer
}

// Header sets the headers of an answer with e, but for its length. It sets
// x-should-retry, which the OpenAI SDKs obey, to false where a retry cannot help.
func (e *Error) Header(set func(name, value string)) {
	set("Content-Type", "application/json")
	if e.NoRetry {
		set("X-Should-Retry", "false")
	}
	if e.allow != "" {
		set("Allow", e.allow)
	}
	if e.authenticates != "" {
		set("WWW-Authenticate", e.authenticates)
	}
}

// invalid is a refusal of the request's content.
func invalid(code, param, message string) *Error {
	return &Error{Status: http.StatusBadRequest, Type: typeInvalidRequest, Code: code, Param: param, Message: message}
}
