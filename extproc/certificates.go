package extproc

import (
	"crypto/sha256"
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/vsr-proxy/vsr-proxy/config"
)

// lookEvery is how often the files are looked at, at most, and only when a client
// connects.
const lookEvery = time.Second

// certificates are the files of extproc.tls, read again when their content
// changed. While they can't be read, those that were serve on.
type certificates struct {
	files config.ServerTLS
	log   *slog.Logger

	mu     sync.Mutex // held while files are read, so that one handshake does it
	now    *tls.Config
	seen   [sha256.Size]byte
	looked time.Time
}

func watchCertificates(files config.ServerTLS, log *slog.Logger) (*certificates, error) {
	c := &certificates{files: files, log: log, looked: time.Now()}
	c.seen = c.look()
	var err error
	c.now, err = files.Load()
	return c, err
}

// config asks for the files at each handshake.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current(), nil },
	}
}

func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < lookEvery {
		return c.now
	}
	c.looked = time.Now()
	seen := c.look()
	if seen == c.seen {
		return c.now
	}
	next, err := c.files.Load()
	if err != nil { // perhaps the other file of a pair is about to follow
		c.log.Warn("certificates could not be read, the old ones stay", "error", err)
		return c.now
	}
	c.now, c.seen = next, seen
	c.log.Info("certificates replaced")
	return c.now
}

// look is one hash over the files' contents.
func (c *certificates) look() [sha256.Size]byte {
	h := sha256.New()
	for _, name := range []string{c.files.CertFile, c.files.KeyFile, c.files.ClientCAFile} {
		text, _ := os.ReadFile(name) // what can't be read counts as empty, and Load says why
		sum := sha256.Sum256(text)
		h.Write(sum[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}
