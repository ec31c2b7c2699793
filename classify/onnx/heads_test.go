package onnx

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// twoHeads are the options for the model of testdata/heads.onnx.
func twoHeads(t testing.TB) Options {
	t.Helper()
	o := tiny(t)
	o.Name, o.Graph = "heads", testdata(t, "heads.onnx")
	o.Heads = []Head{names(), {tinyHead("alpha", "beta", "gamma").Head, "topic"}}
	return o
}

func names() Head {
	return Head{classify.Head{
		Name: "people", Kind: classify.KindToken, Labels: []string{"O", "B-NAME", "I-NAME"}, Temperature: 1,
	}, "names"}
}

// Outputs are found by name, whatever the graph's order; what no head asks for is
// not given. Rows of special tokens and padding are left out.
func TestRunAnswersForEachHeadByName(t *testing.T) {
	m := mustOpen(t, twoHeads(t))
	windows := [][]uint32{
		mustTokenize(t, m, "alpha beta what"), mustTokenize(t, m, "gamma"), {}, mustTokenize(t, m, "beta alpha gamma gamma gamma"),
	}
	outputs, err := m.Run(context.Background(), windows)
	if err != nil || len(outputs) != len(windows) {
		t.Fatal(outputs, err)
	}
	begin, inside, none := []float32{0, 6, 0}, []float32{0, 0, 6}, []float32{2, 0, 0}
	unknown := []float32{0, 99, 0} // [UNK] is one of the special tokens
	for i, want := range []classify.Output{
		{slices.Concat(begin, inside, unknown), {1.2, 1.2, 0}},
		{none, {0, 0, 2}},
		{nil, {0, 0, 0}},
		{slices.Concat(inside, begin, none, none, none), {6. / 7, 6. / 7, 18. / 7}},
	} {
		if len(outputs[i]) != 2 || !slices.Equal(outputs[i][0], want[0]) || !slices.Equal(outputs[i][1], want[1]) {
			t.Errorf("window %d: %v, want %v", i, outputs[i], want)
		}
		alone, err := m.Run(context.Background(), windows[i:i+1])
		if err != nil || !reflect.DeepEqual(alone[0], outputs[i]) {
			t.Errorf("window %d alone: %v, %v", i, alone, err)
		}
	}
	if got := m.Heads(); len(got) != 2 || got[0].Name != "people" || got[1].Name != "topic" {
		t.Errorf("heads %+v", got)
	}
}

// Buffers are used again for other shapes, and what was given stays.
func TestOutputsOutliveTheNextRun(t *testing.T) {
	m := mustOpen(t, twoHeads(t))
	long := slices.Repeat([]uint32{4}, m.Window())
	first, err := m.Run(context.Background(), [][]uint32{long, long})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if _, err := m.Run(context.Background(), [][]uint32{{5}, {5, 6}}); err != nil {
			t.Fatal(err)
		}
	}
	want := slices.Repeat([]float32{0, 6, 0}, m.Window())
	if !slices.Equal(first[0][0], want) || !slices.Equal(first[1][0], want) {
		t.Errorf("%v", first)
	}
}

