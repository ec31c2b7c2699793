package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vsr-proxy/vsr-proxy/secret"
)

// Options say where from.
type Options struct {
	// Endpoint is the hub's base address; empty means DefaultEndpoint.
	Endpoint string
	// Token opens private and gated repositories; it may be empty.
	Token secret.Secret
	// UserAgent names the program.
	UserAgent string
	// Stall is how long a connection may be silent; zero means 60 s.
	Stall time.Duration
	// Pause is the wait before the second try, which doubles for each further
	// one; zero means 1 s.
	Pause time.Duration
}

// Client downloads from one hub. It may be used by one goroutine at a time.
type Client struct {
	endpoint *url.URL
	options  Options
	http     *http.Client
}

// maxRedirects follows a renamed repository and its content host with room to
// spare.
const maxRedirects = 5

// New checks the options; it connects nowhere.
func New(o Options) (*Client, error) {
	if o.Endpoint == "" {
		o.Endpoint = DefaultEndpoint
	}
	if o.Stall == 0 {
		o.Stall = time.Minute
	}
	if o.Pause == 0 {
		o.Pause = time.Second
	}
	if strings.ContainsFunc(o.Token.Reveal(), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, errors.New("token has a space, a line break or a character that is not ASCII")
	}
	endpoint, err := checkEndpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	return &Client{endpoint: endpoint, options: o, http: &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout:   15 * time.Second,
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
			ResponseHeaderTimeout: o.Stall,
			IdleConnTimeout:       30 * time.Second,
			DisableCompression:    true, // a range is of the file's own bytes
			ForceAttemptHTTP2:     true,
		},
		// Each hop is judged by us; see get.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close frees the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// claims are what the endpoint, and not a content host, says of a file.
type claims struct {
	etag   string // without quotes
	size   int64  // -1 when it isn't said
	commit string
}

// sha256 is the claimed hash, if the claim is one.
func (c claims) sha256() string {
	if digest.MatchString(c.etag) {
		return c.etag
	}
	return ""
}

// blob is the claimed git object id, if the claim is one.
func (c claims) blob() string {
	if commit.MatchString(c.etag) {
		return c.etag
	}
	return ""
}

// statusError is an answer that is no file.
type statusError struct {
	status int
	after  time.Duration // from Retry-After, zero if absent
	host   string
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("%s answers %d %s", e.host, e.status, http.StatusText(e.status))
	switch e.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return text + ": the repository is private, gated or not there; if you may read it, put a token into HF_TOKEN"
	case http.StatusNotFound:
		return text + ": no such repository, revision or file"
	case http.StatusTooManyRequests:
		if e.after > 0 {
			return text + ": try again in " + e.after.String()
		}
	}
	return text
}

// errNotThere is what statusError is for a file that the repository lacks.
var errNotThere = errors.New("not there")

func (e *statusError) Is(target error) bool {
	return target == errNotThere && e.status == http.StatusNotFound
}

// get asks for a file from byte from on and follows redirects to the host that
// has it. The answer's status is 200, 206 or 416; anything else is an error.
func (c *Client) get(ctx context.Context, address string, from int64) (*http.Response, claims, error) {
	said := claims{size: -1}
	u, err := url.Parse(address)
	if err != nil {
		return nil, said, err
	}
	for range maxRedirects + 1 {
		answer, err := c.ask(ctx, u, from)
		if err != nil {
			return nil, said, err
		}
		if c.own(u) {
			said.add(answer)
		}
		switch answer.StatusCode {
		case http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
			return answer, said, nil
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			_ = answer.Body.Close()
			return nil, said, &statusError{answer.StatusCode, retryAfter(answer.Header), u.Host}
		}
		_ = answer.Body.Close()
		next, err := answer.Location()
		if err != nil {
			return nil, said, fmt.Errorf("%s redirects to nowhere", u.Host)
		}
		if !secure(next) || u.Scheme == "https" && next.Scheme != "https" {
			return nil, said, fmt.Errorf("%s redirects to %s://%s, which is not https", u.Host, next.Scheme, next.Host)
		}
		u = next
	}
	return nil, said, fmt.Errorf("%s: more than %d redirects", u.Host, maxRedirects)
}

func (c *Client) ask(ctx context.Context, u *url.URL, from int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: not an address to ask", u.Host)
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	if token := c.options.Token.Reveal(); token != "" && c.own(u) {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return nil, &connectionError{u.Host, inner(err)}
	}
	return answer, nil
}

// own reports whether u is the endpoint's origin, which alone gets the token and
// is believed.
func (c *Client) own(u *url.URL) bool {
	return u.Scheme == c.endpoint.Scheme && u.Host == c.endpoint.Host
}

// connectionError is a request or a body that broke off; another try may do.
type connectionError struct {
	host string
	err  error
}

func (e *connectionError) Error() string { return e.host + ": " + e.err.Error() }
func (e *connectionError) Unwrap() error { return e.err }

// inner drops the address from an error of net/http: those of content hosts hold
// a signature.
func inner(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// add takes over what an answer of the endpoint says. The last one counts: a
// renamed repository answers with a redirect to itself first.
func (s *claims) add(answer *http.Response) {
	h := answer.Header
	for _, tag := range []string{h.Get("X-Linked-Etag"), h.Get("ETag")} {
		if tag = strings.Trim(strings.TrimPrefix(tag, "W/"), `"`); tag != "" {
			s.etag = strings.ToLower(tag)
			break
		}
	}
	if n, err := strconv.ParseInt(h.Get("X-Linked-Size"), 10, 64); err == nil && n >= 0 {
		s.size = n
	}
	if id := h.Get("X-Repo-Commit"); id != "" {
		s.commit = id
	}
}

// retryAfter reads the delay in seconds or the date of RFC 9110, section 10.2.3.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return time.Duration(min(n, 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at).Round(time.Second))
	}
	return 0
}

// errStalled is a connection that was silent for too long.
var errStalled = errors.New("nothing came for too long")

// watched reads and calls alive for each piece.
type watched struct {
	io.Reader
	alive func(n int)
}

func (w watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.alive(n)
	}
	return n, err
}
