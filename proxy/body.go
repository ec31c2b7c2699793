package proxy

import (
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/config"
)

// copiesOfBody is how many times a body is held: as read, and with the model's
// name exchanged.
const copiesOfBody = 2

// What a body is first given room for. One of known length gets no more either: a
// client that announces much and sends little must not take the others' memory.
const (
	roomIfUnknown = 64 << 10
	roomIfKnown   = 1 << 20
)

// gather reads the whole body under the limits of size, time and memory. The
// caller owes free, also after a refusal.
func (x *exchange) gather() (body []byte, free func(), refusal *chat.Error) {
	limits, gates := &x.gen.Config.Server.Limits, x.gen.Gates
	held := int64(0)
	free = func() { gates.Drop(held) }
	if refusal = checkEncoding(x.r.Header); refusal != nil {
		return nil, free, refusal
	}
	if x.r.ContentLength > int64(limits.BodyBytes) {
		return nil, free, x.tooLarge(limits)
	}
	most, first := int64(limits.BodyBytes), int64(roomIfUnknown)
	if x.r.ContentLength >= 0 {
		most, first = x.r.ContentLength, min(x.r.ContentLength, roomIfKnown)
	}
	grow := func(n int64) *chat.Error {
		n = min(n, most-held/copiesOfBody) // the spare byte is not counted
		if !gates.Hold(x.ctx, n*copiesOfBody, limits.Wait) {
			x.door.metrics.LimitRejected("body_memory")
			return chat.Overloaded("server.limits.body_memory")
		}
		held += n * copiesOfBody
		return nil
	}
	if refusal = grow(first); refusal == nil {
		body, refusal = x.read(first, most, limits, grow)
	}
	return body, free, refusal
}

// read fills a buffer with room for first bytes, asking grow before it makes a
// larger one, for up to most bytes.
func (x *exchange) read(first, most int64, limits *config.Limits, grow func(int64) *chat.Error) ([]byte, *chat.Error) {
	control := http.NewResponseController(x.w)
	_ = control.SetReadDeadline(time.Now().Add(limits.BodyTimeout))
	defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	buf := make([]byte, 0, first+1) // one spare byte lets the last read see the end without growing
	for {
		if len(buf) == cap(buf) {
			more := min(int64(cap(buf)), most+1-int64(len(buf)))
			if refusal := grow(more); refusal != nil {
				return nil, refusal
			}
			buf = append(make([]byte, 0, int64(cap(buf))+more), buf...)
		}
		n, err := x.r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > most {
			return nil, x.tooLarge(limits)
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, x.readFailure(err, limits)
		}
	}
}

func (x *exchange) tooLarge(limits *config.Limits) *chat.Error {
	x.door.metrics.LimitRejected("body_bytes")
	x.w.Header().Set("Connection", "close") // what is left of the body is not worth reading
	return chat.TooLarge(int64(limits.BodyBytes))
}

// readFailure tells a slow client from one that left and one that sent nonsense.
func (x *exchange) readFailure(err error, limits *config.Limits) *chat.Error {
	x.w.Header().Set("Connection", "close")
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		x.door.metrics.LimitRejected("body_timeout")
		return chat.RequestTimeout()
	case x.r.Context().Err() != nil || errors.Is(err, io.ErrUnexpectedEOF):
		return clientGone
	}
	return &chat.Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "invalid_body", Message: "The request body could not be read: its framing is broken."}
}

// checkEncoding refuses compressed bodies: what is classified must be what the
// backend reads.
func checkEncoding(h http.Header) *chat.Error {
	for _, value := range h["Content-Encoding"] {
		if coding := strings.TrimSpace(value); coding != "" && !strings.EqualFold(coding, "identity") {
			return chat.UnsupportedMediaType("a body that is not compressed")
		}
	}
	return nil
}

// checkType accepts JSON or no type at all; for a form route it gives the type
// with its boundary.
func checkType(h http.Header, form bool) (string, *chat.Error) {
	values := h["Content-Type"]
	if len(values) == 0 && !form {
		return "", nil
	}
	wanted := "application/json"
	if form {
		wanted = "multipart/form-data"
	}
	if len(values) == 1 {
		if kind, _, err := mime.ParseMediaType(values[0]); err == nil && kind == wanted {
			if form {
				return values[0], nil
			}
			return "", nil
		}
	}
	return "", chat.UnsupportedMediaType(wanted)
}
