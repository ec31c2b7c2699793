package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vsr-proxy/vsr-proxy/classify/models"
	"github.com/vsr-proxy/vsr-proxy/config"
)

func newModelsList() *cobra.Command {
	var file string
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the installed classifiers with their heads, labels, accuracy and hashes",
		Long: "List shows the classifier in the binary and those that a configuration names, each\n" +
			"checked against its manifest. It exits with 1 when one can't be used.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := configOrDemo(file)
			if err != nil {
				return err
			}
			installed, failed := install(cfg.Classify)
			if asJSON {
				err = printJSON(c.OutOrStdout(), struct {
					Models []installedModel `json:"models"`
				}{installed})
			} else {
				err = printModels(c.OutOrStdout(), installed)
			}
			for _, f := range failed {
				fmt.Fprintln(c.ErrOrStderr(), "vsr-proxy:", f)
				err = errSaid
			}
			return err
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "", "configuration `file` whose classifiers are listed too")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// installedModel is a classifier and what a configuration uses of it.
type installedModel struct {
	Name    string            `json:"name"`
	Version string            `json:"version"`
	Origin  string            `json:"origin"`
	Bytes   int64             `json:"bytes"`
	Window  int               `json:"window"`
	Overlap int               `json:"overlap"`
	Heads   []installedHead   `json:"heads"`
	SHA256  map[string]string `json:"sha256"`
}

type installedHead struct {
	Name      string           `json:"name"`
	Kind      string           `json:"kind"`
	Labels    []string         `json:"labels"`
	Positive  string           `json:"positive,omitzero"`
	Threshold float64          `json:"threshold,omitzero"`
	Accuracy  *models.Accuracy `json:"accuracy"` // null where nobody measured it
	InUse     bool             `json:"in_use"`
}

// install loads the embedded model and those of a configuration, each folder
// once. Those that fail are left out.
func install(c config.Classify) (installed []installedModel, failed []error) {
	folders := []string{"", c.ModelDir}
	given := map[string]string{} // the folder of a head with a model of its own
	for _, h := range c.Heads {
		folders = append(folders, h.ModelDir)
		given[h.Head] = h.ModelDir
	}
	for i, folder := range folders {
		if slices.Index(folders, folder) < i {
			continue
		}
		b, err := loadBundle(folder)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		installed = append(installed, installedOf(b, func(head string) bool {
			own, has := given[head]
			return has && own == folder || !has && c.ModelDir == folder
		}))
	}
	return installed, failed
}

func installedOf(b models.Bundle, inUse func(head string) bool) installedModel {
	m := installedModel{
		Name: b.Name, Version: b.Version, Origin: b.Origin, Bytes: int64(len(b.ONNX) + len(b.Tokenizer)),
		Window: b.Window, Overlap: b.Overlap, SHA256: b.SHA256,
	}
	for _, h := range b.Heads {
		one := installedHead{
			Name: h.Name, Kind: string(h.Kind), Labels: h.Labels, Positive: h.Positive, Threshold: h.Threshold, InUse: inUse(h.Name),
		}
		if h.Accuracy.Rows > 0 {
			one.Accuracy = &h.Accuracy
		}
		m.Heads = append(m.Heads, one)
	}
	return m
}

// printModels is the form for people.
func printModels(out io.Writer, all []installedModel) error {
	var b strings.Builder
	for i, m := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s %s\n", m.Name, m.Version)
		fmt.Fprintf(&b, "  origin   %s, %s\n", m.Origin, megabytes(m.Bytes))
		fmt.Fprintf(&b, "  window   %d tokens, neighbours share %d\n", m.Window, m.Overlap)
		for _, h := range m.Heads {
			fmt.Fprintf(&b, "  head     %s\n", describeHead(h))
			fmt.Fprintf(&b, "           labels: %s\n", strings.Join(h.Labels, ", "))
		}
		for _, name := range []string{models.ModelFile, models.TokenizerFile, models.ManifestFile} {
			fmt.Fprintf(&b, "  sha256   %s  %s\n", m.SHA256[name], name)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func describeHead(h installedHead) string {
	text := fmt.Sprintf("%s, %s, ", h.Name, h.Kind)
	if h.Accuracy == nil {
		text += "accuracy not measured"
	} else {
		text += fmt.Sprintf("accuracy %.3f and calibration error %.3f on %d rows", h.Accuracy.Top1, h.Accuracy.ECE, h.Accuracy.Rows)
	}
	if h.Positive != "" {
		text += fmt.Sprintf(", looks for %q at %g", h.Positive, h.Threshold)
	}
	if !h.InUse {
		text += ", not in use"
	}
	return text
}

func megabytes(n int64) string {
	if n < 100_000 {
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
