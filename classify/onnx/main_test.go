package onnx

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/vsr-proxy/vsr-proxy/classify"
	"github.com/vsr-proxy/vsr-proxy/classify/accel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// library is the path of the ONNX Runtime to test with.
func library(t testing.TB) string {
	t.Helper()
	path := os.Getenv("VSR_ONNXRUNTIME")
	if path == "" {
		path = filepath.Join("..", "..", ".cache", "onnxruntime-1.24.4", LibraryFile())
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("ONNX Runtime is needed: run `make deps`, or set VSR_ONNXRUNTIME to its path: %v", err)
	}
	return path
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// tiny are the options for the model that testdata/tiny.py describes.
func tiny(t testing.TB) Options {
	t.Helper()
	return Options{
		Name:        "tiny",
		Graph:       testdata(t, "tiny.onnx"),
		Tokenizer:   testdata(t, "tokenizer.json"),
		Heads:       []Head{tinyHead("alpha", "beta", "gamma")},
		Window:      16,
		Library:     library(t),
		Accelerator: accel.CPU,
	}
}

func tinyHead(labels ...string) Head {
	return Head{classify.Head{
		Name: "topic", Kind: classify.KindSequence, Labels: labels, Temperature: 1, Merge: classify.MergeMean,
	}, "logits"}
}

func mustOpen(t testing.TB, o Options) *Model {
	t.Helper()
	m, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func mustTokenize(t testing.TB, m *Model, text string) []uint32 {
	t.Helper()
	tokens, err := m.Tokenize(text)
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(tokens)
}

func idsOf(tokens []classify.Token) []uint32 {
	var ids []uint32
	for _, token := range tokens {
		ids = append(ids, token.ID)
	}
	return ids
}
