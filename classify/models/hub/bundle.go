package hub

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/models"
)

// write makes the bundle beside its place, has it read back, and moves it there.
func (p *pull) write() (err error) {
	staging := filepath.Join(p.partial, "bundle")
	if err := os.RemoveAll(staging); err != nil {
		return err
	}
	if err := os.Mkdir(staging, 0o755); err != nil {
		return err
	}
	tokenizer := filepath.Join(staging, models.TokenizerFile)
	if err := os.WriteFile(tokenizer, p.tokenizer, 0o644); err != nil {
		return err
	}
	graph := p.files[len(p.files)-1]
	p.manifest = p.describeBundle(graph, digestOf(p.tokenizer))
	manifest, err := json.Marshal(p.manifest, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		models.ManifestFile: append(manifest, '\n'),
		"README.md":         []byte(p.readme()),
	} {
		if err := os.WriteFile(filepath.Join(staging, name), data, 0o644); err != nil {
			return err
		}
	}
	moved := filepath.Join(staging, models.ModelFile)
	if err := os.Rename(graph.local, moved); err != nil {
		return err
	}
	// The large file isn't lost when something is wrong with the rest.
	defer func() {
		if err != nil {
			_ = os.Rename(moved, graph.local)
		}
	}()
	if err := os.Chmod(moved, 0o644); err != nil {
		return err
	}
	if _, err := models.Load(staging); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p.order.Dir), 0o755); err != nil {
		return err
	}
	return os.Rename(staging, p.order.Dir)
}

// maxOverlap is how many tokens neighbouring windows share: what a guard or a
// span needs to see in one piece is rarely longer.
const maxOverlap = 64

// describeBundle is the manifest.
func (p *pull) describeBundle(graph File, tokenizer string) models.Manifest {
	return models.Manifest{
		Format: models.Format, Name: p.order.Repo, Version: p.order.Revision[:12],
		Window: p.window, Overlap: min(maxOverlap, p.window/4), Heads: []models.Head{p.head},
		Files: map[string]string{models.ModelFile: graph.SHA256, models.TokenizerFile: tokenizer},
	}
}

// readme is the bundle's model card: where it came from and what is known of it.
func (p *pull) readme() string {
	h := p.head
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s", p.order.Repo)
	line("")
	line("Downloaded and converted by `vsr-proxy models pull`. Nobody has measured it here: `vsr-proxy eval` does.")
	line("")
	line("- **Repository**: %s/%s, revision `%s`", p.endpoint, p.order.Repo, p.order.Revision)
	line("- **Licence**, as its model card states it: %s", p.card)
	line("- **Head**: %s, kind %s, graph output `%s`", h.Name, h.Kind, h.Output)
	line("- **Labels**, in the order of the logits: %s", strings.Join(quoted(h.Labels), ", "))
	if h.Positive != "" {
		line("- **Looks for**: `%s`, at a probability of %g", code(h.Positive), h.Threshold)
	}
	if h.Kind == classify.KindSequence {
		line("- **Windows** of a long text are combined by: %s", h.Merge)
	}
	line("- **Window**: %d tokens of text, neighbours share %d", p.manifest.Window, p.manifest.Overlap)
	line("- **Temperature**: 1, the probabilities are the publisher's")
	line("")
	line("| file, as downloaded | bytes | SHA-256 | vouched for by |")
	line("| --- | --- | --- | --- |")
	for _, f := range p.files {
		line("| %s | %d | `%s` | %s |", f.Name, f.Bytes, f.SHA256, f.Trust)
	}
	line("")
	line("`tokenizer.json` here has `padding` and `truncation` set to null, and is otherwise the file above. The hashes of")
	line("`model.onnx` and `tokenizer.json` as they are here stand in `manifest.json`; `vsr-proxy models verify` checks them.")
	return b.String()
}

func quoted(labels []string) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = "`" + code(l) + "`"
	}
	return out
}

// code makes a stranger's label fit between backquotes.
func code(label string) string {
	return strings.Map(func(r rune) rune {
		if r == '`' || r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, label)
}
