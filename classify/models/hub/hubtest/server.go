// Package hubtest is a hub on this machine for tests: it answers as Hugging Face
// does, redirects to a content host of its own for large files, and fails as it
// is told to.
//
// [Guard] and [Tagger] are two repositories with a model that really runs.
package hubtest

import (
	"bytes"
	"crypto/sha1" // git's object ids are SHA-1
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed testdata/guard testdata/tagger
var testdata embed.FS

// Guard labels a text SAFE, or INJECTION if it is made of the word "ignore".
func Guard() map[string][]byte { return read("guard") }

// Tagger labels "alice" and "alice smith" PERSON and "paris" GPE.
func Tagger() map[string][]byte { return read("tagger") }

func read(repo string) map[string][]byte {
	files := map[string][]byte{}
	root := path.Join("testdata", repo)
	err := fs.WalkDir(testdata, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := testdata.ReadFile(name)
		files[strings.TrimPrefix(name, root+"/")] = data
		return err
	})
	if err != nil {
		panic(err)
	}
	return files
}

// The repository that a Server has.
const (
	Repo     = "someone/classifier"
	Revision = "0123456789abcdef0123456789abcdef01234567"
)

// Signature is in the addresses of the content host, as a secret is.
const Signature = "X-Amz-Signature-canary"

// Server is a running hub and its content host.
type Server struct {
	// URL is the hub's address.
	URL string
	// Files of the repository. Those whose names end in .onnx are large files.
	Files map[string][]byte
	// Token that a request needs; empty lets everybody in.
	Token string
	// Hub and Content, if not nil, answer instead, when they return true.
	Hub, Content func(http.ResponseWriter, *http.Request) bool

	hub, content *httptest.Server
	mu           sync.Mutex
	seen         []Request
}

// Request is one that came in.
type Request struct {
	Content              bool // to the content host
	File                 string
	Authorization, Range string
}

// Start opens a hub with the files. Close it.
func Start(files map[string][]byte) *Server {
	s := &Server{Files: files}
	s.hub = httptest.NewServer(http.HandlerFunc(s.serveHub))
	s.content = httptest.NewServer(http.HandlerFunc(s.serveContent))
	s.URL = s.hub.URL
	return s
}

// Close ends all connections.
func (s *Server) Close() {
	s.hub.CloseClientConnections()
	s.content.CloseClientConnections()
	s.hub.Close()
	s.content.Close()
}

// Requests are those seen so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.seen...)
}

func (s *Server) see(r *http.Request, content bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, Request{content, path.Base(r.URL.Path), r.Header.Get("Authorization"), r.Header.Get("Range")})
}

func (s *Server) serveHub(w http.ResponseWriter, r *http.Request) {
	s.see(r, false)
	if s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token {
		http.Error(w, "Invalid credentials in Authorization header", http.StatusUnauthorized)
		return
	}
	if s.Hub != nil && s.Hub(w, r) {
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/"+Repo+"/resolve/"+Revision+"/")
	data, there := s.Files[name]
	if !ok || !there {
		http.Error(w, "Entry not found", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("X-Repo-Commit", Revision)
	if !strings.HasSuffix(name, ".onnx") {
		h.Set("ETag", `"`+Blob(data)+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		return
	}
	h.Set("X-Linked-Etag", `"`+SHA256(data)+`"`)
	h.Set("X-Linked-Size", strconv.Itoa(len(data)))
	http.Redirect(w, r, s.content.URL+"/"+name+"?"+Signature, http.StatusFound)
}

func (s *Server) serveContent(w http.ResponseWriter, r *http.Request) {
	s.see(r, true)
	if s.Content != nil && s.Content(w, r) {
		return
	}
	data := s.Files[strings.TrimPrefix(r.URL.Path, "/")]
	w.Header().Set("ETag", `"of the content host, no hash"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// SHA256 is the hash of data in hex.
func SHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Blob is git's object id of data.
func Blob(data []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))
	return hex.EncodeToString(sum[:])
}
