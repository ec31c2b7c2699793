package exchange

import "github.com/vsr-proxy/vsr-proxy/upstream"

// Unmasks tells whether the answer can hold placeholders.
func (x *Exchange) Unmasks() bool { return x.Decision.Mask != nil && !x.Decision.Mask.Empty() }

// Unmasking turns the placeholders in an answer back into values; nil where there
// can be none. passed is told why where an answer has to pass as it is.
func (x *Exchange) Unmasking(passed func(reason string)) *upstream.Rewriter {
	if !x.Unmasks() {
		return nil
	}
	mask := x.Decision.Mask
	return &upstream.Rewriter{
		New:    func(inJSON bool) upstream.Text { return mask.Undo(inJSON) },
		JSON:   x.Decision.Request.JSONOutput,
		Passed: passed,
	}
}
