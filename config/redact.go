package config

import (
	"encoding"
	"reflect"
	"time"

	"github.com/vsr-proxy/vsr-proxy/secret"
)

// Redacted is the tree as plain maps and lists under the names of the file, for
// printing. It holds where keys come from and never a key.
func (c *Config) Redacted() map[string]any {
	return plain(reflect.ValueOf(c).Elem()).(map[string]any)
}

// plain walks exported, tagged fields only: resolved keys have neither.
func plain(v reflect.Value) any {
	switch typed := v.Interface().(type) {
	case time.Duration:
		return typed.String()
	case ClientKey:
		if typed.SHA256 != "" {
			typed.SHA256 = secret.Redacted // a digest can be tried against guesses
		}
		v = reflect.ValueOf(typed)
	case encoding.TextMarshaler:
		text, _ := typed.MarshalText()
		return string(text)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return plain(v.Elem())
		}
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			if name := v.Type().Field(i).Tag.Get("mapstructure"); name != "" {
				out[name] = plain(v.Field(i))
			}
		}
		return out
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = plain(v.Index(i))
		}
		return out
	}
	return v.Interface()
}
