package models

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// Format is the manifest version this package reads.
const Format = 2

// Bounds on a manifest's values.
const (
	maxHeads       = 64
	maxLabels      = 1024
	maxWindow      = 1 << 16
	maxTemperature = 100
)

// Manifest says what a bundle's files are. All fields are required.
type Manifest struct {
	// Format is the layout's version, 2.
	Format int `json:"format"`
	// Name and Version identify the model in logs and metrics.
	Name    string `json:"name"`
	Version string `json:"version"`
	// Window is how many tokens of text one run takes, special tokens not counted.
	Window int `json:"window"`
	// Overlap is how many tokens neighbouring windows of a long text share.
	Overlap int `json:"overlap"`
	// Heads are the questions that one run answers, at least one.
	Heads []Head `json:"heads"`
	// Files has the SHA-256 of model.onnx and tokenizer.json in lower-case hex.
	Files map[string]string `json:"files"`
}

// Head is one question and where the graph answers it; see [classify.Head].
// Merge, Positive, Threshold and Discount are for sequence heads alone.
type Head struct {
	Name string `json:"name"`
	// Kind is sequence or token.
	Kind classify.Kind `json:"kind"`
	// Output is the graph's output: float32 [batch, labels] of a sequence head,
	// [batch, sequence, labels] of a token head.
	Output string `json:"output"`
	// Labels in the order of the output's logits.
	Labels []string `json:"labels"`
	// Temperature divides the logits before the softmax (Guo et al. 2017, "On
	// Calibration of Modern Neural Networks", equation 9).
	Temperature float64 `json:"temperature"`
	// Merge is mean or max; see [classify.Merge].
	Merge classify.Merge `json:"merge,omitzero"`
	// Positive is the label that the text gets when its probability is at least
	// Threshold. A head may have neither.
	Positive  string  `json:"positive,omitzero"`
	Threshold float64 `json:"threshold,omitzero"`
	// Discount of a head that merges by max; see [classify.Head].
	Discount float64 `json:"discount,omitzero"`
	// Accuracy on the development rows; zero where nobody measured it.
	Accuracy Accuracy `json:"accuracy,omitzero"`
}

// Question is the head as a classifier knows it.
func (h Head) Question() classify.Head {
	return classify.Head{
		Name: h.Name, Kind: h.Kind, Labels: h.Labels, Temperature: h.Temperature,
		Merge: h.Merge, Positive: h.Positive, Threshold: h.Threshold, Discount: h.Discount,
	}
}

// Head is that of a name, if there is one.
func (m Manifest) Head(name string) (Head, bool) {
	for _, h := range m.Heads {
		if h.Name == name {
			return h, true
		}
	}
	return Head{}, false
}

// Accuracy is what a model scored on rows it was not trained on.
type Accuracy struct {
	// Rows is how many rows were scored.
	Rows int `json:"rows"`
	// Top1 is the share of rows, 0 to 1, whose likeliest label was the right one.
	Top1 float64 `json:"top1"`
	// ECE is the expected calibration error, 0 to 1, over 15 equal-width bins of
	// the likeliest label's probability, after the temperature.
	ECE float64 `json:"ece"`
}

// parseManifest decodes strictly: unknown or repeated names, names in the wrong
// case, bad UTF-8 and trailing data are errors.
func parseManifest(data []byte) (Manifest, error) {
	var m Manifest
	data = bytes.TrimSpace(data)
	if err := json.Unmarshal(data, &m, json.RejectUnknownMembers(true)); err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	if m.Format != Format {
		return Manifest{}, fmt.Errorf("format is %d, this program reads %d", m.Format, Format)
	}
	err := errors.Join(checkNames(m), checkNumbers(m), checkHeads(m.Heads), checkFiles(m.Files))
	if err != nil {
		// One line, for a start-up message: Join puts one error on each line.
		return Manifest{}, errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return m, nil
}

func checkNames(m Manifest) error {
	if strings.TrimSpace(m.Name) == "" || strings.TrimSpace(m.Version) == "" {
		return errors.New("name and version must not be empty")
	}
	return nil
}

func checkHeads(heads []Head) error {
	if len(heads) < 1 || len(heads) > maxHeads {
		return fmt.Errorf("heads: %d given, needs 1 to %d", len(heads), maxHeads)
	}
	names, outputs := make(map[string]bool), make(map[string]bool)
	var wrong []error
	for i, h := range heads {
		at := func(err error) error {
			if err == nil {
				return nil
			}
			return fmt.Errorf("heads[%d].%w", i, err)
		}
		wrong = append(wrong, at(onlyOne("name", h.Name, names)), at(onlyOne("output", h.Output, outputs)),
			at(checkLabels(h.Labels)), at(checkTemperature(h.Temperature)), at(checkAccuracy(h.Accuracy)))
		if err := h.Question().Check(); err != nil {
			wrong = append(wrong, fmt.Errorf("heads[%d]: %w", i, err))
		}
	}
	return errors.Join(wrong...)
}

// onlyOne refuses a name that is empty, has space around it, or was seen.
func onlyOne(what, name string, seen map[string]bool) error {
	switch {
	case name == "" || strings.TrimSpace(name) != name:
		return fmt.Errorf("%s: %q is empty or has space around it", what, name)
	case seen[name]:
		return fmt.Errorf("%s: %q is there twice", what, name)
	}
	seen[name] = true
	return nil
}

func checkLabels(labels []string) error {
	if len(labels) < 2 || len(labels) > maxLabels {
		return fmt.Errorf("labels: %d given, needs 2 to %d", len(labels), maxLabels)
	}
	seen := make(map[string]bool, len(labels))
	for i, l := range labels {
		if err := onlyOne(fmt.Sprintf("labels[%d]", i), l, seen); err != nil {
			return err
		}
	}
	return nil
}

func checkTemperature(t float64) error {
	if !(t > 0 && t <= maxTemperature) {
		return fmt.Errorf("temperature: %g, needs more than 0 and at most %d", t, maxTemperature)
	}
	return nil
}

func checkNumbers(m Manifest) error {
	if m.Window < 1 || m.Window > maxWindow {
		return fmt.Errorf("window: %d, needs 1 to %d tokens", m.Window, maxWindow)
	}
	if m.Overlap < 0 || m.Overlap >= m.Window {
		return fmt.Errorf("overlap: %d, needs 0 to %d tokens, less than the window", m.Overlap, m.Window-1)
	}
	return nil
}

func checkAccuracy(a Accuracy) error {
	share := func(v float64) bool { return !math.IsNaN(v) && v >= 0 && v <= 1 }
	if a.Rows < 0 || !share(a.Top1) || !share(a.ECE) {
		return fmt.Errorf("accuracy: rows %d, top1 %g, ece %g: needs a count and two shares of 1", a.Rows, a.Top1, a.ECE)
	}
	return nil
}

func checkFiles(files map[string]string) error {
	digest := regexp.MustCompile(`^[0-9a-f]{64}$`)
	for _, name := range []string{ModelFile, TokenizerFile} {
		if !digest.MatchString(files[name]) {
			return fmt.Errorf("files: %s needs a SHA-256 of 64 lower-case hex digits, has %q", name, files[name])
		}
	}
	if len(files) != 2 {
		return fmt.Errorf("files: %d named, only %s and %s are known", len(files), ModelFile, TokenizerFile)
	}
	return nil
}
