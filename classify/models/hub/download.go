package hub

import (
	"context"
	"crypto/sha1" // git's object ids are SHA-1
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Trust says who vouches for a downloaded file.
type Trust string

// The kinds of trust, the strongest first.
const (
	// TrustPin: the file has the SHA-256 that the caller gave.
	TrustPin Trust = "pin"
	// TrustHub: it has the hash that the hub stated for it.
	TrustHub Trust = "hub"
	// TrustFirst: no hash was known; what came was taken.
	TrustFirst Trust = "first download"
)

// File is a downloaded file.
type File struct {
	// Name is the path within the repository.
	Name   string
	Bytes  int64
	SHA256 string
	Trust  Trust

	local string
}

// Progress is called while a file comes in; total is -1 when nobody knows it.
type Progress func(file string, done, total int64)

const (
	maxTries = 5 // in a row that bring nothing
	maxPause = time.Minute
)

// order is one file to download.
type order struct {
	repo, revision, name string
	folder               string // for the unfinished file
	limit                int64
	pin                  string // SHA-256, empty if there is none
	progress             Progress
}

// local is where the file grows. The name holds all that it comes from, so that
// no other file is ever continued.
func (o order) local(endpoint string) string {
	key := sha256.Sum256([]byte(strings.Join([]string{endpoint, o.repo, o.revision, o.name}, "\n")))
	return filepath.Join(o.folder, hex.EncodeToString(key[:8])+".part")
}

// download fetches a file, going on where an earlier download stopped, and
// checks it. It tries again when the connection breaks or the hub is busy, until
// five tries in a row have brought nothing; one that brought something is none of
// the five.
func (c *Client) download(ctx context.Context, o order) (File, error) {
	local := o.local(c.endpoint.String())
	pause, tries, most := c.options.Pause, 0, sizeOf(local)
	for {
		said, err := c.attempt(ctx, o, local)
		if err == nil {
			return o.check(local, said)
		}
		err = fmt.Errorf("download %s: %w", o.name, err)
		// A part that was thrown away brings nothing by growing again.
		if tries++; sizeOf(local) > most {
			tries, pause, most = 0, c.options.Pause, sizeOf(local)
		}
		wait, worth := again(err, pause)
		if ctx.Err() != nil || !worth || tries == maxTries {
			return File{}, err
		}
		pause *= 2
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return File{}, err
		}
	}
}

// again says whether another try is worth it, and after what pause.
func again(err error, pause time.Duration) (time.Duration, bool) {
	var broken *connectionError
	var status *statusError
	switch {
	case errors.As(err, &broken):
		return min(pause, maxPause), true
	case errors.As(err, &status):
		busy := status.status == http.StatusTooManyRequests || status.status == http.StatusRequestTimeout || status.status >= 500
		return max(min(pause, maxPause), status.after), busy && status.after <= maxPause
	}
	return 0, false
}

func sizeOf(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

// attempt brings the local file to its full length with one request.
func (c *Client) attempt(ctx context.Context, o order, local string) (claims, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	from := sizeOf(local)
	answer, said, err := c.get(ctx, fmt.Sprintf("%s/%s/resolve/%s/%s", c.endpoint, o.repo, o.revision, o.name), from)
	if err != nil {
		return said, err
	}
	defer answer.Body.Close()
	host := answer.Request.URL.Host
	total, err := o.agree(answer, said, from)
	switch {
	case errors.Is(err, errStartAnew):
		if err := os.Remove(local); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return said, err
		}
		return said, &connectionError{host, err}
	case err != nil:
		return said, err
	case answer.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return said, nil // nothing is left to come
	case answer.StatusCode == http.StatusOK:
		from = 0 // a server that doesn't continue files sends the whole one again
	}
	timer := time.AfterFunc(c.options.Stall, func() { cancel(errStalled) })
	defer timer.Stop()
	size := from
	size, err = extend(local, from, io.LimitReader(watched{answer.Body, func(n int) {
		timer.Reset(c.options.Stall)
		size += int64(n)
		o.progress(o.name, size, total)
	}}, o.limit-from+1))
	var disk *os.PathError
	switch {
	case errors.As(err, &disk):
		return said, err
	case err != nil && context.Cause(ctx) == errStalled:
		return said, &connectionError{host, errStalled}
	case err != nil:
		return said, &connectionError{host, inner(err)}
	case size > o.limit:
		_ = os.Remove(local)
		return said, fmt.Errorf("more than %d bytes came, the most that is taken", o.limit)
	case size < total:
		return said, &connectionError{host, fmt.Errorf("%d of %d bytes came", size, total)}
	}
	return said, nil
}

