package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse: any bytes are read or refused, and what is read has a kind.
func FuzzParse(f *testing.F) {
	f.Add([]byte("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n# nothing\n"))
	f.Add([]byte("a: 1\na: 2\n"))
	f.Add([]byte("--- |\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, err := parse(data)
		for _, o := range objects {
			if err == nil && o.GetKind() == "" {
				t.Errorf("an object without a kind: %v", o.Object)
			}
		}
	})
}

// FuzzReadCommands: no page ends the reader, and a command is on one line.
func FuzzReadCommands(f *testing.F) {
	f.Add("```console\n$ kubectl get pods \\\n  -n a\n```\n")
	f.Add("```console\n$ \\")
	f.Fuzz(func(t *testing.T, page string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "page.md"), []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
		commands, err := readCommands(dir, "page.md")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commands {
			if strings.Contains(c.text, "\n") {
				t.Errorf("%q", c.text)
			}
			guideFindings(dir, []command{c}, nil)
		}
	})
}
