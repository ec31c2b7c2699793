package upstream

import "time"

// Facts are what Relay saw of one answer.
type Facts struct {
	Status int
	Bytes  int64 // body bytes received from the upstream
	Stream bool  // the body was an event stream

	Started    time.Time // when Do was called
	FirstByte  time.Time // of the body; zero if there was none
	FirstEvent time.Time // first event that carries output; zero if there was none
	LastEvent  time.Time // last such event
	Events     int       // events that carry output: text, reasoning, tool calls

	PromptTokens     int
	CompletionTokens int
	CachedTokens     int // of the prompt tokens
	// UsageKnown says that the three counts above are the upstream's own.
	UsageKnown bool
	// UsageUnread says why they are not, "" if they are: one of the Unread values.
	UsageUnread string
	// LongLines counts event stream lines beyond 256 KiB, passed on but not read.
	LongLines int
	// NotRewritten says why an answer that was to be rewritten passed as it was,
	// "" if it did not: one of the Unread values. LongEvents counts events of a
	// stream that passed so because of their length.
	NotRewritten string
	LongEvents   int
}

// Why usage is not known.
const (
	UnreadAbsent  = "absent"         // the whole answer was read and has none
	UnreadCut     = "cut"            // the answer ended early
	UnreadEncoded = "encoded"        // compressed
	UnreadNotJSON = "not_json"       // neither JSON nor an event stream
	UnreadTooBig  = "body_too_large" // a JSON body beyond 1 MiB
	UnreadLong    = "line_too_long"  // an event stream line beyond 256 KiB
	UnreadBad     = "malformed"      // JSON that could not be read
)

// TTFT is the time from Do to the first event that carries output; ok is false
// if there was none. Add to it what the caller spent before Do.
func (f Facts) TTFT() (d time.Duration, ok bool) {
	if f.FirstEvent.IsZero() {
		return 0, false
	}
	return f.FirstEvent.Sub(f.Started), true
}

// TPOT is the time per output token after the first:
//
//	(LastEvent - FirstEvent) / (CompletionTokens - 1)
//
// Where usage is not known, events that carry output stand in for tokens, and
// estimated is true: servers may put several tokens into one event. ok is false
// with fewer than two tokens, or without a stream.
func (f Facts) TPOT() (d time.Duration, estimated, ok bool) {
	tokens := f.CompletionTokens
	if !f.UsageKnown {
		tokens, estimated = f.Events, true
	}
	if tokens < 2 || f.Events < 2 {
		return 0, false, false
	}
	return f.LastEvent.Sub(f.FirstEvent) / time.Duration(tokens-1), estimated, true
}
