package proxy

import (
	"context"
	"net/http"
	"time"

	"github.com/vsr-proxy/vsr-proxy/chat"
	"github.com/vsr-proxy/vsr-proxy/exchange"
	"github.com/vsr-proxy/vsr-proxy/router"
)

const statusClientGone = router.StatusClientGone

// call is an exchange over HTTP.
type call struct {
	*exchange.Exchange
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context // of r, with the request's span
	cut bool            // the answer broke off after its head was sent
}

// close records the exchange. An answer that was cut must not look whole to the
// client: the connection is broken off.
func (x *call) close() {
	x.Close(x.ctx)
	if x.cut || x.Status == statusClientGone {
		panic(http.ErrAbortHandler)
	}
}

// fail answers with an error. A client that left gets nothing.
func (x *call) fail(e *chat.Error) {
	if !x.Refuse(e, x.w.Header().Set) {
		return
	}
	if e.Status == http.StatusRequestEntityTooLarge {
		x.w.Header().Set("Connection", "close") // what is left of the body is not worth reading
	}
	// net/http reads what is left of a body before it answers. It shall not wait
	// for it longer than for a body that is wanted.
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(x.Gen.Config.Server.Limits.BodyTimeout))
	chat.WriteError(x.w, e)
}
