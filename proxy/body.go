package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/exchange"
)

// gather reads the whole body under the limits of size, time and memory. The
// caller owes free, also after a refusal.
func (x *call) gather() (body []byte, free func(), refusal *chat.Error) {
	room, refusal := x.Room(x.ctx, x.r.ContentLength)
	if refusal == nil {
		body, refusal = x.read(room)
	}
	return body, room.Free, refusal
}

// read fills a buffer, asking for room before it makes a larger one.
func (x *call) read(room *exchange.Room) ([]byte, *chat.Error) {
	control := http.NewResponseController(x.w)
	_ = control.SetReadDeadline(time.Now().Add(x.Gen.Config.Server.Limits.BodyTimeout))
	defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	buf := make([]byte, 0, room.First+1) // one spare byte, not counted, lets the last read see the end without growing
	for {
		if len(buf) == cap(buf) {
			more := min(int64(cap(buf)), room.Most+1-int64(len(buf)))
			if refusal := room.Grow(x.ctx, more); refusal != nil {
				return nil, refusal
			}
			buf = append(make([]byte, 0, int64(cap(buf))+more), buf...)
		}
		n, err := x.r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > room.Most {
			return nil, x.TooLarge()
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, x.readFailure(err)
		}
	}
}

// readFailure tells a slow client from one that left and one that sent nonsense.
func (x *call) readFailure(err error) *chat.Error {
	x.w.Header().Set("Connection", "close")
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return x.TooSlow()
	case x.r.Context().Err() != nil || errors.Is(err, io.ErrUnexpectedEOF):
		return exchange.ClientGone
	}
	return &chat.Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "invalid_body", Message: "The request body could not be read: its framing is broken."}
}
