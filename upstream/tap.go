package upstream

import (
	"bytes"
	"net/http"
	"strings"
	"time"
)

// maxJSONBody is the longest body that is kept to read usage from its end.
const maxJSONBody = 1 << 20

// tap reads facts from an answer's body while that is being copied. It is given
// each chunk after the chunk left for the client.
type tap struct {
	facts   Facts
	mode    tapMode
	payload payloadReader

	lines lineReader // of an event stream
	bad   bool       // some payload could not be read

	whole []byte // of a JSON body, as far as it was seen
}

type tapMode uint8

const (
	readNothing tapMode = iota
	readEvents
	readJSON
)

func newTap(status int, header http.Header, started time.Time) *tap {
	t := &tap{facts: Facts{Status: status, Started: started, UsageUnread: UnreadAbsent}}
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	media = strings.ToLower(strings.TrimSpace(media))
	t.facts.Stream = media == "text/event-stream"
	encoding := header.Get("Content-Encoding")
	switch {
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		t.facts.UsageUnread = UnreadEncoded
	case t.facts.Stream:
		t.mode = readEvents
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		t.mode = readJSON
	default:
		t.facts.UsageUnread = UnreadNotJSON
	}
	return t
}

// feed takes a chunk of the body that was read at now. It keeps nothing of p.
func (t *tap) feed(p []byte, now time.Time) {
	if t.facts.Bytes == 0 {
		t.facts.FirstByte = now
	}
	t.facts.Bytes += int64(len(p))
	switch t.mode {
	case readEvents:
		for len(p) > 0 {
			line, rest, complete, tooLong := t.lines.next(p)
			if complete {
				t.line(line, tooLong, now)
			}
			p = rest
		}
	case readJSON:
		if len(t.whole)+len(p) > maxJSONBody {
			t.whole, t.mode = nil, readNothing
			t.facts.UsageUnread = UnreadTooBig
			return
		}
		t.whole = append(t.whole, p...)
	}
}

// finish closes the books. clean says that the body came to its proper end; now
// is when it did.
func (t *tap) finish(clean bool, now time.Time) Facts {
	switch t.mode {
	case readEvents:
		if line, tooLong := t.lines.last(); clean && (tooLong || len(line) > 0) {
			t.line(line, tooLong, now)
		}
	case readJSON:
		if clean && len(t.whole) > 0 {
			p, err := t.payload.read(t.whole)
			t.bad = err != nil
			t.use(p)
		}
	}
	f := &t.facts
	switch {
	case f.UsageKnown:
		f.UsageUnread = ""
	case f.UsageUnread != UnreadAbsent:
	case !clean:
		f.UsageUnread = UnreadCut
	case f.LongLines > 0:
		f.UsageUnread = UnreadLong
	case t.bad:
		f.UsageUnread = UnreadBad
	}
	return t.facts
}

// line reads one line of an event stream. Each data line is taken for a whole
// payload: none of the known servers spreads one over several lines, and a
// spread one would only go unread.
func (t *tap) line(line []byte, tooLong bool, now time.Time) {
	if tooLong {
		t.facts.LongLines++
		return
	}
	data, ok := dataOf(line)
	if !ok || len(data) == 0 || string(data) == "[DONE]" {
		return
	}
	p, err := t.payload.read(data)
	if err != nil {
		t.bad = true
		return
	}
	if p.hasContent {
		if t.facts.Events == 0 {
			t.facts.FirstEvent = now
		}
		t.facts.LastEvent = now
		t.facts.Events++
	}
	t.use(p)
}

func (t *tap) use(p payload) {
	if p.hasUsage {
		t.facts.UsageKnown = true
		t.facts.PromptTokens = p.usage.prompt
		t.facts.CompletionTokens = p.usage.completion
		t.facts.CachedTokens = p.usage.cached
	}
}

// dataOf is the value of an event stream's data field.
func dataOf(line []byte) ([]byte, bool) {
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok {
		return nil, false
	}
	return bytes.TrimPrefix(data, []byte(" ")), true
}