// extend cuts or makes the file at from, appends what comes, and gives its size.
func extend(name string, from int64, what io.Reader) (int64, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := f.Truncate(from); err != nil {
		return 0, err
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.Copy(f, what)
	return from + n, errors.Join(err, f.Sync())
}

// errStartAnew is what a part on disk that doesn't fit the server's file leads to.
var errStartAnew = errors.New("what was downloaded before is no part of the file")

// agree holds the answer's head against the order, before the body is read, and
// gives the file's full size, or -1.
func (o order) agree(answer *http.Response, said claims, from int64) (int64, error) {
	total := said.size
	var first, last, size int64
	switch answer.StatusCode {
	case http.StatusOK:
		if size = answer.ContentLength; total < 0 {
			total = size
		}
	case http.StatusPartialContent:
		n, err := fmt.Sscanf(answer.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size)
		if n != 3 || err != nil || first != from || total >= 0 && size != total {
			return 0, errStartAnew
		}
		total = size
	default: // 416: the part is as long as the file, or doesn't belong to it
		if _, err := fmt.Sscanf(answer.Header.Get("Content-Range"), "bytes */%d", &size); err == nil && total < 0 {
			total = size // content hosts often leave it out
		}
		if from == 0 || from != total {
			return 0, errStartAnew
		}
	}
	switch {
	case said.commit != "" && said.commit != o.revision:
		return 0, fmt.Errorf("the hub answers with revision %.40q", said.commit)
	case total > o.limit:
		return 0, fmt.Errorf("it has %d bytes, at most %d are taken", total, o.limit)
	case answer.StatusCode == http.StatusOK && size >= 0 && size != total:
		return 0, fmt.Errorf("%s sends %d bytes of a file of %d", answer.Request.URL.Host, size, total)
	case o.pin != "" && said.sha256() != "" && o.pin != said.sha256():
		return 0, fmt.Errorf("the hub says that its SHA-256 is %s, expected %s", said.sha256(), o.pin)
	}
	return total, nil
}

// check hashes what is on disk and removes it when a hash differs, for nothing
// could be added to make it fit.
func (o order) check(local string, said claims) (File, error) {
	file := File{Name: o.name, Bytes: sizeOf(local), Trust: TrustFirst, local: local}
	big, git, short := sha256.New(), sha1.New(), sha1.New()
	fmt.Fprintf(git, "blob %d\x00", file.Bytes)
	if err := hashFile(local, big, git, short); err != nil {
		return File{}, err
	}
	file.SHA256 = hex.EncodeToString(big.Sum(nil))
	blob := hex.EncodeToString(git.Sum(nil))
	if plain := hex.EncodeToString(short.Sum(nil)); said.blob() == plain {
		blob = plain // what some mirrors have as the ETag of any file
	}
	for _, known := range []struct {
		by         Trust
		want, have string
		what       string
	}{
		{TrustHub, said.blob(), blob, "git object id"},
		{TrustHub, said.sha256(), file.SHA256, "SHA-256"},
		{TrustPin, o.pin, file.SHA256, "SHA-256"},
	} {
		if known.want == "" {
			continue
		}
		if known.want != known.have {
			_ = os.Remove(local)
			return File{}, fmt.Errorf("download %s: %s is %s, expected %s", o.name, known.what, known.have, known.want)
		}
		file.Trust = known.by
	}
	return file, nil
}

func hashFile(name string, sums ...hash.Hash) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	to := make([]io.Writer, len(sums))
	for i, s := range sums {
		to[i] = s
	}
	_, err = io.Copy(io.MultiWriter(to...), f)
	return err
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
