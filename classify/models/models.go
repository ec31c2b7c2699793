// Package models holds the classifier models that need no download: the default
// one, embedded in the binary, and the reader for a directory of the same layout
// with an operator's own model.
//
// A bundle is three files:
//
//	model.onnx      encoder and heads in one graph: input_ids and attention_mask
//	                (and token_type_ids where the graph asks for it), int64
//	                [batch, sequence], to an output for each head, float32
//	                [batch, labels] or, of token heads, [batch, sequence, labels]
//	tokenizer.json  Hugging Face tokenizers format, padding and truncation null
//	manifest.json   what the two are and their SHA-256; see [Manifest]
//
// Promises: a [Bundle] comes out only when every file is there, both hashes are
// those of the manifest, and the manifest has every field it needs and none that
// is unknown. Otherwise the error is one line that names the file, and for a
// hash both the found and the expected one. Nothing is fetched from anywhere.
//
// The package must not know what a model is for, nor how it is run: no ONNX
// Runtime, no tokenizer library, so it builds without cgo. That the graph's
// outputs are there and as wide as the label lists is for whoever opens the
// session to check.
package models

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The names of a bundle's files; they are fixed, so that a manifest cannot point
// outside its directory.
const (
	ModelFile     = "model.onnx"
	TokenizerFile = "tokenizer.json"
	ManifestFile  = "manifest.json"
)

// Upper bounds on file sizes in bytes: a wrong path must not fill the memory.
// 2 GiB is the most that a protobuf message, which an ONNX file is, can hold.
const (
	maxModel     = 2 << 30
	maxTokenizer = 64 << 20
	maxManifest  = 1 << 20
)

// The default model. As byte slices the linker places the files in the
// binary's data pages, which are mapped, not copied: they cost memory only while
// they are read, and the kernel may drop them afterwards.
var (
	//go:embed default/model.onnx
	defaultModel []byte
	//go:embed default/tokenizer.json
	defaultTokenizer []byte
	//go:embed default/manifest.json
	defaultManifest []byte
)

// Bundle is a model that passed its checks, ready to be opened by a runtime.
type Bundle struct {
	Manifest

	// ONNX and Tokenizer are the bytes of model.onnx and tokenizer.json. Callers
	// must not change them: the default model's are the binary's own pages.
	ONNX      []byte
	Tokenizer []byte
	// SHA256 has the lower-case hex digest of each of the bundle's three files
	// by name, as found in what was loaded.
	SHA256 map[string]string
	// Origin says where the bundle came from: "embedded" or the directory.
	Origin string
}

// Default returns the embedded model. It is checked like any other, which
// reads each of its bytes once.
func Default() (Bundle, error) {
	return assemble("embedded", map[string][]byte{
		ModelFile:     defaultModel,
		TokenizerFile: defaultTokenizer,
		ManifestFile:  defaultManifest,
	})
}

// Load reads and checks the bundle in directory dir.
func Load(dir string) (Bundle, error) {
	files := make(map[string][]byte, 3)
	for _, f := range []struct {
		name string
		max  int64
	}{{ManifestFile, maxManifest}, {TokenizerFile, maxTokenizer}, {ModelFile, maxModel}} {
		data, err := readBounded(filepath.Join(dir, f.name), f.max)
		if err != nil {
			return Bundle{}, fmt.Errorf("load model: %w", err)
		}
		files[f.name] = data
	}
	return assemble(dir, files)
}

// assemble checks files, which has all three, and makes a bundle of them.
func assemble(origin string, files map[string][]byte) (Bundle, error) {
	fail := func(name string, err error) (Bundle, error) {
		return Bundle{}, fmt.Errorf("load model: %s: %w", filepath.Join(origin, name), err)
	}
	m, err := parseManifest(files[ManifestFile])
	if err != nil {
		return fail(ManifestFile, err)
	}
	b := Bundle{
		Manifest:  m,
		ONNX:      files[ModelFile],
		Tokenizer: files[TokenizerFile],
		SHA256:    make(map[string]string, len(files)),
		Origin:    origin,
	}
	for name, data := range files {
		sum := sha256.Sum256(data)
		b.SHA256[name] = hex.EncodeToString(sum[:])
	}
	for _, name := range []string{ModelFile, TokenizerFile} {
		if found, want := b.SHA256[name], m.Files[name]; found != want {
			return fail(name, fmt.Errorf("SHA-256 is %s, expected %s by %s", found, want, ManifestFile))
		}
	}
	if err := checkTokenizer(b.Tokenizer); err != nil {
		return fail(TokenizerFile, err)
	}
	return b, nil
}

// checkTokenizer refuses a tokenizer that pads or truncates by itself. Files
// published with sentence encoders often do, and the library has no switch for
// it: the end of a long prompt would never be seen.
func checkTokenizer(data []byte) error {
	var spec struct {
		Padding    jsontext.Value `json:"padding"`
		Truncation jsontext.Value `json:"truncation"`
	}
	// Duplicate names are the tokenizer library's business; looking for them
	// would build a set of the whole vocabulary.
	if err := json.Unmarshal(data, &spec, jsontext.AllowDuplicateNames(true)); err != nil {
		return fmt.Errorf("read tokenizer: %w", err)
	}
	for _, f := range []struct {
		name  string
		value jsontext.Value
	}{{"padding", spec.Padding}, {"truncation", spec.Truncation}} {
		if len(f.value) > 0 && f.value.Kind() != 'n' {
			return fmt.Errorf("%q must be null: windows are cut and padded by the caller", f.name)
		}
	}
	return nil
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) (data []byte, err error) {
	// Before opening: opening a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s: %d bytes, at most %d are read", path, info.Size(), limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Exactly what was announced: a file that grows meanwhile fails its hash.
	data = make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}
