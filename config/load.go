package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"
)

// maxFile bounds the configuration file; a larger one is surely another file.
const maxFile = 1 << 20

// Load reads, completes and validates the file. Scalars can be overridden by
// environment variables: VSR_SERVER_LISTEN for server.listen. The error is
// *Invalid where the content is at fault.
func Load(file string) (*Config, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read config %s: %w", file, err)
	}
	return Parse(file, text)
}

// Parse is Load for text that is already in memory; name stands in for the file
// in errors, and its folder is where relative paths start.
func Parse(name string, text []byte) (*Config, error) {
	if len(text) > maxFile {
		return nil, &Invalid{File: name, Problems: []Problem{{Message: fmt.Sprintf("the file is larger than %s", Bytes(maxFile))}}}
	}
	doc, tree, err := readYAML(text)
	if err != nil {
		return nil, &Invalid{File: name, Problems: yamlProblems(err)}
	}
	lines := indexLines(doc)
	found, mistyped := checkShape(tree)
	cfg, err := merge(text)
	if len(mistyped) == 0 { // else the file's are the same errors
		decodeProblems(err, &mistyped)
	}
	if cfg != nil {
		cfg.resolve(filepath.Dir(name), &found)
		cfg.Routing.Signals.complete()
		cfg.validate(&found)
	}
	if all := placed(mistyped, found, lines); len(all) > 0 {
		return nil, &Invalid{File: name, Problems: all}
	}
	return cfg, nil
}

// readYAML gives the node tree, for lines, and the plain one. Duplicate keys,
// bad syntax and a second document are errors.
func readYAML(text []byte) (*yaml.Node, map[string]any, error) {
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("more than one YAML document")
		}
		return nil, nil, err
	}
	tree := map[string]any{}
	if len(doc.Content) > 0 {
		if top := doc.Content[0]; top.Kind != yaml.MappingNode && top.Tag != "!!null" {
			return nil, nil, fmt.Errorf("line %d: expected a mapping of sections", top.Line)
		}
		if wrong := keysThatAreNoText(&doc, nil); len(wrong) > 0 {
			return nil, nil, &yaml.TypeError{Errors: wrong}
		}
		if err := doc.Decode(&tree); err != nil {
			return nil, nil, err
		}
	}
	return &doc, tree, nil
}

// keysThatAreNoText finds what YAML allows as a key and the decoder of trees
// panics at: null, numbers, lists.
func keysThatAreNoText(n *yaml.Node, wrong []string) []string {
	for i, child := range n.Content {
		if isKey := n.Kind == yaml.MappingNode && i%2 == 0; isKey && child.Tag != "!!str" && child.Tag != "!!merge" {
			wrong = append(wrong, fmt.Sprintf("line %d: a key must be a text", child.Line))
		}
		wrong = keysThatAreNoText(child, wrong)
	}
	return wrong
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): (.*)$`)

// yamlProblems splits the YAML library's error text into lines and messages.
func yamlProblems(err error) []Problem {
	texts := []string{err.Error()}
	var typed *yaml.TypeError
	if errors.As(err, &typed) {
		texts = typed.Errors
	}
	var out []Problem
	for _, text := range texts {
		p := Problem{Message: strings.TrimPrefix(text, "yaml: ")}
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			fmt.Sscan(m[1], &p.Line)
			p.Message = m[2]
		}
		out = append(out, p)
	}
	return out
}

// checkShape holds the written tree against the types: found are unknown keys,
// mistyped are values of a wrong type.
func checkShape(tree map[string]any) (found, mistyped problems) {
	var meta mapstructure.Metadata
	options := decoding(new(Config))
	options.Metadata = &meta
	dec, err := mapstructure.NewDecoder(options)
	if err == nil {
		err = dec.Decode(tree)
	}
	decodeProblems(err, &mistyped)
	for _, key := range meta.Unused {
		found.add(key, "unknown key")
	}
	return found, mistyped
}

// decodeProblems turns the decoder's tree of errors into problems.
func decodeProblems(err error, out *problems) {
	switch e := err.(type) {
	case nil:
	case *mapstructure.DecodeError:
		out.add(e.Name(), "%s", plainType(e.Unwrap()))
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			decodeProblems(one, out)
		}
	case interface{ Unwrap() error }:
		decodeProblems(e.Unwrap(), out)
	default:
		out.add("", "%v", err)
	}
}

// plainType words a type error as an operator would.
func plainType(err error) string {
	var wrong *mapstructure.UnconvertibleTypeError
	if errors.As(err, &wrong) {
		return mismatch(reflect.TypeOf(wrong.Value), wrong.Expected.Type()).Error()
	}
	return err.Error()
}

func mismatch(from, to reflect.Type) error {
	return fmt.Errorf("expected %s, got %s", kindName(to), kindName(from))
}

func kindName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Bytes]():
		return "a size such as 32MiB"
	case t == reflect.TypeFor[time.Duration]():
		return "a duration such as 5s"
	case t == reflect.TypeFor[time.Time]():
		return "a date"
	}
	switch t.Kind() {
	case reflect.Map, reflect.Struct:
		return "a mapping"
	case reflect.Slice:
		return "a list"
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	}
	return t.String()
}

// merge lays the file over the defaults and the environment over both, and gives
// with an error what else could be decoded.
func merge(text []byte) (*Config, error) {
	v := viper.New()
	v.SetConfigType("yaml")
	v.SetEnvPrefix("VSR")
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	v.AutomaticEnv()
	var defaults map[string]any
	if err := mapstructure.Decode(Default(), &defaults); err != nil {
		return nil, fmt.Errorf("lay out defaults: %w", err)
	}
	for key, value := range defaults {
		v.SetDefault(key, value)
	}
	if err := v.ReadConfig(bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	cfg := new(Config)
	err := v.Unmarshal(cfg, func(c *mapstructure.DecoderConfig) { *c = *decoding(cfg) })
	return cfg, err
}
