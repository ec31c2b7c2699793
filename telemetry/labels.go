package telemetry

import (
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// labelSet decides which values a label may take. Reading it takes no lock.
//
// A strict set knows only what was admitted. A learning set also admits what it is asked for until it is full: it is
// for words that come from this program's source (a reason, a route pattern), never from a request.
type labelSet struct {
	known atomic.Pointer[map[string]struct{}]
	mu    sync.Mutex // one writer at a time
	max   int
	learn bool
}

func newLabelSet(max int, learn bool) *labelSet {
	s := &labelSet{max: max, learn: learn}
	s.known.Store(&map[string]struct{}{})
	return s
}

// label returns v if the set holds it, and [Other] if not.
func (s *labelSet) label(v string) string {
	known := *s.known.Load()
	if _, ok := known[v]; ok {
		return v
	}
	if s.learn && len(known) < s.max && s.admit(v) {
		return v
	}
	return Other
}

// admit adds names until the set is full and reports whether it holds all of them now. Names that are empty or no
// UTF-8 are left out: the first says nothing, on the second the Prometheus client panics.
func (s *labelSet) admit(names ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.known.Load()
	next := make(map[string]struct{}, len(old)+len(names))
	for name := range old {
		next[name] = struct{}{}
	}
	all := true
	for _, name := range names {
		if _, ok := next[name]; ok {
			continue
		}
		if name == "" || !utf8.ValidString(name) || len(next) >= s.max {
			all = false
			continue
		}
		next[name] = struct{}{}
	}
	s.known.Store(&next)
	return all
}
