package classify

// span is the tokens [from, to) of a text.
type span struct{ from, to int }

// capacity is how many tokens so many windows can read.
func capacity(windows, size, overlap int) int {
	return size + (windows-1)*(size-overlap)
}

// cutWindows covers n tokens with windows of size tokens, each sharing at least
// overlap tokens with the one before. The last one ends with the text, so that
// no window is a short rest without context. The spans rise.
func cutWindows(n, size, overlap int) []span {
	if n == 0 {
		return nil
	}
	if n <= size {
		return []span{{0, n}}
	}
	stride := size - overlap
	spans := make([]span, 0, (n-overlap+stride-1)/stride)
	from := 0
	for ; from+size < n; from += stride {
		spans = append(spans, span{from, from + size})
	}
	return append(spans, span{n - size, n})
}

// spread orders the indices below n so that every beginning of the order is
// spread over the whole: first, last, then the middle of each gap, widest gaps
// first. A text that a deadline cuts short is then judged by samples of all of
// it.
func spread(n int) []int {
	if n == 0 {
		return nil
	}
	order := make([]int, 0, n)
	order = append(order, 0)
	if n > 1 {
		order = append(order, n-1)
	}
	gaps := []span{{0, n - 1}}
	for len(gaps) > 0 {
		gap := gaps[0]
		gaps = gaps[1:]
		middle := gap.from + (gap.to-gap.from)/2
		if middle == gap.from {
			continue
		}
		order = append(order, middle)
		gaps = append(gaps, span{gap.from, middle}, span{middle, gap.to})
	}
	return order
}

// votes gives each window the number of tokens that it alone answers for: a
// token read by k windows counts 1/k in each. covered is how many of the n
// tokens at least one window read; it is also the sum of the votes.
func votes(windows []span, n int) (vote []float64, covered int) {
	change := make([]int, n+1) // of the number of windows that read a token
	for _, w := range windows {
		change[w.from]++
		change[w.to]--
	}
	share := make([]float64, n+1) // share[i]: sum of 1/k over the tokens before i
	readers := 0
	for i := range n {
		readers += change[i]
		share[i+1] = share[i]
		if readers > 0 {
			share[i+1] += 1 / float64(readers)
			covered++
		}
	}
	vote = make([]float64, len(windows))
	for i, w := range windows {
		vote[i] = share[w.to] - share[w.from]
	}
	return vote, covered
}
