package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/models"
)

// Order says what to make a bundle of.
type Order struct {
	// Repo is OWNER/NAME, Revision the full commit.
	Repo, Revision string
	// File is the ONNX file within the repository; empty means DefaultFile.
	File string
	// Pins are the SHA-256 that files must have, by their name within the
	// repository. The ONNX file should have one.
	Pins map[string]string
	// Head is what the classifier answers: domain, jailbreak, complexity, pii, or
	// a name of the caller's own.
	Head string
	// Positive is the label that the head looks for; empty leaves it to be told by
	// its name where there are two. The heads jailbreak and complexity need one.
	Positive string
	// Window is the tokens of text in a window; zero means what the model has
	// positions for, DefaultWindow at most.
	Window int
	// Dir is the folder to make. It must not be there yet. What isn't finished is
	// beside it, with the ending .partial.
	Dir string
}

// DefaultFile is where exporters put the graph.
const DefaultFile = "onnx/model.onnx"

// Bounds on the sizes of files in bytes. The last two are those of package models.
const (
	maxConfig    = 1 << 20
	maxCard      = 1 << 20
	maxTokConfig = 16 << 20 // some repeat thousands of added tokens in it
	maxTokenizer = 64 << 20
	maxModel     = 2 << 30
)

// Pulled is a finished bundle.
type Pulled struct {
	Manifest models.Manifest
	// License is what the model card says, for people; "not stated" if it doesn't.
	License string
	// Files are what was downloaded, the ONNX file last.
	Files []File
}

var headName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// check gives all that is wrong with an order.
func (o *Order) check() error {
	if o.File == "" {
		o.File = DefaultFile
	}
	wrong := []error{CheckRepo(o.Repo), CheckRevision(o.Revision), checkFile(o.File)}
	if !headName.MatchString(o.Head) {
		wrong = append(wrong, fmt.Errorf("head is %q, needs a name such as domain, jailbreak, complexity or pii", o.Head))
	}
	pins := make(map[string]string, len(o.Pins))
	for name, text := range o.Pins {
		pin, err := checkPin(text)
		pins[name], wrong = pin, append(wrong, err)
	}
	o.Pins = pins
	if o.Window < 0 {
		wrong = append(wrong, fmt.Errorf("window is %d tokens, needs at least 1", o.Window))
	}
	if o.Dir == "" {
		wrong = append(wrong, errors.New("a folder to write is needed"))
	} else if _, err := os.Lstat(o.Dir); err == nil {
		wrong = append(wrong, fmt.Errorf("%s is there already: name another folder, or remove it", o.Dir))
	}
	return errors.Join(wrong...)
}

// Pull downloads a classifier and makes a bundle of it.
func (c *Client) Pull(ctx context.Context, o Order, progress Progress) (Pulled, error) {
	if err := o.check(); err != nil {
		return Pulled{}, err
	}
	o.Dir = filepath.Clean(o.Dir)
	partial := o.Dir + ".partial"
	if err := os.MkdirAll(partial, 0o755); err != nil {
		return Pulled{}, err
	}
	defer os.Remove(partial) // goes only if nothing is in it
	p := &pull{Client: c, order: o, partial: partial, progress: progress}
	if err := p.read(ctx); err != nil {
		return Pulled{}, err
	}
	if err := p.fetchGraph(ctx); err != nil {
		return Pulled{}, err
	}
	if err := p.write(); err != nil {
		return Pulled{}, err
	}
	return Pulled{Manifest: p.manifest, License: p.card.String(), Files: p.files}, os.RemoveAll(partial)
}

// pull is one order being carried out.
type pull struct {
	*Client
	order    Order
	partial  string
	progress Progress

	files     []File
	head      models.Head
	window    int
	tokenizer []byte
	card      card
	manifest  models.Manifest
}

