package extproc

import (
	filter "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	ext "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

// modes are how Envoy sends bodies. Until version 1.33 it did not say; what is to
// be said in body messages can then be told from them only, see request.go.
type modes struct {
	known             bool
	request, response mode
}

type mode = filter.ProcessingMode_BodySendMode

const (
	none       = filter.ProcessingMode_NONE
	streamed   = filter.ProcessingMode_STREAMED
	buffered   = filter.ProcessingMode_BUFFERED
	partial    = filter.ProcessingMode_BUFFERED_PARTIAL
	fullDuplex = filter.ProcessingMode_FULL_DUPLEX_STREAMED
	grpcFrames = filter.ProcessingMode_GRPC
)

func modesOf(c *ext.ProtocolConfiguration) modes {
	if c == nil {
		return modes{}
	}
	return modes{known: true, request: c.GetRequestBodyMode(), response: c.GetResponseBodyMode()}
}

// duplex tells whether bodies of this mode are answered by chunks of their own
// (StreamedBodyResponse) and not one answer for each message.
func duplex(m mode) bool { return m == fullDuplex || m == grpcFrames }

// whole tells whether the request's body comes in one message, however long it is.
func (m modes) whole() bool { return !m.known || m.request == buffered }

// seesAnswer tells whether the answer's body comes by, so that it can be changed.
func (m modes) seesAnswer() bool { return m.known && m.response != none && m.response != grpcFrames }
