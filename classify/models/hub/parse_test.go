package hub

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

func TestDescribeReadsWhatPublishersWrite(t *testing.T) {
	const sequence = `"architectures":["ModernBertForSequenceClassification"]`
	for name, c := range map[string]struct {
		config, tokenizer string
		kind              classify.Kind
		labels            string
		window            int
	}{
		"by index, not by order": {`{` + sequence + `,"id2label":{"1":"b","0":"a","2":"c"},"max_position_embeddings":8192}`, "", classify.KindSequence, "a b c", 8190},
		"more than ten labels": {
			`{` + sequence + `,"id2label":{"0":"a","1":"b","2":"c","3":"d","4":"e","5":"f","6":"g","7":"h","8":"i","9":"j","10":"k"},"max_position_embeddings":512}`,
			"", classify.KindSequence, "a b c d e f g h i j k", 510,
		},
		"tokenizer is shorter":            {`{` + sequence + `,"id2label":{"0":"a","1":"b"},"max_position_embeddings":32768}`, `{"model_max_length":512}`, classify.KindSequence, "a b", 510},
		"tokenizer without a length":      {`{` + sequence + `,"id2label":{"0":"a","1":"b"},"max_position_embeddings":512}`, `{"model_max_length":1000000000000000019884624838656}`, classify.KindSequence, "a b", 510},
		"tokenizer length as a float":     {`{` + sequence + `,"id2label":{"0":"a","1":"b"},"max_position_embeddings":512}`, `{"model_max_length":1e30}`, classify.KindSequence, "a b", 510},
		"RoBERTa begins after its pad":    {`{"architectures":["RobertaForSequenceClassification"],"model_type":"roberta","pad_token_id":1,"id2label":{"0":"a","1":"b"},"max_position_embeddings":514}`, "", classify.KindSequence, "a b", 510},
		"no positions":                    {`{` + sequence + `,"id2label":{"0":"a","1":"b"}}`, "", classify.KindSequence, "a b", 0},
		"positions of a wrong type":       {`{` + sequence + `,"id2label":{"0":"a","1":"b"},"max_position_embeddings":"many"}`, "", classify.KindSequence, "a b", 0},
		"tags":                            {`{"architectures":["BertForTokenClassification"],"id2label":{"0":"O","1":"B-PERSON","2":"I-PERSON"},"max_position_embeddings":512}`, "", classify.KindToken, "O B-PERSON I-PERSON", 510},
		"what nobody needs, even doubled": {`{` + sequence + `,"id2label":{"0":"a","1":"b"},"x":1,"x":2,"max_position_embeddings":512}`, `{"y":1,"y":2}`, classify.KindSequence, "a b", 510},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := describe([]byte(c.config), []byte(c.tokenizer))
			if err != nil {
				t.Fatal(err)
			}
			if d.kind != c.kind || strings.Join(d.labels, " ") != c.labels || d.window != c.window {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestDescribeRefusesWhatCannotBeAnswered(t *testing.T) {
	const sequence = `"architectures":["BertForSequenceClassification"]`
	for name, c := range map[string]struct{ config, want string }{
		"an encoder alone":   {`{"architectures":["BertModel"],"id2label":{"0":"a","1":"b"}}`, "no …ForSequenceClassification"},
		"no architecture":    {`{"id2label":{"0":"a","1":"b"}}`, "0 are named"},
		"several labels":     {`{` + sequence + `,"problem_type":"multi_label_classification","id2label":{"0":"a","1":"b"}}`, "only one label"},
		"a number, no label": {`{` + sequence + `,"problem_type":"regression","id2label":{"0":"a"}}`, "problem_type"},
		"one label":          {`{` + sequence + `,"id2label":{"0":"a"}}`, "1 labels"},
		"no labels":          {`{` + sequence + `}`, "0 labels"},
		"a gap":              {`{` + sequence + `,"id2label":{"0":"a","2":"b"}}`, "none with the index 1"},
		"index 01":           {`{` + sequence + `,"id2label":{"0":"a","01":"b"}}`, "none with the index 1"},
		"an empty label":     {`{` + sequence + `,"id2label":{"0":"a","1":" "}}`, "label 1 is empty"},
		"a label twice":      {`{` + sequence + `,"id2label":{"0":"a","1":"a"}}`, "there twice"},
		"label for a log":    {`{` + sequence + `,"id2label":{"0":"a","1":"b\u001b[2J"}}`, "can't be printed"},
		"label no text":      {`{` + sequence + `,"id2label":{"0":"a","1":1}}`, "config.json"},
		"tags of other kind": {`{"architectures":["BertForTokenClassification"],"id2label":{"0":"O","1":"B-PER","2":"E-PER"}}`, `"E-PER": tags must be`},
		"tags without O":     {`{"architectures":["BertForTokenClassification"],"id2label":{"0":"I-PER","1":"B-PER"}}`, "no label O"},
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := describe([]byte(c.config), nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want %q", d, err, c.want)
			}
		})
	}
}

func TestPositiveLabelIsFoundByName(t *testing.T) {
	for _, c := range []struct {
		labels, given, want, err string
	}{
		{"benign jailbreak", "", "jailbreak", ""},
		{"SAFE INJECTION", "", "INJECTION", ""},
		{"weak strong", "", "strong", ""},
		{"a b", "", "", "can't be told by name"},
		{"unsafe jailbreak", "", "", "can't be told by name"},
		{"a b", "b", "b", ""},
		{"a b", "c", "", "none of"},
		{"benign injection jailbreak", "", "", ""},
		{"benign injection jailbreak", "injection", "injection", ""},
	} {
		got, err := positiveOf(strings.Fields(c.labels), c.given)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s, given %q: %q, %v", c.labels, c.given, got, err)
		}
	}
}

