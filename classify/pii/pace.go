package pii

import "context"

// stride is how many bytes or cells go by between two looks at the context: less
// than some ten milliseconds' worth where each of them costs most, and so many
// that the looks cost nothing.
const stride = 1 << 14

// pace tells one loop over a text, which only goes onwards, when to look at its
// context.
type pace struct {
	next int // where to look again
}

// more says whether there is more to do at i, of so many bytes or cells in all:
// whether i is among them and ctx has not ended.
func (p *pace) more(ctx context.Context, i, all int) bool {
	return i < p.next || p.look(ctx, i, all)
}

// look is apart from more so that loops have that inlined.
//
//go:noinline
func (p *pace) look(ctx context.Context, i, all int) bool {
	if i >= all || ctx.Err() != nil {
		return false
	}
	p.next = min(i+stride, all)
	return true
}
