package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/models"
	"github.com/vsr-proxy/vsr-proxy/config"
)

// part is a model and the heads that it answers for.
type part struct {
	manifest models.Manifest
	heads    []models.Head
}

// bundle is a part that can be opened.
type bundle struct {
	part
	onnx, tokenizer []byte
}

// loadBundles reads and checks the models of a configuration: first the one that
// answers for all heads but those that classify.heads gives to others, if any is
// left, then the others, each folder once.
func loadBundles(c config.Classify) ([]bundle, error) {
	base, err := loadBundle(c.ModelDir)
	if err != nil {
		return nil, err
	}
	var left []models.Head
	for _, h := range base.Heads {
		if !slices.ContainsFunc(c.Heads, func(other config.HeadModel) bool { return other.Head == h.Name }) {
			left = append(left, h)
		}
	}
	var all []bundle
	if len(left) > 0 {
		all = append(all, bundle{part{base.Manifest, left}, base.ONNX, base.Tokenizer})
	}
	at := make(map[string]int) // of a folder's bundle in all
	for i, h := range c.Heads {
		if _, ok := at[h.ModelDir]; !ok {
			other, err := models.Load(h.ModelDir)
			if err != nil {
				return nil, fmt.Errorf("classify.heads[%d]: %w", i, err)
			}
			at[h.ModelDir] = len(all)
			all = append(all, bundle{part{other.Manifest, nil}, other.ONNX, other.Tokenizer})
		}
		b := &all[at[h.ModelDir]]
		head, ok := b.manifest.Head(h.Head)
		if !ok {
			return nil, fmt.Errorf("classify.heads[%d]: the model in %s has no head %q; its heads are %s",
				i, h.ModelDir, h.Head, namesOfHeads(b.manifest.Heads))
		}
		b.heads = append(b.heads, head)
	}
	return all, nil
}

func loadBundle(folder string) (models.Bundle, error) {
	if folder == "" {
		return models.Default()
	}
	return models.Load(folder)
}

func namesOfHeads(heads []models.Head) string {
	names := make([]string, len(heads))
	for i, h := range heads {
		names[i] = h.Name
	}
	return strings.Join(names, ", ")
}

// headsOf are all that answer in a configuration.
func headsOf(bundles []bundle) []classify.Head {
	var all []classify.Head
	for _, b := range bundles {
		for _, h := range b.heads {
			all = append(all, h.Question())
		}
	}
	return all
}