func TestHeadLooksForALabelWhereItMust(t *testing.T) {
	for _, c := range []struct {
		head, labels, given, want string
		ok                        bool
	}{
		{"jailbreak", "benign jailbreak", "", "jailbreak", true},
		{"jailbreak", "a b", "", "", false},
		{"jailbreak", "a b", "b", "b", true},
		{"jailbreak", "benign injection jailbreak", "", "", false},
		{"complexity", "weak strong", "", "strong", true},
		{"complexity", "1 2 3", "", "", false},
		{"domain", "true false", "", "", true},
		{"language", "en de", "", "", true},
		{"language", "en de", "fr", "", false},
		{"toxicity", "toxic neutral", "", "toxic", true},
	} {
		d := described{kind: classify.KindSequence, labels: strings.Fields(c.labels)}
		h, err := headOf(d, Order{Head: c.head, Positive: c.given})
		if (err == nil) != c.ok || c.ok && h.Positive != c.want {
			t.Errorf("%+v: %+v, %v", c, h, err)
		}
		if c.ok && h.Question().Check() != nil {
			t.Errorf("%+v: %v", c, h.Question().Check())
		}
	}
}

func TestWindowIsBounded(t *testing.T) {
	for _, c := range []struct {
		has, wish, want int
		ok              bool
	}{
		{8190, 0, 510, true}, {126, 0, 126, true}, {8190, 2000, 2000, true}, {0, 300, 300, true},
		{510, 511, 0, false}, {0, 0, 0, false}, {510, -1, 0, false},
	} {
		got, err := windowOf(described{window: c.has}, c.wish)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%+v: %d, %v", c, got, err)
		}
	}
}

