package simulate

import (
	"encoding/json"
	"strings"
	"testing"

	openai "github.com/sashabaranov/go-openai"
)

func TestInstancesFollowTheirSchema(t *testing.T) {
	for schema, want := range map[string]string{
		`true`:                                                            `null`,
		`{"type":"string"}`:                                               `"Paris"`,
		`{"type":"string","minLength":7}`:                                 `"Parisxx"`,
		`{"type":"string","maxLength":2}`:                                 `"Pa"`,
		`{"type":"string","format":"date"}`:                               `"2026-01-01"`,
		`{"type":["string","null"]}`:                                      `"Paris"`,
		`{"type":"integer"}`:                                              `1`,
		`{"type":"integer","minimum":7}`:                                  `7`,
		`{"type":"integer","exclusiveMinimum":7}`:                         `8`,
		`{"type":"integer","maximum":-3}`:                                 `-3`,
		`{"type":"integer","exclusiveMaximum":-3}`:                        `-4`,
		`{"type":"integer","minimum":7,"multipleOf":5}`:                   `10`,
		`{"type":"number","minimum":0.25,"maximum":0.75}`:                 `0.5`,
		`{"type":"boolean"}`:                                              `true`,
		`{"type":"null"}`:                                                 `null`,
		`{"enum":["b","a"]}`:                                              `"b"`,
		`{"const":{"x":1}}`:                                               `{"x":1}`,
		`{"type":"integer","default":5}`:                                  `5`,
		`{"type":"array","items":{"type":"integer"}}`:                     `[]`,
		`{"items":{"type":"boolean"},"minItems":2}`:                       `[true,true]`,
		`{"anyOf":[{"type":"integer"},{"type":"null"}]}`:                  `1`,
		`{"properties":{"a":{},"b":{"type":"integer"}},"required":["b"]}`: `{"b":1}`,
		`{"type":"object"}`:                                               `{}`,
		`{"$defs":{"a/b":{"type":"integer"}},"type":"object","properties":{"x":{"$ref":"#/$defs/a~1b"}},"required":["x"]}`:                    `{"x":1}`,
		`{"type":"array","prefixItems":[{"type":"integer"}],"items":{"type":"boolean"},"minItems":2}`:                                         `[1,true]`,
		`{"type":"object","properties":{"steps":{"type":"array","minItems":1,"items":{"$ref":"#"}},"n":{"type":"integer"}},"required":["n"]}`: `{"n":1}`,
	} {
		var parsed any
		if err := json.Unmarshal([]byte(schema), &parsed); err != nil {
			t.Fatalf("%s: %v", schema, err)
		}
		if got := mustJSON(instance(parsed, "Paris")); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", schema, got, want)
		}
	}
}

func TestJSONSchemaIsAnsweredWithJSON(t *testing.T) {
	client, _ := serve(t, Options{})
	q := userSays("Where is Paris?")
	q.ResponseFormat = &openai.ChatCompletionResponseFormat{Type: openai.ChatCompletionResponseFormatTypeJSONSchema,
		JSONSchema: &openai.ChatCompletionResponseFormatJSONSchema{Name: "place", Strict: true, Schema: json.RawMessage(
			`{"type":"object","properties":{"city":{"type":"string"},"rank":{"type":"integer"}},"required":["city","rank"],"additionalProperties":false}`)}}
	text, _, _ := drain(t, client, q)
	if text != `{"city":"Paris","rank":1}` {
		t.Errorf("got %s", text)
	}
}

// FuzzInstance: whatever the schema, an answer comes, soon, and is JSON.
func FuzzInstance(f *testing.F) {
	f.Add(`{"$ref":"#"}`)
	f.Add(`{"type":"array","minItems":1e9,"items":{"type":"string","minLength":1e9}}`)
	f.Add(`{"type":"array","minItems":1000,"items":{"$ref":"#"}}`)
	f.Add(`{"type":"number","minimum":1e308,"multipleOf":1e-308}`)
	f.Add(`{"type":"object","required":["a",1],"properties":{"a":{"anyOf":[{"$ref":"#/properties/a"}]}}}`)
	f.Fuzz(func(t *testing.T, schema string) {
		var parsed any
		if json.Unmarshal([]byte(schema), &parsed) != nil {
			return
		}
		if _, err := json.Marshal(instance(parsed, "x")); err != nil {
			t.Errorf("%s: %v", schema, err)
		}
	})
}

func TestTokensJoinToTheText(t *testing.T) {
	for text, want := range map[string]int{"": 0, "one": 1, "one two": 2, " lead": 1, "tail ": 2, "a\n\n b": 2, "ä — ö": 3} {
		got := tokens(text)
		if strings.Join(got, "") != text || (len(got) != want) {
			t.Errorf("%q splits into %q", text, got)
		}
	}
}
