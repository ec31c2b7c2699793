package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/config"
)

// FuzzConfig: reading the same text twice gives the same tree or the same error,
// what is accepted prints no key, and nothing panics.
func FuzzConfig(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(smallest))
	f.Add([]byte(withKeys))
	f.Add([]byte("a: &a [*a]\nmodels: *a\n"))
	f.Add([]byte("<<: {log: {level: debug}}\nmodels: !!binary aGk=\n"))
	f.Add([]byte("? [a, b]\n: c\n1: 2\ntrue: {}\n"))
	f.Setenv("VSR_TEST_KEY", canary)
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg, err := config.Parse("fuzz/config.yaml", text)
		again, errAgain := config.Parse("fuzz/config.yaml", text)
		if err != nil || errAgain != nil {
			if err == nil || errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("first %v\nthen %v", err, errAgain)
			}
			if strings.Contains(err.Error(), canary) {
				t.Fatalf("the error shows a key: %v", err)
			}
			return
		}
		if !reflect.DeepEqual(cfg, again) {
			t.Fatalf("first %+v\nthen %+v", cfg, again)
		}
		if strings.Contains(printed(t, cfg), canary) {
			t.Fatal("the printed tree shows a key")
		}
	})
}
