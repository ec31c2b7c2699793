package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/vsr-proxy/vsr-proxy/classify"
)

// The names of a graph's inputs, and the element types of ONNX's
// TensorProto.DataType that they must have.
const (
	inputIDs   = "input_ids"
	inputMask  = "attention_mask"
	inputTypes = "token_type_ids"

	elementFloat32 = 1
	elementInt64   = 7
)

// graph is what a model file declares. The binding tells it only after opening a
// session for the purpose, which takes as long as opening the real one, so the
// few fields needed are read from the file's protobuf here (onnx.proto, IR 3 on).
type graph struct {
	inputs, outputs []tensor
}

// tensor is a ValueInfoProto.
type tensor struct {
	name    string
	element uint64
	// dims has -1 for a dimension that the file leaves open.
	dims []int64
}

// readGraph reads the declarations of an ONNX file and nothing else of it.
func readGraph(model []byte) (graph, error) {
	var g graph
	found := false
	// ModelProto.graph = 7; GraphProto.input = 11, output = 12.
	err := eachField(model, func(f field) error {
		if f.number != 7 {
			return nil
		}
		found = true
		return eachField(f.bytes, func(f field) error {
			switch f.number {
			case 11:
				return g.add(&g.inputs, f.bytes)
			case 12:
				return g.add(&g.outputs, f.bytes)
			}
			return nil
		})
	})
	if err != nil {
		return graph{}, fmt.Errorf("not an ONNX file: %w", err)
	}
	if !found {
		return graph{}, errors.New("not an ONNX file: it has no graph")
	}
	return g, nil
}

func (g *graph) add(to *[]tensor, value []byte) error {
	t, err := readTensor(value)
	*to = append(*to, t)
	return err
}

// readTensor reads ValueInfoProto{name = 1, type = 2} with a TypeProto{tensor_type
// = 1} of {elem_type = 1, shape = 2}, whose dims (1) have a value (1) or a name.
func readTensor(value []byte) (tensor, error) {
	var t tensor
	err := eachField(value, func(f field) error {
		switch f.number {
		case 1:
			t.name = string(f.bytes)
		case 2:
			return eachField(f.bytes, func(f field) error {
				if f.number != 1 {
					return nil
				}
				return eachField(f.bytes, t.readType)
			})
		}
		return nil
	})
	return t, err
}

func (t *tensor) readType(f field) error {
	switch f.number {
	case 1:
		t.element = f.varint
	case 2:
		return eachField(f.bytes, func(f field) error {
			if f.number != 1 {
				return nil
			}
			dim := int64(-1)
			err := eachField(f.bytes, func(f field) error {
				if f.number == 1 {
					dim = int64(f.varint)
				}
				return nil
			})
			t.dims = append(t.dims, dim)
			return err
		})
	}
	return nil
}

// field is one protobuf field; bytes or varint is set, by its wire type.
type field struct {
	number protowire.Number
	bytes  []byte
	varint uint64
}

// eachField calls visit for the length-delimited and varint fields of a message.
func eachField(message []byte, visit func(field) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		f := field{number: number}
		switch kind {
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// check says whether the graph is a text classifier that answers for these heads,
// and whether it wants token_type_ids.
func (g graph) check(heads []Head) (types bool, err error) {
	seen := make(map[string]bool, len(g.inputs))
	for _, in := range g.inputs {
		switch in.name {
		case inputIDs, inputMask, inputTypes:
		default:
			return false, fmt.Errorf("graph wants an input %q that is not known", in.name)
		}
		if in.element != elementInt64 || len(in.dims) != 2 {
			return false, fmt.Errorf("graph's input %s must be int64 [batch, sequence]", in.name)
		}
		seen[in.name] = true
	}
	if !seen[inputIDs] || !seen[inputMask] {
		return false, fmt.Errorf("graph must have the inputs %s and %s", inputIDs, inputMask)
	}
	for _, h := range heads {
		if err := g.checkOutput(h); err != nil {
			return false, fmt.Errorf("head %s: %w", h.Name, err)
		}
	}
	return seen[inputTypes], nil
}

// checkOutput says whether the graph has the output of a head, in its shape.
func (g graph) checkOutput(h Head) error {
	shape, dims := "[batch, label]", 2
	if h.Kind == classify.KindToken {
		shape, dims = "[batch, sequence, label]", 3
	}
	for _, out := range g.outputs {
		if out.name != h.Output {
			continue
		}
		if out.element != elementFloat32 || len(out.dims) != dims {
			return fmt.Errorf("graph's output %s must be float32 %s", h.Output, shape)
		}
		if n := out.dims[dims-1]; n >= 0 && n != int64(len(h.Labels)) {
			return fmt.Errorf("graph's output %s gives %d logits, and there are %d labels", h.Output, n, len(h.Labels))
		}
		return nil
	}
	return fmt.Errorf("graph has no output %s", h.Output)
}
