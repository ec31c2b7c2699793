package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/vsr-proxy/vsr-proxy/secret"
)

const canary = "sk-canary-7f3a"

type settings struct {
	Name   string        `json:"name" yaml:"name" xml:"name"`
	Key    secret.Secret `json:"key" yaml:"key" xml:"key"`
	hidden secret.Secret
	Keys   []secret.Secret          `json:"keys" yaml:"keys" xml:"keys"`
	ByName map[string]secret.Secret `json:"byName" yaml:"byName" xml:"-"`
}

func loaded() settings {
	s := secret.New(canary)
	return settings{Name: "n", Key: s, hidden: s, Keys: []secret.Secret{s}, ByName: map[string]secret.Secret{"a": s}}
}

// S2: a key shows in no print of the value or of anything that holds it.
func TestNoPrinterShowsTheValue(t *testing.T) {
	held := loaded()
	out := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "% x", "%#q", "%20s", "%T", "%p"} {
		out["Secret "+verb] = fmt.Sprintf(verb, held.Key)
		out["*Secret "+verb] = fmt.Sprintf(verb, &held.Key)
		out["struct "+verb] = fmt.Sprintf(verb, held)
		out["*struct "+verb] = fmt.Sprintf(verb, &held)
		out["hidden "+verb] = fmt.Sprintf(verb, struct{ deep struct{ s secret.Secret } }{struct{ s secret.Secret }{held.hidden}})
	}
	out["error"] = fmt.Errorf("dial %v: %w", held.Key, errors.New("refused")).Error()
	out["json"] = must(json.Marshal(held))
	out["yaml"] = must(yaml.Marshal(held))
	out["xml"] = must(xml.Marshal(held))
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"slog json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(handler(&b)).Info("loaded", "key", held.Key, "held", held, "pointer", &held)
		out[name] = b.String()
	}
	var stream bytes.Buffer
	_ = gob.NewEncoder(&stream).Encode(held) // it may refuse; it must not leak
	out["gob"] = stream.String()

	hex := fmt.Sprintf("%x", canary)
	for where, text := range out {
		if strings.Contains(text, canary) || strings.Contains(strings.ToLower(text), hex) {
			t.Errorf("%s shows the value: %s", where, text)
		}
	}
	if got, want := out["json"], `"key":"[redacted]"`; !strings.Contains(got, want) {
		t.Errorf("json = %s, want it to hold %s", got, want)
	}
	if got, want := out["yaml"], "key: '[redacted]'"; !strings.Contains(got, want) {
		t.Errorf("yaml = %s, want it to hold %s", got, want)
	}
}

func TestRevealGivesTheValueBack(t *testing.T) {
	s := secret.New(canary)
	if s.Reveal() != canary || s.IsZero() {
		t.Fatalf("Reveal lost the value or IsZero is wrong: zero %v", s.IsZero())
	}
	if !reflect.DeepEqual(s, secret.New(canary)) || reflect.DeepEqual(s, secret.New("other")) {
		t.Fatal("DeepEqual does not compare the values")
	}
}

func TestEmptySecretPrintsAsEmpty(t *testing.T) {
	var zero secret.Secret
	if zero != secret.New("") || !zero.IsZero() || zero.Reveal() != "" {
		t.Fatal(`New("") is not the zero Secret`)
	}
	for got, want := range map[string]string{
		fmt.Sprintf("<%v>", zero):  "<>",
		fmt.Sprintf("<%#v>", zero): `<"">`,
		must(json.Marshal(zero)):   `""`,
		must(yaml.Marshal(zero)):   "\"\"\n",
		zero.LogValue().String():   "",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func must(b []byte, err error) string {
	if err != nil {
		panic(err)
	}
	return string(b)
}
