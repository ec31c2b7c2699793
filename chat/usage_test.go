package chat

import "testing"

// A stream whose client said nothing about its options can be made to report its
// usage; what else the body says stays as it was, byte for byte.
func TestUsageIsAskedForOnlyWhereTheClientSaidNothing(t *testing.T) {
	const messages = `"messages":[{"role":"user","content":"Hi"}]`
	for _, c := range []struct {
		kind  Kind
		body  string
		lacks bool
	}{
		{Chat, `{"model":"a", "stream":true,` + messages + `}`, true},
		{Chat, `{"model":"a", "stream":false,` + messages + `}`, false},
		{Chat, `{"model":"a",` + messages + `}`, false},
		{Chat, `{"model":"a", "stream":true, "stream_options":{"include_usage":true},` + messages + `}`, false},
		{Chat, `{"model":"a", "stream":true, "stream_options":{"include_usage":false},` + messages + `}`, false},
		{Chat, `{"model":"a", "stream":true, "stream_options":null,` + messages + `}`, false},
		{Completions, `{"model":"a","stream":true,"prompt":"Hi"}`, true},
		{Responses, `{"model":"a","stream":true,"input":"Hi"}`, false},
	} {
		r, refused := Parse(c.kind, []byte(c.body), DefaultLimits())
		if refused != nil {
			t.Fatalf("%s: %v", c.body, refused)
		}
		if r.LacksUsage() != c.lacks {
			t.Errorf("%s: lacks usage = %v", c.body, r.LacksUsage())
		}
		if !c.lacks {
			continue
		}
		asking := r.WithModelAskingUsage("b")
		again, refused := Parse(c.kind, asking, DefaultLimits())
		if refused != nil || !again.IncludeUsage || again.Model != "b" {
			t.Errorf("%s: became %s, %v", c.body, asking, refused)
		}
		at := len(`{"model":"`)
		want := c.body[:at] + "b" + `","stream_options":{"include_usage":true}` + c.body[at+len(`a"`):]
		if string(asking) != want {
			t.Errorf("got %s, want %s", asking, want)
		}
	}
}
