package upstream

import "bytes"

// maxLine is the longest line of an event stream that is read. Longer ones pass
// to the client all the same; only their content is not looked at.
const maxLine = 256 << 10

// lineReader cuts an event stream into lines, wherever reads cut the stream.
// Lines end with LF, CR or CRLF (WHATWG HTML, 9.2.5). The zero value is ready.
type lineReader struct {
	partial []byte // the current line's earlier bytes, from earlier reads
	tooLong bool   // the current line is beyond maxLine; its bytes are dropped
	afterCR bool   // a LF that follows belongs to the last line's end
}

// next takes the next line out of p. The line is valid until the following call.
// complete is false where p ended first; tooLong says that the line is left out.
func (r *lineReader) next(p []byte) (line, rest []byte, complete, tooLong bool) {
	if r.afterCR && len(p) > 0 {
		r.afterCR = false
		if p[0] == '\n' {
			p = p[1:]
		}
	}
	end := lineEnd(p)
	if end < 0 {
		r.keep(p)
		return nil, nil, false, false
	}
	line, rest = p[:end], p[end+1:]
	r.afterCR = p[end] == '\r'
	if r.tooLong || len(r.partial)+len(line) > maxLine {
		r.partial, r.tooLong = r.partial[:0], false
		return nil, rest, true, true
	}
	if len(r.partial) > 0 {
		r.partial = append(r.partial, line...)
		line = r.partial
		r.partial = r.partial[:0] // line stays as it is until partial grows again
	}
	return line, rest, true, false
}

// last returns the line that the stream ended in, if any.
func (r *lineReader) last() (line []byte, tooLong bool) { return r.partial, r.tooLong }

func (r *lineReader) keep(p []byte) {
	if r.tooLong || len(r.partial)+len(p) > maxLine {
		r.partial, r.tooLong = nil, true
		return
	}
	r.partial = append(r.partial, p...)
}

// lineEnd is the index of the first LF or CR in p, -1 if there is none. It looks
// at a window at a time: the search for the one that is absent must not run far
// beyond the one that is near.
func lineEnd(p []byte) int {
	const window = 512
	for start := 0; start < len(p); start += window {
		w := p[start:min(start+window, len(p))]
		lf := bytes.IndexByte(w, '\n')
		if lf >= 0 {
			w = w[:lf]
		}
		if cr := bytes.IndexByte(w, '\r'); cr >= 0 {
			return start + cr
		}
		if lf >= 0 {
			return start + lf
		}
	}
	return -1
}
