package router

import (
	"math/rand/v2"
	"testing"
)

// fixed is a leaf of which this is known.
type fixed struct {
	known *[6]truth
	at    int
}

func (f fixed) holds(*evaluation) truth { return f.known[f.at] }
func (f fixed) cost() int               { return 1 }

func tree(random *rand.Rand, known *[6]truth, depth int) rule {
	if depth == 0 || random.IntN(4) == 0 {
		return fixed{known, random.IntN(len(known))}
	}
	switch random.IntN(3) {
	case 0:
		return not{tree(random, known, depth-1)}
	case 1:
		return allOf{tree(random, known, depth-1), tree(random, known, depth-1)}
	}
	return anyOf{tree(random, known, depth-1), tree(random, known, depth-1)}
}

// C1: a rule that is settled although some signals are unknown is settled in the
// same way whatever they turn out to be; so a failed signal neither opens nor
// shuts anything.
func TestUnknownSignalsSettleNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	settled, open := 0, 0
	for range 20_000 {
		var known [6]truth
		root := tree(random, &known, 4)
		for i := range known {
			known[i] = truth(random.IntN(3))
		}
		partly := known
		said := root.holds(nil)
		if said == unknown {
			open++
			continue
		}
		for fill := range 64 {
			for i := range known {
				if known[i] = partly[i]; known[i] == unknown {
					known[i] = truth(fill >> i & 1)
				}
			}
			if got := root.holds(nil); got != said {
				t.Fatalf("%v with %v: %v, but %v with %v", root, partly, said, got, known)
			}
		}
		settled++
	}
	if settled < 1000 || open < 1000 {
		t.Errorf("%d settled, %d open", settled, open)
	}
}
