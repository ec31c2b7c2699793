package upstream

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxEvent bounds the event that an eventRewriter holds: the last one of responses
// holds the whole answer. A longer one passes as it is.
const maxEvent = 1 << 20

// eventRewriter changes the texts of an event stream. A text that goes on over
// many events is one Text; where one ends with something held back, that leaves in
// the event that ends it, or in one before it that is made up for it.
//
// An event counts when its blank line has come, as it does for any client. One in
// which nothing changes passes byte for byte.
type eventRewriter struct {
	by      *Rewriter
	read    textReader
	texts   wholeTexts
	streams []*stream
	scalars []byte // of the last event with choices, for those that are made up

	out     []byte
	held    []byte // the current event's bytes from earlier chunks
	pass    bool   // the current event is beyond maxEvent
	line    int    // length of the current line so far
	afterCR bool   // a LF that follows belongs to the last line's end
	ended   bool   // that line end was an event's
	long    int    // events that passed because of their length
	joined  []byte // the data of an event with several lines of it
}

func newEventRewriter(by *Rewriter) *eventRewriter {
	return &eventRewriter{by: by, texts: wholeTexts{new: by.New}, read: textReader{contentJSON: by.JSON}}
}

// feed takes a chunk and returns what may leave, valid until the next call.
func (f *eventRewriter) feed(p []byte) []byte {
	f.out = f.out[:0]
	start := 0
	for i := 0; i < len(p); {
		if f.afterCR {
			f.afterCR = false
			if p[i] == '\n' {
				i++
				if f.ended {
					f.out = append(f.out, '\n')
					start = i
				}
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
		if f.ended = f.line == 0; f.ended {
			f.complete(p[start:i])
			start = i
		}
		f.line = 0
	}
	f.keep(p[start:])
	return f.out
}

// keep holds what is there of an event.
func (f *eventRewriter) keep(rest []byte) {
	switch {
	case f.pass:
		f.out = append(f.out, rest...)
	case len(f.held)+len(rest) > maxEvent:
		f.out = append(append(f.out, f.held...), rest...)
		f.held, f.pass = nil, true
		f.long++
	default:
		f.held = append(f.held, rest...)
	}
}

// complete takes the rest of an event.
func (f *eventRewriter) complete(rest []byte) {
	f.keep(rest)
	if !f.pass {
		f.event(f.held)
		f.held = f.held[:0]
	}
	f.pass = false
}

// finish returns what is left at the end of the stream. clean says that it came
// to its proper end; otherwise what is held leaves as it is.
func (f *eventRewriter) finish(clean bool) []byte {
	f.out = f.out[:0]
	if !clean {
		return f.held
	}
	if len(f.held) > 0 {
		f.event(f.held)
	}
	before := f.out
	f.out = nil
	f.flush(func(*stream) bool { return true })
	if len(f.out) > 0 && len(f.held) > 0 {
		before = append(before, "\n\n"...)
	}
	f.held = nil
	return append(before, f.out...)
}

// event writes one event, with its texts changed.
func (f *eventRewriter) event(event []byte) {
	places, data := f.dataOf(event)
	if string(bytes.TrimSpace(data)) == "[DONE]" {
		f.flush(func(*stream) bool { return true })
	}
	changed := data
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\n"), []byte("{")) && f.read.event(data) == nil {
		changed = f.payload(data)
	}
	if len(places) == 0 || bytes.Equal(changed, data) {
		f.out = append(f.out, event...)
		return
	}
	done := 0
	for _, at := range places { // no text holds a raw line feed, so there are as many lines
		line, rest, _ := bytes.Cut(changed, []byte("\n"))
		f.out = append(append(f.out, event[done:at[0]]...), line...)
		done, changed = at[1], rest
	}
	f.out = append(f.out, event[done:]...)
}

// dataOf finds an event's lines of data, and joins them as clients do.
func (f *eventRewriter) dataOf(event []byte) (places [][2]int, data []byte) {
	for at := 0; at < len(event); {
		line, next := event[at:], len(event)
		if end := lineEnd(line); end >= 0 {
			line, next = line[:end], at+end+1
		}
		if value, ok := dataOf(line); ok {
			end := at + len(line)
			places = append(places, [2]int{end - len(value), end})
		}
		at = next
	}
	switch len(places) {
	case 0:
		return nil, nil
	case 1:
		return places, event[places[0][0]:places[0][1]]
	}
	f.joined = f.joined[:0]
	for i, at := range places {
		if i > 0 {
			f.joined = append(f.joined, '\n')
		}
		f.joined = append(f.joined, event[at[0]:at[1]]...)
	}
	return places, f.joined
}

// payload changes the texts of the payload that was just read, and writes made-up
// events before it where they are due.
func (f *eventRewriter) payload(data []byte) []byte {
	read := &f.read
	if read.choices {
		f.scalars = read.appendScalars(f.scalars[:0])
	}
	texts := make([]string, len(read.spots))
	in := make(map[*stream]int, 1) // the place of a stream's last spot
	for i := range read.spots {
		s := &read.spots[i]
		said := s.said(data)
		var to *stream
		if s.shape != shapeWhole {
			to = f.find(s, read)
		}
		if to == nil {
			texts[i] = f.texts.change(said, s.json)
			continue
		}
		if said != "" {
			f.flush(func(one *stream) bool { return one.key.choice == to.key.choice && one.isOther(to) })
		}
		texts[i] = to.text.Write(said)
		in[to] = i
	}
	for _, one := range f.streams {
		if f.ends(one) {
			if i, here := in[one]; here {
				texts[i] += one.text.Flush()
			} else {
				f.makeUp(one, one.text.Flush())
			}
		}
	}
	var edits []edit
	for i, s := range read.spots {
		edits = appendEdit(edits, s, data, texts[i])
	}
	slices.SortFunc(edits, func(a, b edit) int { return a.at - b.at })
	return apply(data, edits)
}

// isOther tells whether what comes for to ends a text: reasoning ends where the
// answer begins, and one part of a response where the next one does. Calls may be
// told side by side.
func (s *stream) isOther(to *stream) bool {
	if s.shape == shapeEvent {
		return s != to
	}
	return s.key.field != to.key.field
}

// ends tells whether the payload just read ends a text.
func (f *eventRewriter) ends(s *stream) bool {
	r := &f.read
	if s.shape != shapeEvent {
		return slices.Contains(r.finished, s.key.choice)
	}
	switch r.kind {
	case "response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done", "error":
		return true
	}
	return r.output == s.key.choice && strings.HasSuffix(r.kind, ".done")
}

// flush has texts give back what they hold.
func (f *eventRewriter) flush(which func(*stream) bool) {
	for _, one := range f.streams {
		if which(one) {
			f.makeUp(one, one.text.Flush())
		}
	}
}

// makeUp writes an event that carries a piece of a text and nothing else.
func (f *eventRewriter) makeUp(s *stream, piece string) {
	if piece == "" {
		return
	}
	quoted, _ := jsontext.AppendQuote(nil, piece)
	if s.shape == shapeEvent {
		f.out = s.events.write(f.out, quoted, f.read.sequence)
		return
	}
	out := append(f.out, "data: {"...)
	out = append(out, f.scalars...)
	out = append(out, `"choices":[{"index":`...)
	out = strconv.AppendInt(out, int64(s.key.choice), 10)
	before, after := s.shape.around(s.key)
	out = append(append(append(out, before...), quoted...), after...)
	f.out = append(out, ",\"finish_reason\":null}]}\n\n"...)
}

// around is what stands around a text in a choice.
func (s shape) around(key streamKey) (before, after string) {
	call := `,"delta":{"tool_calls":[{"index":` + strconv.Itoa(key.call)
	switch s {
	case shapeText:
		return `,"text":`, `,"logprobs":null`
	case shapeCall:
		return call + `,"function":{"arguments":`, "}}]}"
	case shapeInput:
		return call + `,"custom":{"input":`, "}}]}"
	case shapeFunction:
		return `,"delta":{"function_call":{"arguments":`, "}}"
	}
	return `,"delta":{"` + key.field + `":`, "}"
}

// responseFrame is what stands around a delta of responses: the members that say
// which text it belongs to.
type responseFrame struct {
	kind    string
	members []byte
}

func newResponseFrame(r *textReader) responseFrame {
	frame := responseFrame{kind: r.kind, members: r.appendScalars(nil)}
	if r.kind == "response.output_text.delta" {
		frame.members = append(frame.members, `"logprobs":[],`...)
	}
	return frame
}

// write writes an event. It bears the number of the one that it comes before, as
// numbers of later ones can't be moved.
func (frame responseFrame) write(out, quoted, sequence []byte) []byte {
	out = append(out, "event: "+frame.kind+"\ndata: {"...)
	out = append(out, frame.members...)
	if len(sequence) > 0 {
		out = append(append(append(out, `"sequence_number":`...), sequence...), ',')
	}
	out = append(append(out, `"delta":`...), quoted...)
	return append(out, "}\n\n"...)
}
