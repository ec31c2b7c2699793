package upstream

import (
	"net/http"
	"slices"
	"time"
)

// Passage is what happens to an answer's body on its way to the client: what is
// taken out, what is rewritten, and what is learnt from it. Relay makes its own;
// one who is handed the chunks of an answer by somebody else makes one with
// NewPassage.
type Passage struct {
	tap      *tap
	filter   *usageFilter   // nil unless usage is to be hidden
	rewriter *eventRewriter // nil unless texts of a stream are to be changed
	whole    *Rewriter      // nil unless texts of a JSON body are to be changed
	held     []byte         // of that body
}

// PassageOptions shape one Passage.
type PassageOptions struct {
	// HideUsage takes the usage chunk out of an event stream.
	HideUsage bool
	// Rewrite changes the texts of the answer; nil changes none.
	Rewrite *Rewriter
}

// NewPassage is for an answer with this status and these headers, to a request
// that was sent at started. Rewrite.Passed is called now where nothing can be
// rewritten, and from Next where a JSON body turns out to be too large.
func NewPassage(status int, header http.Header, started time.Time, o PassageOptions) *Passage {
	p := &Passage{tap: newTap(status, header, started)}
	if o.HideUsage && p.tap.mode == readEvents {
		p.filter = &usageFilter{}
	}
	switch {
	case o.Rewrite == nil:
	case p.tap.mode == readEvents:
		p.rewriter = newEventRewriter(o.Rewrite)
	case p.tap.mode == readJSON:
		p.whole = o.Rewrite
	default:
		p.passed(o.Rewrite, p.tap.facts.UsageUnread)
	}
	return p
}

// Changes tells whether the body may come out with other bytes than it had, so
// that what the headers say of its length and digests can't stay.
func (p *Passage) Changes() bool { return p.filter != nil || p.rewriter != nil || p.whole != nil }

// Stream tells whether the body is an event stream.
func (p *Passage) Stream() bool { return p.tap.facts.Stream }

// Next takes the next chunk and gives what may leave now. That is valid until the
// following call or until the chunk changes; where nothing changes it is the chunk.
func (p *Passage) Next(chunk []byte) []byte {
	if p.whole != nil {
		return p.hold(chunk)
	}
	if p.filter != nil {
		chunk = p.filter.feed(chunk)
	}
	if p.rewriter != nil {
		chunk = p.rewriter.feed(chunk)
		p.tap.facts.LongEvents = p.rewriter.long
	}
	return chunk
}

// Seen reads facts from a chunk that came at now. It can be called when the chunk
// has left already.
func (p *Passage) Seen(chunk []byte, now time.Time) { p.tap.feed(chunk, now) }

// Rest gives what is still held when no more comes; clean says that the body came
// to its proper end. Otherwise it leaves as it is.
func (p *Passage) Rest(clean bool) []byte {
	if p.whole != nil {
		if clean {
			return rewriteBody(p.held, p.whole)
		}
		return p.held
	}
	var rest []byte
	if p.filter != nil {
		rest = p.filter.finish(clean)
	}
	if p.rewriter == nil {
		return rest
	}
	out := slices.Clone(p.rewriter.feed(rest))
	return append(out, p.rewriter.finish(clean)...)
}

// Facts closes the books at now.
func (p *Passage) Facts(clean bool, now time.Time) Facts { return p.tap.finish(clean, now) }

// hold keeps a JSON body until it is whole, or too large to be rewritten.
func (p *Passage) hold(chunk []byte) []byte {
	p.held = append(p.held, chunk...)
	if len(p.held) <= maxRewritten {
		return nil
	}
	p.passed(p.whole, UnreadTooBig)
	out := p.held
	p.whole, p.held = nil, nil
	return out
}

// passed notes that the answer goes on as it is.
func (p *Passage) passed(rewrite *Rewriter, why string) {
	p.tap.facts.NotRewritten = why
	rewrite.Passed(why)
}
