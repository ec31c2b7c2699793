package unigram

import "bytes"

// trie finds the pieces that a text begins with. Its nodes stand in the order of
// their depth, so that the children of one are neighbours, and behind them stand
// those of the next. A node has nine bytes; a Go map of the same would have many
// times that.
type trie struct {
	first []uint32 // child of node n; the last is that of n+1, less one
	label []byte   // on the way to node n
	piece []int32  // that ends at node n, or none
}

const none = -1

// span is a node that is not there yet: pieces that begin with the same bytes.
type span struct{ from, to, depth uint32 }

// newTrie takes piece texts, sorted and none twice, and the number of each.
func newTrie(texts []string, number []int32) trie {
	t := trie{label: []byte{0}} // the root, to which nothing leads
	nodes := []span{{0, uint32(len(texts)), 0}}
	for n := 0; n < len(nodes); n++ {
		s, piece := nodes[n], int32(none)
		if s.from < s.to && len(texts[s.from]) == int(s.depth) {
			piece = number[s.from]
			s.from++
		}
		t.first, t.piece = append(t.first, uint32(len(nodes))), append(t.piece, piece)
		for s.from < s.to {
			c, to := texts[s.from][s.depth], s.from+1
			for to < s.to && texts[to][s.depth] == c {
				to++
			}
			nodes, t.label = append(nodes, span{s.from, to, s.depth + 1}), append(t.label, c)
			s.from = to
		}
	}
	t.first = append(t.first, uint32(len(nodes)))
	return t
}

// child is the node behind n and c, or 0.
func (t *trie) child(n uint32, c byte) uint32 {
	from, to := t.first[n], t.first[n+1]
	if at := bytes.IndexByte(t.label[from:to], c); at >= 0 {
		return from + uint32(at)
	}
	return 0
}
