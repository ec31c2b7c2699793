package eval

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ByName is a list that JSON has as an object, each element under its name and in
// the order of the list: a reader asks for what it knows the name of, and one that
// keeps the order of members can print the tables again.
type ByName[T named] []T

// named is what has a name of its own in a report.
type named interface{ name() string }

func (r LabelReport) name() string      { return r.Label }
func (r TypeReport) name() string       { return r.Type }
func (r SourceReport) name() string     { return r.Source }
func (r SpanSourceReport) name() string { return r.Source }

// MarshalJSONTo writes the object.
func (l ByName[T]) MarshalJSONTo(out *jsontext.Encoder) error {
	if err := out.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, one := range l {
		if err := out.WriteToken(jsontext.String(one.name())); err != nil {
			return err
		}
		if err := json.MarshalEncode(out, one); err != nil {
			return err
		}
	}
	return out.WriteToken(jsontext.EndObject)
}
