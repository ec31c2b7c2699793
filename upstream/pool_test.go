package upstream

import "testing"

func weighted(weights ...int) []*endpoint {
	var es []*endpoint
	for _, w := range weights {
		es = append(es, &endpoint{Endpoint: Endpoint{Weight: w}})
	}
	return es
}

// Under load, calls spread in proportion to weight; idle endpoints get theirs by
// lot in the same proportion.
func TestPickFollowsLoadAndWeight(t *testing.T) {
	es := weighted(3, 1)
	for range 400 {
		pick(es, nil).outstanding.Add(1)
	}
	if a, b := es[0].outstanding.Load(), es[1].outstanding.Load(); a < 295 || a > 305 {
		t.Errorf("under load: %d and %d, want about 300 and 100", a, b)
	}
	es = weighted(3, 1)
	counts := map[*endpoint]int{}
	for range 4000 {
		counts[pick(es, nil)]++
	}
	if a := counts[es[0]]; a < 2700 || a > 3300 {
		t.Errorf("idle: %d of 4000 to weight 3 of 4", a)
	}
	es[0].outstanding.Store(1)
	if pick(es, nil) != es[1] {
		t.Error("the idle endpoint was not chosen")
	}
}

// A tried endpoint is left out; one in cool-down comes last, and is still better
// than none.
func TestPickLeavesOutAndPutsLast(t *testing.T) {
	es := weighted(1, 1)
	es[0].failedDial(1 << 40)
	es[1].outstanding.Store(1000)
	if pick(es, nil) != es[1] {
		t.Error("the endpoint in cool-down was chosen first")
	}
	if pick(es, es[1]) != es[0] {
		t.Error("the endpoint in cool-down was not chosen at all")
	}
	es[0].answered()
	if pick(es, nil) != es[0] {
		t.Error("the cool-down did not end with an answer")
	}
	if pick(es[:1], es[0]) != nil {
		t.Error("an endpoint that was tried came again")
	}
}