func TestCardGivesTheLicence(t *testing.T) {
	for text, want := range map[string]string{
		"---\nlicense: mit\n---\n# x":                                     "mit",
		"---\r\nlicense: \"apache-2.0\"  # spdx\r\n---\r\n":               "apache-2.0",
		"---\nlicense: other\nlicense_name: gemma\n---\n":                 "other (gemma)",
		"---\nlicense: other\nlicense_name: g\nlicense_link: https://x/y": "not stated", // the front matter does not end
		"---\nlicense: other\nlicense_name: g\nlicense_link: L\n---":      "other (g, L)",
		"# x\n---\nlicense: mit\n---\n":                                   "not stated",
		"---\nmodel:\n  license: mit\n---\n":                              "not stated",
		"---\nlicense:\n- mit\n---\n":                                     "not stated",
		"---\nlicense: <script>\n---\n":                                   "not stated",
		"---\nlicense: a\x1b[31m\n---\n":                                  "not stated",
		"":                                                                "not stated",
	} {
		if got := readCard(text).String(); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// All bytes but the two values stay, so that a tokenizer which needs no change is
// the publisher's, hash and all.
func TestTokenizerLosesPaddingAndTruncationOnly(t *testing.T) {
	for in, want := range map[string]string{
		`{"version": "1.0", "truncation": {"max_length": 512}, "padding":{"a":[1,{}]} , "model": {"padding": 1}}`: `{"version": "1.0", "truncation": null, "padding":null , "model": {"padding": 1}}`,
		`{"truncation":null,"padding":null}`:                `{"truncation":null,"padding":null}`,
		" {\"model\": {\"vocab\": {\"é\\u0001\": 0}}}\n":    " {\"model\": {\"vocab\": {\"é\\u0001\": 0}}}\n",
		`{"p\u0061dding": true}`:                            `{"p\u0061dding": null}`,
		`{"model":{"vocab":{"a":0,"a":1}},"padding":false}`: `{"model":{"vocab":{"a":0,"a":1}},"padding":null}`,
	} {
		got, err := untruncated([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "[]", "null", "{", `{"a":1`, `{"padding":1,"padding":2}`, `{} {}`, "{\"a\":\"\xff\"}", `{"padding"}`} {
		if got, err := untruncated([]byte(bad)); err == nil {
			t.Errorf("%q became %q", bad, got)
		}
	}
}

// message is a protobuf message of length-delimited fields and varints.
func message(fields ...any) []byte {
	var out []byte
	for i := 0; i < len(fields); i += 2 {
		number := uint64(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			out = binary.AppendUvarint(binary.AppendUvarint(out, number<<3), uint64(v))
		case []byte:
			out = binary.AppendUvarint(binary.AppendUvarint(out, number<<3|2), uint64(len(v)))
			out = append(out, v...)
		}
	}
	return out
}

// onnx is a model file with one weight and one output.
func onnx(weight []byte, output string, element int) []byte {
	value := message(1, []byte(output), 2, message(1, message(1, element, 2, message(1, message(2, []byte("batch"))))))
	return message(1, 8, 7, message(2, []byte("g"), 5, weight, 12, value), 8, message(2, 17))
}

func TestGraphThatMakesNoBundleIsRefused(t *testing.T) {
	inside := message(1, 2, 8, []byte("w"), 9, make([]byte, 200_000))
	outside := message(1, 2, 8, []byte("w"), 13, message(1, []byte("location"), 2, []byte("model.onnx.data")), 14, 1)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"good":          {onnx(inside, "logits", 1), ""},
		"external data": {onnx(outside, "logits", 1), "another file beside it"},
		"half floats":   {onnx(inside, "logits", 10), "needs 32-bit numbers"},
		"other output":  {onnx(inside, "last_hidden_state", 1), `no output "logits"`},
		"odd input":     {append(onnx(inside, "logits", 1), message(7, message(11, message(1, []byte("position_ids"))))...), `input "position_ids"`},
		"no graph":      {message(1, 8), "no graph"},
		"empty":         {nil, "no graph"},
		"a page":        {[]byte("<!doctype html>"), "not an ONNX file"},
		"LFS pointer":   {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"), "not an ONNX file"},
		"cut":           {onnx(inside, "logits", 1)[:1000], "not an ONNX file"},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkGraph(bytes.NewReader(c.file))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A published file is a stranger's: whatever it says, reading ends with labels
// that can be used or with an error.
func FuzzDescribe(f *testing.F) {
	f.Add([]byte(`{"architectures":["BertForTokenClassification"],"id2label":{"0":"O","1":"B-X"},"max_position_embeddings":512}`), []byte(`{"model_max_length":1e30}`))
	f.Add([]byte(`{"architectures":["RobertaForSequenceClassification"],"model_type":"roberta","pad_token_id":1048576,"id2label":{"0":"a","1":"b"}}`), []byte(`null`))
	f.Add([]byte(`null`), []byte(nil))
	f.Fuzz(func(t *testing.T, config, tokenizer []byte) {
		d, err := describe(config, tokenizer)
		if err != nil {
			return
		}
		if len(d.labels) < 2 || slices.Contains(d.labels, "") || d.window < 0 || d.window > maxPositions {
			t.Errorf("accepted %+v", d)
		}
	})
}

// What a card says is printed and written into a file of ours: one line, no
// control characters, bounded.
func FuzzCard(f *testing.F) {
	f.Add("---\nlicense: other\nlicense_name: 'x'\nlicense_link: https://x\n---\n")
	f.Add("\ufeff---\r\nlicense: \"\"\r\n...\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := readCard(text).String()
		if len(got) > 3*maxScalar+10 || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f || r == '`' }) {
			t.Errorf("%q", got)
		}
	})
}

// A tokenizer that is accepted once is accepted again, and isn't changed twice.
func FuzzTokenizer(f *testing.F) {
	f.Add([]byte(`{"truncation":{"a":[1]},"padding":1,"model":{}}`))
	f.Add([]byte(`{"p\u0061dding":"\ud800"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := untruncated(data)
		if err != nil {
			return
		}
		twice, err := untruncated(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%q became %q, then %q, %v", data, once, twice, err)
		}
	})
}

// A file that says it is larger than it is asks for no memory, and ends.
func FuzzGraph(f *testing.F) {
	f.Add(onnx([]byte{}, "logits", 1))
	f.Add([]byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Add(bytes.Repeat([]byte{0x3a, 0x02}, 40))
	f.Fuzz(func(t *testing.T, data []byte) { _ = checkGraph(bytes.NewReader(data)) })
}
