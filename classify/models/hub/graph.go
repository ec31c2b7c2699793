package hub

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// Output is what bundles of this package have as the graph's output: that is how
// exporters name a classifier's.
const Output = "logits"

// inputs are those that a text encoder may have.
var inputs = []string{"input_ids", "attention_mask", "token_type_ids"}

// checkGraph looks through an ONNX file for what would make it useless as the
// one file of a bundle: weights that lie in another file, an input that nobody
// would fill, and an output that is not called logits or not of 32-bit numbers.
// The rest is the runtime's to check.
func checkGraph(file io.ReadSeeker) error {
	g := graph{inputs: map[string]uint64{}, outputs: map[string]uint64{}}
	size, err := file.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	w := &walker{from: file, buffered: bufio.NewReaderSize(file, 1<<16)}
	if err := w.message(size, 0, g.visit); err != nil {
		return fmt.Errorf("not an ONNX file: %w", err)
	}
	kind, named := g.outputs[Output]
	switch {
	case !g.found:
		return errors.New("not an ONNX file: it has no graph")
	case g.external:
		return errors.New("its weights are in another file beside it; a bundle has one file: choose a variant of the model with the weights inside")
	case g.unknown() != "":
		return fmt.Errorf("the graph has an input %.64q; known are %s", g.unknown(), list(inputs))
	case !named:
		return fmt.Errorf("the graph has no output %q", Output)
	case kind != elementFloat32:
		return fmt.Errorf("the graph's output %q is of ONNX type %d, needs 32-bit numbers: choose another variant of the model", Output, kind)
	}
	return nil
}

// elementFloat32 is FLOAT of ONNX's TensorProto.DataType.
const elementFloat32 = 1

// graph collects what checkGraph asks for. Field numbers are those of onnx.proto.
type graph struct {
	found, external bool
	inputs, outputs map[string]uint64 // the type of each by name
}

// unknown is the name of an input that is none of ours, if there is one.
func (g *graph) unknown() string {
	for _, name := range slices.Sorted(maps.Keys(g.inputs)) {
		if !slices.Contains(inputs, name) {
			return name
		}
	}
	return ""
}

// visit reads ModelProto: graph = 7.
func (g *graph) visit(w *walker, f field) error {
	if f.number != 7 {
		return nil
	}
	g.found = true
	return w.message(f.size, f.depth, g.visitGraph)
}

// visitGraph reads GraphProto: initializer = 5, input = 11, output = 12.
func (g *graph) visitGraph(w *walker, f field) error {
	switch f.number {
	case 5: // TensorProto: data_location = 14, of which EXTERNAL is 1
		return w.message(f.size, f.depth, func(_ *walker, f field) error {
			g.external = g.external || f.number == 14 && f.value == 1
			return nil
		})
	case 11:
		return visitValue(w, f, g.inputs)
	case 12:
		return visitValue(w, f, g.outputs)
	}
	return nil
}

// visitValue reads ValueInfoProto: name = 1, type = 2; TypeProto: tensor_type =
// 1; its elem_type = 1.
func visitValue(w *walker, f field, to map[string]uint64) error {
	var name string
	var kind uint64
	err := w.message(f.size, f.depth, func(w *walker, f field) (err error) {
		switch f.number {
		case 1:
			name, err = w.text(f.size)
		case 2:
			return w.message(f.size, f.depth, func(w *walker, f field) error {
				if f.number != 1 {
					return nil
				}
				return w.message(f.size, f.depth, func(_ *walker, f field) error {
					if f.number == 1 {
						kind = f.value
					}
					return nil
				})
			})
		}
		return err
	})
	to[name] = kind
	return err
}

// walker reads protobuf messages from a file of gigabytes without holding it:
// what nobody asks for is skipped.
type walker struct {
	from     io.ReadSeeker
	buffered *bufio.Reader
	at       int64
}

// field is one field's head. Of a length-delimited one, size bytes follow.
type field struct {
	number uint64
	size   int64
	value  uint64 // of a varint
	depth  int
}

const maxDepth = 16

// message calls visit for each field of a message of size bytes, and skips what
// visit leaves.
func (w *walker) message(size int64, depth int, visit func(*walker, field) error) error {
	if depth > maxDepth {
		return errors.New("nested too deeply")
	}
	end := w.at + size
	for w.at < end {
		f, err := w.field(depth + 1)
		if err != nil {
			return err
		}
		next := w.at + f.size
		if f.size > end-w.at {
			return io.ErrUnexpectedEOF
		}
		if err := visit(w, f); err != nil {
			return err
		}
		if err := w.skip(next - w.at); err != nil {
			return err
		}
	}
	if w.at != end {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (w *walker) field(depth int) (field, error) {
	key, err := w.varint()
	if err != nil {
		return field{}, err
	}
	f := field{number: key >> 3, depth: depth}
	switch key & 7 {
	case 0:
		f.value, err = w.varint()
	case 1:
		f.size = 8
	case 2:
		var n uint64
		if n, err = w.varint(); n > math.MaxInt64 {
			return field{}, errors.New("a field of impossible length")
		}
		f.size = int64(n)
	case 5:
		f.size = 4
	default:
		return field{}, errors.New("a field of unknown kind")
	}
	if f.number == 0 {
		return field{}, errors.New("a field with the number 0")
	}
	return f, err
}

func (w *walker) varint() (uint64, error) {
	v, err := binary.ReadUvarint(w)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return v, err
}

// ReadByte makes the walker an io.ByteReader.
func (w *walker) ReadByte() (byte, error) {
	b, err := w.buffered.ReadByte()
	if err == nil {
		w.at++
	}
	return b, err
}

// text reads a name.
func (w *walker) text(size int64) (string, error) {
	if size > 4096 {
		return "", errors.New("a name of impossible length")
	}
	b := make([]byte, size)
	n, err := io.ReadFull(w.buffered, b)
	w.at += int64(n)
	return string(b), err
}

func (w *walker) skip(n int64) error {
	if n < 0 {
		return io.ErrUnexpectedEOF
	}
	if n <= int64(w.buffered.Buffered()) {
		_, err := w.buffered.Discard(int(n))
		w.at += n
		return err
	}
	w.at += n
	if _, err := w.from.Seek(w.at, io.SeekStart); err != nil {
		return err
	}
	w.buffered.Reset(w.from)
	return nil
}
