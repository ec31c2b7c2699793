package models_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify/models"
)

// C8: wrong labels and every other bad manifest refuse, naming the manifest and
// what is wrong with it, in one line.
func TestBadManifestIsRefused(t *testing.T) {
	type fields = map[string]any
	set := func(key string, value any) func(fields) { return func(m fields) { m[key] = value } }
	for name, c := range map[string]struct {
		change func(fields)
		want   string
	}{
		"unknown field":        {set("labells", []string{"a"}), "labells"},
		"unknown nested field": {set("accuracy", fields{"f1": 1}), "f1"},
		"wrong case":           {set("Labels", []string{"a", "b"}), "Labels"},
		"other format":         {set("format", 2), "format is 2"},
		"no name":              {set("name", " "), "name and version"},
		"no version":           {set("version", ""), "name and version"},
		"no labels":            {set("labels", []string{}), "labels: 0"},
		"one label":            {set("labels", []string{"a"}), "labels: 1"},
		"empty label":          {set("labels", []string{"a", ""}), `labels[1]: ""`},
		"label twice":          {set("labels", []string{"a", "b", "a"}), `labels[2]: "a" is there twice`},
		"label with space":     {set("labels", []string{"a", "b "}), `labels[1]: "b "`},
		"label no string":      {set("labels", []any{"a", 1}), "labels"},
		"window 0":             {set("window", 0), "window: 0"},
		"window huge":          {set("window", 1<<20), "window: 1048576"},
		"window a fraction":    {set("window", 1.5), "window"},
		"overlap negative":     {set("overlap", -1), "overlap: -1"},
		"overlap fills window": {set("overlap", 8), "overlap: 8"},
		"temperature 0":        {set("temperature", 0), "temperature: 0"},
		"temperature negative": {set("temperature", -2), "temperature: -2"},
		"temperature huge":     {set("temperature", 1e9), "temperature: 1e+09"},
		"accuracy over 1":      {set("accuracy", fields{"rows": 1, "top1": 83}), "top1 83"},
		"no files":             {set("files", fields{}), "model.onnx needs a SHA-256"},
		"hash in upper case":   {set("files", fields{"model.onnx": strings.Repeat("A", 64)}), "model.onnx needs a SHA-256"},
		"file from elsewhere": {func(m fields) {
			m["files"].(map[string]string)["../../etc/passwd"] = strings.Repeat("a", 64)
		}, "files: 3 named"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := valid()
			c.change(f.manifest)
			f.write(t, dir)
			refused(t, dir, filepath.Join(dir, models.ManifestFile), c.want)
		})
	}
}

func TestManifestThatIsNotOneJSONObjectIsRefused(t *testing.T) {
	good := string(valid().content(models.ManifestFile))
	for name, text := range map[string]string{
		"empty":         "",
		"null":          "null",
		"array":         "[]",
		"cut":           good[:len(good)/2],
		"trailing data": good + "{}",
		"field twice":   strings.Replace(good, "{", `{"format":1,`, 1),
		"bad UTF-8":     strings.Replace(good, `"name":"`, "\"name\":\"\xff", 1),
		"not a number":  strings.Replace(good, `"temperature":1`, `"temperature":NaN`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if text == good {
				t.Fatal("the case changes nothing")
			}
			dir := t.TempDir()
			valid().write(t, dir)
			write(t, dir, models.ManifestFile, []byte(text))
			refused(t, dir, filepath.Join(dir, models.ManifestFile))
		})
	}
}
