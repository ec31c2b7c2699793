package upstream

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RelayOptions shape one Relay.
type RelayOptions struct {
	// Reserved reports names, in canonical form, that no upstream may send to the
	// client, neither as header nor as trailer. Nil reserves nothing.
	Reserved func(name string) bool
	// Rewrite changes the texts of the answer; nil changes none.
	Rewrite *Rewriter
}

// Relay copies an answer to the client and closes it. Headers that w has already
// win over the upstream's of the same name.
//
// An event stream, and any body of unknown length, is flushed after each read; an
// event stream's head is flushed at once.
//
// A non-nil error is a *Failure, and it means that the head has been sent and the
// answer is not whole: the caller must, when it has logged and counted, end with
// panic(http.ErrAbortHandler), or else the client sees a clean end. The facts hold
// in both cases.
func Relay(w http.ResponseWriter, a *Answer, o RelayOptions) (Facts, error) {
	defer a.Close()
	r := relay{
		answer: a,
		client: client{w: w, control: http.NewResponseController(w), timeout: a.set.options.WriteTimeout},
		body:   NewPassage(a.Status, a.Header, a.started, PassageOptions{HideUsage: a.hideUsage, Rewrite: o.Rewrite}),
		rule:   responseRule{pass: a.set.pass, named: connectionNames(a.Header), reserved: o.Reserved},
	}
	r.flush = r.body.Stream() || a.resp.ContentLength < 0
	err := r.answerWith()
	facts := r.body.Facts(err == nil, time.Now())
	if err == nil {
		r.trailers()
		return facts, nil
	}
	return facts, err
}

type relay struct {
	answer *Answer
	client client
	body   *Passage
	rule   responseRule
	flush  bool // after each chunk
}

// answerWith sends head and body.
func (r *relay) answerWith() error {
	if r.body.whole != nil {
		return r.rewritten()
	}
	if err := r.head(); err != nil {
		return err
	}
	return r.copy()
}

// rewritten sends a JSON answer, which is held until it is whole. One that is too
// large, or breaks off, passes as it is.
func (r *relay) rewritten() error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.answer.Read(buffer)
		out := r.body.Next(buffer[:n])
		if n > 0 {
			r.body.Seen(buffer[:n], time.Now())
		}
		switch {
		case err == nil && len(out) == 0:
			continue
		case err == io.EOF && r.body.whole != nil:
			out = r.body.Rest(true)
			r.resized(len(out))
		case err != nil:
			out = append(out, r.body.Rest(false)...)
		}
		if failed := r.head(); failed != nil {
			return failed
		}
		if failed := r.client.write(out, r.flush, time.Now()); failed != nil || err != nil {
			if err == io.EOF {
				err = nil
			}
			return cmp.Or(failed, err)
		}
		return r.copy()
	}
}

// resized takes out, or makes right, what describes the bytes of the body.
func (r *relay) resized(size int) {
	h := r.answer.Header
	if h.Get("Content-Length") != "" {
		h.Set("Content-Length", strconv.Itoa(size))
	}
	for _, name := range []string{"Etag", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
		h.Del(name)
	}
}

// head writes status and headers.
func (r *relay) head() error {
	to := r.client.w.Header()
	for name, values := range r.answer.Header {
		if _, ours := to[name]; !ours && r.rule.allows(name) {
			to[name] = values
		}
	}
	if r.body.filter != nil || r.body.rewriter != nil {
		to.Del("Content-Length")
	}
	for name := range r.answer.resp.Trailer {
		if r.rule.allows(name) {
			to.Add("Trailer", name)
		}
	}
	r.client.w.WriteHeader(r.answer.Status)
	if r.body.Stream() {
		return r.client.flush(time.Now())
	}
	return nil
}

// copy copies until the end or the first error.
func (r *relay) copy() error {
	buffers := &r.answer.set.buffers
	buffer, _ := buffers.Get().(*[]byte)
	if buffer == nil {
		b := make([]byte, 32<<10)
		buffer = &b
	}
	defer buffers.Put(buffer)
	for {
		n, readErr := r.answer.Read(*buffer)
		if n > 0 {
			now, chunk := time.Now(), (*buffer)[:n]
			if err := r.client.write(r.body.Next(chunk), r.flush, now); err != nil {
				return err
			}
			r.body.Seen(chunk, now)
		}
		if readErr == nil {
			continue
		}
		if err := r.client.write(r.body.Rest(readErr == io.EOF), r.flush, time.Now()); err != nil {
			return err
		}
		if readErr == io.EOF {
			return nil
		}
		return readErr
	}
}

// trailers sends the upstream's trailers, which are known now that the body has
// been read: those announced in the head by name, others by net/http's prefix.
func (r *relay) trailers() {
	to := r.client.w.Header()
	announced := strings.Join(to["Trailer"], ",") + ","
	for name, values := range r.answer.resp.Trailer {
		switch {
		case !r.rule.allows(name):
		case strings.Contains(announced, name+","):
			to[name] = values
		default:
			to[http.TrailerPrefix+name] = values
		}
	}
	if len(r.answer.resp.Trailer) > 0 {
		// A short answer would otherwise get a Content-Length, which allows no
		// trailers. A failing flush fails the connection by itself.
		_ = r.client.control.Flush()
	}
}

// client is the ResponseWriter with a write deadline that moves along.
type client struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	set     time.Time // when the deadline was set last
}

func (c *client) write(p []byte, flush bool, now time.Time) error {
	if len(p) == 0 {
		return nil
	}
	c.extend(now)
	if _, err := c.w.Write(p); err != nil {
		return clientFailure(err)
	}
	if flush {
		return c.flush(now)
	}
	return nil
}

func (c *client) flush(now time.Time) error {
	c.extend(now)
	if err := c.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return clientFailure(err)
	}
	return nil
}

// extend moves the deadline on, at most 32 times per timeout: with small chunks
// that keeps timers out of the way, and a write still has 31/32 of its time.
// Writers that know no deadlines, as in tests, go without. net/http clears the
// deadline after each request.
func (c *client) extend(now time.Time) {
	if now.Sub(c.set) > c.timeout/32 {
		c.set = now
		_ = c.control.SetWriteDeadline(now.Add(c.timeout))
	}
}
