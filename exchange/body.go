package exchange

import (
	"context"
	"mime"
	"net/http"
	"strings"

	"github.com/vsr-proxy/vsr-proxy/chat"
)

// CheckBody refuses, by its headers, a body that is not what the route takes, or
// too large. length is -1 where it is not known. It gives the type of a form with
// its boundary.
func (x *Exchange) CheckBody(h http.Header, to *Route, length int64) (form string, refusal *chat.Error) {
	if form, refusal = checkType(h, to.Form); refusal == nil {
		refusal = checkEncoding(h)
	}
	if refusal == nil && length > int64(x.Gen.Config.Server.Limits.BodyBytes) {
		refusal = x.TooLarge()
	}
	return form, refusal
}

// TooLarge counts and words the refusal of a body beyond the limit.
func (x *Exchange) TooLarge() *chat.Error {
	x.core.metrics.LimitRejected("body_bytes")
	return chat.TooLarge(int64(x.Gen.Config.Server.Limits.BodyBytes))
}

// TooSlow counts and words the refusal of a body that did not come in time.
func (x *Exchange) TooSlow() *chat.Error {
	x.core.metrics.LimitRejected("body_timeout")
	return chat.RequestTimeout()
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

// copiesOfBody is how many times a body is held: as read, and with the model's
// name exchanged.
const copiesOfBody = 2

// What a body is first given room for. One of known length gets no more either: a
// client that announces much and sends little must not take the others' memory.
const (
	roomIfUnknown = 64 << 10
	roomIfKnown   = 1 << 20
)

// Room is the memory that one body takes of server.limits.body_memory.
type Room struct {
	x    *Exchange
	held int64
	// Most is how long the body can be, and First for how much of it there is
	// room at the start.
	Most, First int64
}

// Room takes the first room for a body; length is -1 where it is not known. The
// door owes Free, also after a refusal.
func (x *Exchange) Room(ctx context.Context, length int64) (*Room, *chat.Error) {
	return x.room(ctx, length, roomIfKnown)
}

// WholeRoom takes room for all of a body of known length, for a door to which it comes
// in one piece: that is in memory before the door can ask for more. It is taken at
// once, or each of many bodies could have its first room, and none the rest.
func (x *Exchange) WholeRoom(ctx context.Context, length int64) (*Room, *chat.Error) {
	return x.room(ctx, length, length)
}

func (x *Exchange) room(ctx context.Context, length, ifKnown int64) (*Room, *chat.Error) {
	r := &Room{x: x, Most: int64(x.Gen.Config.Server.Limits.BodyBytes), First: roomIfUnknown}
	if length >= 0 {
		r.Most, r.First = length, min(length, ifKnown)
	}
	return r, r.Grow(ctx, r.First)
}

// Grow takes room for n bytes more, and for none beyond Most.
func (r *Room) Grow(ctx context.Context, n int64) *chat.Error {
	n = min(n, r.Most-r.held/copiesOfBody)
	if !r.x.Gen.Gates.Hold(ctx, n*copiesOfBody, r.x.Wait) {
		r.x.core.metrics.LimitRejected("body_memory")
		return chat.Overloaded("server.limits.body_memory")
	}
	r.held += n * copiesOfBody
	return nil
}

// Cover takes room until there is some for size bytes, at least doubling what there
// is, as a buffer grows.
func (r *Room) Cover(ctx context.Context, size int64) *chat.Error {
	has := r.held / copiesOfBody
	if size <= has {
		return nil
	}
	return r.Grow(ctx, max(size-has, has))
}

// Free gives back what was taken. It may be called more than once.
func (r *Room) Free() {
	r.x.Gen.Gates.Drop(r.held)
	r.held = 0
}
