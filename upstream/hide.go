package upstream

import "bytes"

// maxHeld bounds the event that a usageFilter holds. A usage chunk has a few
// hundred bytes; anything longer is none and passes.
const maxHeld = 64 << 10

// usageFilter takes usage chunks out of an event stream: events with one data
// line whose payload has an empty "choices" and a usage object. That is the chunk
// which a server adds at the end for stream_options.include_usage.
//
// Whole events pass at once. An event of which only a part is there is held
// until its end, which no client waits for less than we do: an event counts when
// its blank line has come. All other bytes pass as they are.
type usageFilter struct {
	payload payloadReader

	held    []byte // the current event's bytes from earlier chunks
	pass    bool   // the current event is beyond maxHeld and passes unread
	line    int    // length of the current line so far
	afterCR bool   // a LF that follows belongs to the last line's end
	hidden  bool   // the last event was taken out
}

// cut is the work of one feed on its chunk p.
type cut struct {
	p     []byte
	out   []byte // what may leave, once it is not simply a part of p
	from  int    // start of the bytes of p that may leave and are not in out
	event int    // start of the current event in p, 0 if it began earlier
}

// take moves the bytes of p before end to out and goes on behind the next ones,
// at resume.
func (c *cut) take(end, resume int) {
	c.out = append(c.out, c.p[c.from:end]...)
	c.from = resume
}

// feed takes a chunk and returns what may leave. That is valid until the next
// call or until p changes.
func (f *usageFilter) feed(p []byte) []byte {
	c := cut{p: p}
	for i := 0; i < len(p); {
		if f.afterCR {
			f.afterCR = false
			if p[i] == '\n' {
				i++
				f.completeCRLF(&c, i)
				continue
			}
		}
		end := lineEnd(p[i:])
		if end < 0 {
			f.line += len(p) - i
			break
		}
		f.line += end
		i += end + 1
		f.afterCR = p[i-1] == '\r'
		if f.line == 0 {
			f.endEvent(&c, i)
		}
		f.line = 0
	}
	return f.leave(&c)
}

// endEvent decides on the event that a blank line has just ended at i.
func (f *usageFilter) endEvent(c *cut, i int) {
	event := c.p[c.event:i]
	held := len(f.held) > 0
	if held {
		f.held = append(f.held, event...)
		event = f.held
	}
	f.hidden = !f.pass && f.isUsage(event)
	switch {
	case f.hidden:
		c.take(c.event, i)
	case held: // only the first event of a chunk can have been held
		c.out, c.from = append(c.out, event...), i
	}
	f.held, f.pass, c.event = f.held[:0], false, i
}

// completeCRLF handles a LF, before i, that follows a CR. If that CR ended an
// event, the LF still belongs to it and shares its fate.
func (f *usageFilter) completeCRLF(c *cut, i int) {
	if c.event != i-1 || len(f.held) > 0 || f.pass {
		return
	}
	c.event = i
	if f.hidden {
		c.take(i-1, i)
	}
}

// leave ends feed: the current event's part of p is held, the rest may go.
func (f *usageFilter) leave(c *cut) []byte {
	rest := c.p[c.event:]
	switch {
	case f.pass:
		c.event = len(c.p)
	case len(f.held)+len(rest) > maxHeld:
		c.out = append(c.out, f.held...) // if something was held, from is 0
		f.held, f.pass, c.event = f.held[:0], true, len(c.p)
	default:
		f.held = append(f.held, rest...)
	}
	if len(c.out) == 0 {
		return c.p[c.from:c.event]
	}
	return append(c.out, c.p[c.from:c.event]...)
}

// finish returns what is still held at the end of the stream. clean says that
// the stream came to its proper end; otherwise nothing is taken out any more.
func (f *usageFilter) finish(clean bool) []byte {
	if clean && f.isUsage(f.held) {
		return nil
	}
	return f.held
}

// isUsage reports whether event is a usage chunk.
func (f *usageFilter) isUsage(event []byte) bool {
	if len(event) > maxHeld || !bytes.Contains(event, []byte(`"usage"`)) || !bytes.Contains(event, []byte(`"choices"`)) {
		return false
	}
	var found []byte
	for len(event) > 0 {
		line, rest := event, []byte(nil)
		if end := lineEnd(event); end >= 0 {
			line, rest = event[:end], event[end+1:]
		}
		event = rest
		data, ok := dataOf(line)
		if !ok {
			continue
		}
		if found != nil {
			return false
		}
		found = data
	}
	p, err := f.payload.read(found)
	return err == nil && p.hasUsage && p.noChoices
}
