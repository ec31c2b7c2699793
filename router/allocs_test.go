//go:build !race

// The race detector makes sync.Pool forget on purpose, so allocations are counted
// without it.

package router_test

import (
	"context"
	"testing"
)

func TestDecideAllocatesLessThanTenTimes(t *testing.T) {
	r, req := benchmarkRouter(t), fourKB()
	if n := len(req.Body); n < 4000 || n > 4300 {
		t.Fatalf("the body has %d bytes", n)
	}
	if got := testing.AllocsPerRun(200, func() { r.Decide(context.Background(), req) }); got >= 10 {
		t.Errorf("%v allocations, want less than 10", got)
	}
}
