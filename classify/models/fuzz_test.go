package models

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A manifest is an operator's file: whatever it says, parsing ends with numbers
// that can be used, or with an error of one line.
func FuzzManifest(f *testing.F) {
	shipped, err := os.ReadFile(filepath.Join("default", ManifestFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(shipped)
	f.Add([]byte(`{"format":2,"heads":[{"name":"a","labels":["a","b"],"temperature":1e999}]}`))
	f.Add([]byte(`{"format":2,"files":{"model.onnx":"` + strings.Repeat("0", 64) + `"}}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
			return
		}
		if len(m.Heads) < 1 || m.Window < 1 || m.Overlap >= m.Window {
			t.Errorf("accepted %+v", m)
		}
		for _, h := range m.Heads {
			finite := !math.IsNaN(h.Temperature) && !math.IsInf(h.Temperature, 0)
			if len(h.Labels) < 2 || h.Temperature <= 0 || !finite || h.Output == "" || h.Question().Check() != nil {
				t.Errorf("accepted %+v", h)
			}
		}
	})
}