// read fetches the small files and works out what the manifest says.
func (p *pull) read(ctx context.Context) error {
	config, err := p.small(ctx, "config.json", maxConfig)
	if err != nil {
		return err
	}
	tokenizerConfig, err := p.small(ctx, "tokenizer_config.json", maxTokConfig)
	if err != nil && !errors.Is(err, errNotThere) {
		return err
	}
	d, err := describe(config, tokenizerConfig)
	if err != nil {
		return err
	}
	if p.head, err = headOf(d, p.order); err != nil {
		return err
	}
	if p.window, err = windowOf(d, p.order.Window); err != nil {
		return err
	}
	tokenizer, err := p.small(ctx, "tokenizer.json", maxTokenizer)
	if errors.Is(err, errNotThere) {
		return fmt.Errorf("%w (a tokenizer in the older formats, vocab.txt or a SentencePiece model, can't be read)", err)
	}
	if err != nil {
		return err
	}
	if p.tokenizer, err = untruncated(tokenizer); err != nil {
		return err
	}
	text, err := p.small(ctx, "README.md", maxCard)
	if err != nil && !errors.Is(err, errNotThere) {
		return err
	}
	p.card = readCard(string(text))
	return nil
}

// small fetches a file of the repository's top or, if it isn't there, of the ONNX
// file's folder.
func (p *pull) small(ctx context.Context, name string, limit int64) ([]byte, error) {
	pin := p.order.Pins[name]
	file, err := p.fetch(ctx, name, pin, limit)
	if beside := path.Join(path.Dir(p.order.File), name); errors.Is(err, errNotThere) && beside != name {
		// A hub that denies the pinned file must not get another one taken for it.
		if other, second := p.fetch(ctx, beside, cmp.Or(p.order.Pins[beside], pin), limit); !errors.Is(second, errNotThere) {
			file, err = other, second
		}
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(file.local)
}

func (p *pull) fetch(ctx context.Context, name, pin string, limit int64) (File, error) {
	file, err := p.download(ctx, order{
		repo: p.order.Repo, revision: p.order.Revision, name: name,
		folder: p.partial, limit: limit, pin: pin, progress: p.progress,
	})
	if err == nil {
		p.files = append(p.files, file)
	}
	return file, err
}

func (p *pull) fetchGraph(ctx context.Context) error {
	file, err := p.fetch(ctx, p.order.File, p.order.Pins[p.order.File], maxModel)
	if err != nil {
		return err
	}
	f, err := os.Open(file.local)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := checkGraph(f); err != nil {
		return fmt.Errorf("%s: %w", p.order.File, err)
	}
	return nil
}

// headOf is the one head of a published classifier.
func headOf(d described, o Order) (models.Head, error) {
	h := models.Head{Name: o.Head, Kind: d.kind, Output: Output, Labels: d.labels, Temperature: 1}
	if wants := kindOfHead(o.Head); wants != "" && wants != d.kind {
		return h, fmt.Errorf("head %s labels each %s, and the model is a %s classifier", o.Head, unit(wants), d.kind)
	}
	if d.kind == classify.KindToken {
		if o.Positive != "" {
			return h, errors.New("a positive label is for heads that label whole texts")
		}
		return h, nil
	}
	h.Merge = classify.MergeMean
	if o.Head == "jailbreak" {
		h.Merge = classify.MergeMax // one bad passage makes a bad text
	}
	if o.Head == "domain" && o.Positive == "" {
		return h, nil // subjects are equals
	}
	var err error
	needed := o.Head == "jailbreak" || o.Head == "complexity"
	if h.Positive, err = positiveOf(d.labels, o.Positive); err != nil && (needed || o.Positive != "") {
		return h, err
	}
	if h.Positive != "" {
		h.Threshold = 0.5
	} else if needed {
		return h, fmt.Errorf("head %s needs a positive label; the model has %s", o.Head, list(d.labels))
	}
	return h, nil
}

// kindOfHead is the kind that the heads with a meaning to the router are of.
func kindOfHead(name string) classify.Kind {
	switch name {
	case "domain", "jailbreak", "complexity":
		return classify.KindSequence
	case "pii":
		return classify.KindToken
	}
	return ""
}

func unit(k classify.Kind) string {
	if k == classify.KindToken {
		return "token"
	}
	return "text"
}
