package chat

import "strings"

// Scope says whose words a view of a request holds.
type Scope uint8

const (
	// LastUser is the newest turn in which the user says something: what routing
	// usually looks at. The prompts of a completion are asked side by side, so all
	// of them are newest.
	LastUser Scope = iota
	// User is everything the user says, oldest turn first.
	User
	// All is every segment of every role, instructions, names, tool definitions,
	// calls and results included: what a rule that protects looks at.
	All
)

// Text returns the scope's segments, a line feed between any two. The parts of one
// message come apart that way too, as words do not run into each other: it is the
// view to classify.
func (r *Request) Text(s Scope) string { return r.join(s, false) }

// Fused returns what Text returns, except that the parts of one message are
// joined by nothing. A word cut into parts, down to one part a letter, reads as
// the word here, as it does for backends whose template concatenates parts. A rule
// that protects scans both views; they are equal, and not worth a second look,
// where no message has more than one part.
func (r *Request) Fused(s Scope) string { return r.join(s, true) }

// Splits reports whether some member of a message within the scope came in several
// parts, so that Fused differs from Text. It copies nothing.
func (r *Request) Splits(s Scope) bool {
	newest := NoTurn
	if s == LastUser {
		newest = r.newestUserTurn()
	}
	var last *Segment
	for i := range r.Segments {
		seg := &r.Segments[i]
		if !r.within(seg, s, newest) {
			continue
		}
		if last != nil && last.continues(seg) {
			return true
		}
		last = seg
	}
	return false
}

func (r *Request) join(s Scope, fuse bool) string {
	newest := NoTurn
	if s == LastUser {
		newest = r.newestUserTurn()
	}
	size, count, first := 0, 0, ""
	for i := range r.Segments {
		if seg := &r.Segments[i]; r.within(seg, s, newest) {
			if count == 0 {
				first = seg.Text
			}
			size += len(seg.Text) + 1
			count++
		}
	}
	if count <= 1 {
		return first
	}
	var b strings.Builder
	b.Grow(size)
	var last *Segment
	for i := range r.Segments {
		seg := &r.Segments[i]
		if !r.within(seg, s, newest) {
			continue
		}
		if last != nil && !(fuse && last.continues(seg)) {
			b.WriteByte('\n')
		}
		b.WriteString(seg.Text)
		last = seg
	}
	return b.String()
}

// continues reports whether next is a further part of the same member of the same
// message.
func (s *Segment) continues(next *Segment) bool {
	return s.Turn != NoTurn && s.Turn == next.Turn && s.Role == next.Role && s.Field == next.Field
}

func (r *Request) within(seg *Segment, s Scope, newest int) bool {
	switch s {
	case All:
		return true
	case User:
		return seg.saidByUser()
	default:
		return seg.saidByUser() && (seg.Turn == newest || r.Kind == Completions)
	}
}

func (r *Request) newestUserTurn() int {
	for i := len(r.Segments) - 1; i >= 0; i-- {
		if r.Segments[i].saidByUser() {
			return r.Segments[i].Turn
		}
	}
	return NoTurn
}

// saidByUser leaves out what stands beside the user's words: a name, a file name,
// the suffix of a completion.
func (s *Segment) saidByUser() bool {
	return s.Role == RoleUser && (s.Field == FieldContent || s.Field == FieldInput || s.Field == FieldPrompt)
}
