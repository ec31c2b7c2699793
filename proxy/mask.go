package proxy

import (
	"github.com/vsr-proxy/vsr-proxy/router"
	"github.com/vsr-proxy/vsr-proxy/upstream"
)

// unmasks tells whether the answer can hold placeholders.
func (x *exchange) unmasks() bool { return x.decision.Mask != nil && !x.decision.Mask.Empty() }

// unmasking turns the placeholders in an answer back into values; nil where there
// can be none.
func (x *exchange) unmasking() *upstream.Rewriter {
	if !x.unmasks() {
		return nil
	}
	mask := x.decision.Mask
	return &upstream.Rewriter{
		New:    func(inJSON bool) upstream.Text { return mask.Undo(inJSON) },
		JSON:   x.decision.Request.JSONOutput,
		Passed: func(reason string) { x.w.Header().Set(router.HeaderUnmasked, reason) },
	}
}
