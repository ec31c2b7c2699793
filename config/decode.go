package config

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/go-viper/mapstructure/v2"
)

// decoding is how written values become typed ones: strictly, but for texts that
// spell a number, a truth value, a duration or a size (the environment has texts
// only).
func decoding(into any) *mapstructure.DecoderConfig {
	return &mapstructure.DecoderConfig{
		Result: into,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			readDuration,
			mapstructure.TextUnmarshallerHookFunc(),
			readText,
			refuseNumber,
			refuseShape,
		),
	}
}

// readDuration keeps a number without a unit from being read as nanoseconds.
func readDuration(from, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() || from == to {
		return value, nil
	}
	switch from.Kind() {
	case reflect.String:
		d, err := time.ParseDuration(value.(string))
		if err != nil {
			return nil, errors.New("not a duration such as 5s")
		}
		return d, nil
	case reflect.Int, reflect.Float64:
		return nil, fmt.Errorf("a duration needs a unit, such as %vs", value)
	}
	return nil, mismatch(from, to)
}

// readText reads a text where another scalar is wanted.
func readText(from, to reflect.Type, value any) (any, error) {
	text, ok := value.(string)
	if !ok {
		return value, nil
	}
	var out any
	var err error
	switch to.Kind() {
	case reflect.Int, reflect.Int64:
		out, err = strconv.ParseInt(text, 10, 64)
	case reflect.Float64:
		out, err = strconv.ParseFloat(text, 64)
	case reflect.Bool:
		out, err = strconv.ParseBool(text)
	default:
		return value, nil
	}
	if err != nil {
		return nil, mismatch(from, to)
	}
	return out, nil
}

// refuseNumber refuses what the decoder would round or wrap to a whole number.
func refuseNumber(_, to reflect.Type, value any) (any, error) {
	if to.Kind() != reflect.Int && to.Kind() != reflect.Int64 {
		return value, nil
	}
	switch n := value.(type) {
	case uint64:
		return nil, fmt.Errorf("%d is too large", n)
	case float64:
		if n != math.Trunc(n) || math.Abs(n) > 1<<53 {
			return nil, fmt.Errorf("%v is not a whole number", n)
		}
	}
	return value, nil
}

// refuseShape words the decoder's errors about lists and mappings.
func refuseShape(from, to reflect.Type, value any) (any, error) {
	switch {
	case to.Kind() == reflect.Slice && from.Kind() != reflect.Slice,
		to.Kind() == reflect.Struct && from.Kind() != reflect.Map && from != to:
		return nil, mismatch(from, to)
	}
	return value, nil
}
