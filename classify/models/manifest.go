package models

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
)

// Format is the manifest version this package reads.
const Format = 1

// Bounds on a manifest's values.
const (
	maxLabels      = 1024
	maxWindow      = 1 << 16
	maxTemperature = 100
)

// Manifest says what a bundle's files are. All fields are required but Accuracy.
type Manifest struct {
	// Format is the layout's version, 1.
	Format int `json:"format"`
	// Name and Version identify the model in logs and metrics.
	Name    string `json:"name"`
	Version string `json:"version"`
	// Labels in the order of the graph's logits.
	Labels []string `json:"labels"`
	// Window is how many tokens of text one run takes, special tokens not counted.
	Window int `json:"window"`
	// Overlap is how many tokens neighbouring windows of a long text share.
	Overlap int `json:"overlap"`
	// Temperature divides the logits before the softmax (Guo et al. 2017, "On
	// Calibration of Modern Neural Networks", equation 9).
	Temperature float64 `json:"temperature"`
	// Accuracy on the development rows; zero where nobody measured it.
	Accuracy Accuracy `json:"accuracy,omitzero"`
	// Files has the SHA-256 of model.onnx and tokenizer.json in lower-case hex.
	Files map[string]string `json:"files"`
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
	err := errors.Join(
		checkNames(m), checkLabels(m.Labels), checkNumbers(m), checkAccuracy(m.Accuracy), checkFiles(m.Files))
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

func checkLabels(labels []string) error {
	if len(labels) < 2 || len(labels) > maxLabels {
		return fmt.Errorf("labels: %d given, needs 2 to %d", len(labels), maxLabels)
	}
	seen := make(map[string]bool, len(labels))
	for i, l := range labels {
		if l == "" || strings.TrimSpace(l) != l {
			return fmt.Errorf("labels[%d]: %q is empty or has space around it", i, l)
		}
		if seen[l] {
			return fmt.Errorf("labels[%d]: %q is there twice", i, l)
		}
		seen[l] = true
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
	if !(m.Temperature > 0 && m.Temperature <= maxTemperature) {
		return fmt.Errorf("temperature: %g, needs more than 0 and at most %d", m.Temperature, maxTemperature)
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