// C8: a head that the graph has not, or in another shape, shows at the start.
func TestOpenRefusesHeadsThatTheGraphHasNot(t *testing.T) {
	for says, change := range map[string]func(*Options){
		"head people: graph has no output tags":                                       func(o *Options) { o.Heads[0].Output = "tags" },
		"head people: graph's output topic must be float32 [batch, sequence, label]":  func(o *Options) { o.Heads[0].Output = "topic" },
		"head topic: graph's output names must be float32 [batch, label]":             func(o *Options) { o.Heads[1].Output = "names" },
		"head people: graph's output names gives 3 logits, and there are 2 labels":    func(o *Options) { o.Heads[0].Labels = []string{"O", "B-X"} },
		"head topic: graph's output topic gives 3 logits, and there are 4 labels":     func(o *Options) { o.Heads[1].Labels = []string{"a", "b", "c", "d"} },
		"head people: graph's output hidden must be float32 [batch, sequence, label]": func(o *Options) { o.Heads[0].Output = "hidden"; o.Graph = hiddenAsInt(t) },
	} {
		o := twoHeads(t)
		change(&o)
		if _, err := Open(context.Background(), o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

// hiddenAsInt declares the output "hidden" of heads.onnx as int64.
func hiddenAsInt(t *testing.T) []byte {
	t.Helper()
	data := testdata(t, "heads.onnx")
	at := strings.LastIndex(string(data), "hidden") + len("hidden")
	element := at + slices.Index(data[at:], 0x08) + 1 // elem_type
	if data[element] != elementFloat32 {
		t.Fatalf("element type is %d", data[element])
	}
	data[element] = elementInt64
	return data
}

// What the whole of it is for: names in the caller's own bytes.
func TestClassifierFindsNamesWithTheRealRuntime(t *testing.T) {
	m, err := Open(context.Background(), twoHeads(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := classify.New(m, classify.Options{Slots: 1, Queue: 1, Deadline: time.Minute, MaxWindows: 64, Overlap: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	text := strings.Repeat("gamma ", 40) + "ＡＬ\u200bＰＨＡ\u3000\u3000Béta, " + strings.Repeat("gamma ", 40) + "beta"
	r, err := c.Classify(context.Background(), text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range r.Spans {
		got = append(got, text[s.From:s.To])
	}
	if v, ok := r.Verdict("topic"); !ok || v.Label != "gamma" || !slices.Equal(got, []string{"ＡＬ\u200bＰＨＡ\u3000\u3000Béta", "beta"}) {
		t.Errorf("%+v, %q", v, got)
	}
}

// SentencePiece: another frame, another padding, words that begin with a space.
func TestUnigramTokenizerWithItsGraph(t *testing.T) {
	o := twoHeads(t)
	o.Tokenizer, o.Window = testdata(t, "unigram.json"), 64
	m := mustOpen(t, o)
	f := m.tokenizer.frame
	if !slices.Equal(f.before, []uint32{0}) || !slices.Equal(f.after, []uint32{2}) || f.pad != 1 {
		t.Errorf("frame %+v, want <s> 0, </s> 2, <pad> 1", f)
	}
	const text = "the  river, and ｆox x\ufb01x 日 </s>東京"
	tokens, err := m.Tokenize(text)
	if err != nil {
		t.Fatal(err)
	}
	checkTokens(t, text, tokens)
	var got []string
	for _, token := range tokens {
		if token.ID <= 2 { // "</s>" is a piece of the vocabulary
			t.Errorf("special token %+v out of text", token)
		}
		got = append(got, text[token.From:token.To])
	}
	if joined := strings.Join(got[:3], "|"); joined != "the|  river|," && joined != "the| river|," {
		t.Errorf("%q", got)
	}
	outputs, err := m.Run(context.Background(), [][]uint32{idsOf(tokens), idsOf(tokens[:2])})
	if err != nil || len(outputs[0][0]) != 3*len(tokens) || len(outputs[1][0]) != 6 || len(outputs[1][1]) != 3 {
		t.Errorf("%v, %v", outputs, err)
	}
}

// overlay is a model of a tokenizer alone, which notes the pieces it is given.
type overlay struct {
	tokenizer *tokenizer
	pieces    *[]string
	ids       *[]uint32
}

func (o overlay) Tokenize(text string) ([]classify.Token, error) {
	tokens, err := o.tokenizer.encode(text)
	*o.pieces = append(*o.pieces, text)
	*o.ids = append(*o.ids, idsOf(tokens)...)
	return tokens, err
}

func (overlay) Run(_ context.Context, windows [][]uint32) ([]classify.Output, error) {
	outputs := make([]classify.Output, len(windows))
	for i, w := range windows {
		outputs[i] = classify.Output{make([]float32, 3*len(w))}
	}
	return outputs, nil
}

func (overlay) Heads() []classify.Head { return []classify.Head{names().Head} }
func (overlay) Window() int            { return 510 }
func (overlay) Batch() int             { return 1 }
func (overlay) Provider() string       { return "none" }
func (overlay) Close() error           { return nil }

// splitFirst is unigram.json with the older of the two ways in which files of
// XLM-RoBERTa part words.
func splitFirst(t *testing.T) []byte {
	t.Helper()
	var file map[string]any
	if err := json.Unmarshal(testdata(t, "unigram.json"), &file); err != nil {
		t.Fatal(err)
	}
	file["pre_tokenizer"] = map[string]any{
		"type": "Sequence", "pretokenizers": []any{map[string]any{"type": "WhitespaceSplit"}, file["pre_tokenizer"]},
	}
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A long text is tokenised in pieces. They end before a space, so that both a
// tokenizer which parts at spaces and one that puts a visible space before each
// word give the tokens of the whole.
func TestTokensOfPiecesAreTokensOfTheWhole(t *testing.T) {
	text := strings.Repeat("The quick fox, mister smith (and the dog)  went\n to 12 rivers; ｆｏｘ 東京 and alpha-beta. ", 400)
	for name, file := range map[string][]byte{
		"WordPiece's way": testdata(t, "tokenizer.json"), "Metaspace": testdata(t, "unigram.json"), "split, then Metaspace": splitFirst(t),
	} {
		tok, err := openTokenizer(file)
		if err != nil {
			t.Fatal(err)
		}
		defer tok.close()
		var pieces []string
		var ids []uint32
		c, err := classify.New(overlay{tok, &pieces, &ids}, classify.Options{Slots: 1, Deadline: time.Minute, MaxWindows: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Classify(context.Background(), text); err != nil {
			t.Fatal(err)
		}
		whole, err := tok.encode(classify.Normalize(text))
		if err != nil {
			t.Fatal(err)
		}
		if len(pieces) < 8 || !slices.Equal(ids, idsOf(whole)) {
			t.Errorf("%s: %d tokens of %d pieces, %d of the whole", name, len(ids), len(pieces), len(whole))
		}
	}
}
