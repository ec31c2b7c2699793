// Package secret holds a value that must be used and never shown: an API key,
// a token.
//
// It promises that no printer gives the value away: fmt with any verb and flag,
// encoding/json, encoding.TextMarshaler users, YAML and slog all get the same
// placeholder, and reflection-driven printers that meet a Secret in somebody's
// unexported field, where they cannot call its methods, see an address.
// The only way to the value is Reveal, which is easy to search for.
//
// It does not promise anything about memory: the value is an ordinary Go string
// that stays in the heap until it is collected.
package secret

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
)

// Redacted stands for every value that is not empty.
const Redacted = "[redacted]"

// Secret is a string that cannot print itself. The zero Secret is empty.
//
// Copies share the value. Compare with reflect.DeepEqual or through Reveal;
// == compares identity.
type Secret struct {
	// A pointer, because fmt follows no pointer below the top level: a Secret in
	// an unexported field prints as an address.
	value *string
}

// New returns a Secret that holds s. New("") equals the zero Secret.
func New(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{value: &s}
}

// Reveal returns the value. Call it where the value leaves the process, and keep
// the result in no struct, error or log record.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether the value is empty; encoders use it for omitzero and
// omitempty.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns Redacted, or "" for an empty Secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return Redacted
}

// GoString returns what String returns, quoted as %#v would quote a string.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format writes the placeholder for every verb, so that %x, %d or %#v cannot
// reach the field.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	_, _ = io.WriteString(f, text) // fmt.State keeps the writer's error
}

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(s.GoString()), nil }

// MarshalYAML implements the Marshaler of the YAML packages.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
