package onnx

import (
	"reflect"
	"strings"
	"testing"
)

func TestReadGraphFindsInputsAndOutputs(t *testing.T) {
	g, err := readGraph(testdata(t, "tiny.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	want := graph{
		inputs: []tensor{
			{name: "input_ids", element: elementInt64, dims: []int64{-1, -1}},
			{name: "attention_mask", element: elementInt64, dims: []int64{-1, -1}},
		},
		outputs: []tensor{{name: "logits", element: elementFloat32, dims: []int64{-1, 3}}},
	}
	if !reflect.DeepEqual(g, want) {
		t.Errorf("got %+v, want %+v", g, want)
	}
}

func TestGraphThatIsNoTextClassifierIsRefused(t *testing.T) {
	ids := tensor{name: "input_ids", element: elementInt64, dims: []int64{-1, -1}}
	mask := tensor{name: "attention_mask", element: elementInt64, dims: []int64{-1, -1}}
	types := tensor{name: "token_type_ids", element: elementInt64, dims: []int64{1, 128}}
	logits := tensor{name: "logits", element: elementFloat32, dims: []int64{-1, -1}}
	for name, tc := range map[string]struct {
		graph graph
		types bool
		says  string
	}{
		"good":             {graph{[]tensor{ids, mask}, []tensor{logits}}, false, ""},
		"with types":       {graph{[]tensor{types, mask, ids}, []tensor{{name: "pooled"}, logits}}, true, ""},
		"no mask":          {graph{[]tensor{ids}, []tensor{logits}}, false, "attention_mask"},
		"an image":         {graph{[]tensor{{name: "pixel_values"}}, []tensor{logits}}, false, `"pixel_values"`},
		"int32 ids":        {graph{[]tensor{{name: "input_ids", element: 6, dims: ids.dims}, mask}, []tensor{logits}}, false, "int64"},
		"an embedding":     {graph{[]tensor{ids, mask}, []tensor{{name: "last_hidden_state"}}}, false, "head topic: graph has no output logits"},
		"logits per token": {graph{[]tensor{ids, mask}, []tensor{{name: "logits", element: elementFloat32, dims: []int64{-1, -1, 3}}}}, false, "float32 [batch, label]"},
		"one label less":   {graph{[]tensor{ids, mask}, []tensor{{name: "logits", element: elementFloat32, dims: []int64{-1, 2}}}}, false, "2 logits"},
	} {
		t.Run(name, func(t *testing.T) {
			types, err := tc.graph.check([]Head{tinyHead("a", "b", "c")})
			if tc.says == "" && (err != nil || types != tc.types) {
				t.Errorf("types %v, %v", types, err)
			}
			if tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
}

func FuzzReadGraph(f *testing.F) {
	f.Add(testdata(f, "tiny.onnx"))
	f.Add([]byte{})
	f.Add([]byte{0x3a, 0x04, 0x5a, 0x02, 0x0a, 0x00})
	f.Add([]byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, model []byte) {
		g, err := readGraph(model)
		if err != nil {
			return
		}
		for _, in := range append(g.inputs, g.outputs...) {
			if len(in.name) > len(model) || len(in.dims) > len(model) {
				t.Fatalf("%+v out of %d bytes", in, len(model))
			}
		}
		_, _ = g.check([]Head{tinyHead("a", "b", "c")})
	})
}
