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
	set := func(key string, value any) func(*bundle) { return func(b *bundle) { b.manifest[key] = value } }
	head := func(i int, key string, value any) func(*bundle) { return func(b *bundle) { b.head(i)[key] = value } }
	without := func(i int, key string) func(*bundle) { return func(b *bundle) { delete(b.head(i), key) } }
	for name, c := range map[string]struct {
		change func(*bundle)
		want   string
	}{
		"unknown field":          {set("labels", []string{"a"}), "labels"},
		"unknown field of head":  {head(0, "labells", []string{"a"}), "labells"},
		"unknown nested field":   {head(0, "accuracy", fields{"f1": 1}), "f1"},
		"wrong case":             {set("Heads", []any{}), "Heads"},
		"other format":           {set("format", 1), "format is 1"},
		"no name":                {set("name", " "), "name and version"},
		"no version":             {set("version", ""), "name and version"},
		"no heads":               {set("heads", []any{}), "heads: 0 given"},
		"head without name":      {head(1, "name", ""), `heads[1].name: ""`},
		"head twice":             {head(1, "name", "topic"), `heads[1].name: "topic" is there twice`},
		"head without output":    {without(0, "output"), `heads[0].output: ""`},
		"output twice":           {head(2, "output", "topic"), `heads[2].output: "topic" is there twice`},
		"no kind":                {without(0, "kind"), `heads[0]: head "topic": kind is ""`},
		"other kind":             {head(0, "kind", "pair"), `kind is "pair"`},
		"no labels":              {head(0, "labels", []string{}), "heads[0].labels: 0"},
		"one label":              {head(0, "labels", []string{"a"}), "heads[0].labels: 1"},
		"empty label":            {head(0, "labels", []string{"a", ""}), `heads[0].labels[1]: ""`},
		"label twice":            {head(0, "labels", []string{"a", "b", "a"}), `heads[0].labels[2]: "a" is there twice`},
		"label with space":       {head(0, "labels", []string{"a", "b "}), `heads[0].labels[1]: "b "`},
		"label no string":        {head(0, "labels", []any{"a", 1}), "labels"},
		"window 0":               {set("window", 0), "window: 0"},
		"window huge":            {set("window", 1<<20), "window: 1048576"},
		"window a fraction":      {set("window", 1.5), "window"},
		"overlap negative":       {set("overlap", -1), "overlap: -1"},
		"overlap fills window":   {set("overlap", 8), "overlap: 8"},
		"no temperature":         {without(2, "temperature"), "heads[2].temperature: 0"},
		"temperature negative":   {head(0, "temperature", -2), "heads[0].temperature: -2"},
		"temperature huge":       {head(0, "temperature", 1e9), "heads[0].temperature: 1e+09"},
		"accuracy over 1":        {head(0, "accuracy", fields{"rows": 1, "top1": 83}), "top1 83"},
		"no merge":               {without(0, "merge"), `merge is ""`},
		"other merge":            {head(0, "merge", "median"), `merge is "median"`},
		"maximum of nothing":     {head(0, "merge", "max"), "needs a positive label"},
		"positive is no label":   {head(1, "positive", "maybe"), `positive "maybe"`},
		"no threshold":           {without(1, "threshold"), "threshold is 0"},
		"threshold over 1":       {head(1, "threshold", 40), "threshold is 40"},
		"threshold for nothing":  {head(0, "threshold", 0.5), "a threshold needs a positive label"},
		"discount of a mean":     {head(0, "discount", 0.5), "a discount is for merging by"},
		"discount over 1":        {head(1, "discount", 1.5), "discount is 1.5"},
		"token head merged":      {head(2, "merge", "mean"), "for sequence heads"},
		"tokens without outside": {head(2, "labels", []string{"B-PERSON", "I-PERSON"}), `needs the label "O"`},
		"tokens without a type":  {head(2, "labels", []string{"O", "PERSON"}), `"PERSON" is not "O"`},
		"no files":               {set("files", fields{}), "model.onnx needs a SHA-256"},
		"hash in upper case":     {set("files", fields{"model.onnx": strings.Repeat("A", 64)}), "model.onnx needs a SHA-256"},
		"file from elsewhere": {func(b *bundle) {
			b.manifest["files"].(map[string]string)["../../etc/passwd"] = strings.Repeat("a", 64)
		}, "files: 3 named"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := valid()
			c.change(f)
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
		"field twice":   strings.Replace(good, "{", `{"format":2,`, 1),
		"bad UTF-8":     strings.Replace(good, `"name":"`, "\"name\":\"\xff", 1),
		"not a number":  strings.Replace(good, `"window":8`, `"window":NaN`, 1),
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
