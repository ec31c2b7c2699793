package exchange

import (
	"errors"

	"github.com/vsr-proxy/vsr-proxy/telemetry"
	"github.com/vsr-proxy/vsr-proxy/upstream"
)

// UpstreamFailed notes how the exchange with the backend failed.
func (x *Exchange) UpstreamFailed(span telemetry.Span, err error) {
	x.Failure = err
	reason := failureReason(err)
	span.Fail(reason)
	x.core.metrics.UpstreamFailure(x.Decision.Pool, reason)
	var f *upstream.Failure
	if errors.As(err, &f) && f.Retried {
		x.Retried()
	}
}

// Retried counts a second try.
func (x *Exchange) Retried() { x.core.metrics.UpstreamRetry(x.Decision.Pool) }

func failureReason(err error) string {
	var f *upstream.Failure
	if errors.As(err, &f) {
		return f.Reason
	}
	return "other"
}
