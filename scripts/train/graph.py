"""The network as an ONNX graph of standard operators, built node by node from its
arrays, so that there is no exporter to trust.

Inputs: input_ids and attention_mask, int64 [batch, sequence]. Outputs: the logits of
each head, float32 [batch, labels], or [batch, sequence, labels] for the token head.
"""

import functools
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

import base
import network
from encoder import EPSILON, HEADS, WIDTH

OPSET, IR_VERSION = 23, 11  # the first with Attention
LOW = -1e4


class Builder:
    def __init__(self):
        self.nodes, self.constants = [], {}

    def constant(self, name: str, value) -> str:
        self.constants[name] = numpy_helper.from_array(np.array(value, order="C"), name)
        return name

    def integers(self, *values: int) -> str:
        return self.constant("i_" + "_".join(str(v).replace("-", "m") for v in values), np.array(values, dtype=np.int64))

    def number(self, name: str, value: float) -> str:
        return self.constant(name, np.float32(value))

    def node(self, op: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def norm(self, value: str, arrays: dict, name: str, output: str) -> str:
        w, b = (self.constant(f"{name}.{k}", arrays[f"{name}.{k}"]) for k in ("weight", "bias"))
        return self.node("LayerNormalization", [value, w, b], output, axis=-1, epsilon=EPSILON)

    def linear(self, value: str, arrays: dict, name: str) -> str:
        w = self.constant(f"{name}.weight", arrays[f"{name}.weight"].T)
        b = self.constant(f"{name}.bias", arrays[f"{name}.bias"])
        return self.node("Add", [self.node("MatMul", [value, w], f"{name}.product"), b], f"{name}.out")


def packed(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Four bits a value and a half-precision scale for each block of a row, as base.Base.tensor
    reads them: bytes [row, block, BLOCK / 2] and scales [row, block, 1]. The value farthest from
    zero becomes -8, so that what was published so comes back as it was."""
    blocks = table.reshape(len(table), -1, base.BLOCK)
    farthest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[:, :, None], axis=2)
    scale = (np.where(farthest == 0, 1, farthest) / -8).astype(np.float16)
    numbers = np.clip(np.round(blocks / scale.astype(np.float32)) + 8, 0, 15).astype(np.uint8)
    low, high = numbers[:, :, : base.BLOCK // 2], numbers[:, :, base.BLOCK // 2:]
    return low | high << 4, scale


def words(b: Builder, arrays: dict) -> str:
    """Rows of the embedding table: two thirds of the model's weights, and what it knows of
    languages, so in four bits."""
    values, scales = packed(arrays["word.weight"])
    row = b.node("Gather", [b.constant("word.rows", values), "input_ids"], "word.row")
    low = b.node("BitwiseAnd", [row, b.constant("word.mask", np.uint8(15))], "word.low")
    high = b.node("BitShift", [row, b.constant("word.half", np.uint8(4))], "word.high", direction="RIGHT")
    number = b.node("Cast", [b.node("Concat", [low, high], "word.both", axis=3)], "word.number", to=TensorProto.FLOAT)
    scale = b.node("Gather", [b.constant("word.scales", scales), "input_ids"], "word.scale")
    scale = b.node("Cast", [scale], "word.scale.float", to=TensorProto.FLOAT)
    centred = b.node("Sub", [number, b.number("word.zero", 8)], "word.centred")
    return b.node("Reshape", [b.node("Mul", [centred, scale], "word.blocks"), b.integers(0, 0, WIDTH)], "word")


def embed(b: Builder, arrays: dict) -> str:
    length = b.node("Gather", [b.node("Shape", ["input_ids"], "shape"), b.integers(1)], "length")
    places = b.constant("position.weight", arrays["position.weight"])
    places = b.node("Slice", [places, b.integers(0), length, b.integers(0)], "position")
    return b.norm(b.node("Add", [words(b, arrays), places], "embedded"), arrays, "norm", "hidden_in")


def absence(b: Builder, mask: str) -> str:
    """What is added to the scores, [batch, 1, sequence, sequence], after embed: low where there is no token. It is
    spread over the queries here, because ONNX Runtime 1.24.4 reads past a mask that is to be spread by Attention."""
    low = b.node("Mul", [b.node("Sub", [b.number("one", 1), mask], "masked_out"), b.number("low", LOW)], "mask.bias")
    row = b.node("Unsqueeze", [low, b.integers(1, 2)], "bias.row")
    batch = b.node("Gather", ["shape", b.integers(0)], "batch")
    return b.node("Expand", [row, b.node("Concat", [batch, b.integers(1), "length", "length"], "bias.shape", axis=0)], "bias")


def attention(b: Builder, arrays: dict, value: str, bias: str, name: str) -> str:
    parts = [f"{name}.query", f"{name}.key", f"{name}.value"]
    b.nodes.append(helper.make_node("Split", [b.linear(value, arrays, f"{name}.qkv"), b.integers(WIDTH, WIDTH, WIDTH)], parts,
                                    name=f"{name}.three", axis=2))
    mixed = b.node("Attention", [*parts, bias], f"{name}.mixed", q_num_heads=HEADS, kv_num_heads=HEADS, scale=1.0)
    return b.linear(mixed, arrays, f"{name}.attended")


def layer(b: Builder, arrays: dict, value: str, bias: str, name: str) -> str:
    attended = b.node("Add", [value, attention(b, arrays, value, bias, name)], f"{name}.attended_sum")
    value = b.norm(attended, arrays, f"{name}.attention_norm", f"{name}.middle")
    inner = b.node("Gelu", [b.linear(value, arrays, f"{name}.inner")], f"{name}.active")
    outer = b.node("Add", [value, b.linear(inner, arrays, f"{name}.outer")], f"{name}.outer_sum")
    return b.norm(outer, arrays, f"{name}.output_norm", f"{name}.hidden")


def table(b: Builder, arrays: dict, name: str, index: str) -> str:
    """Rows of a table of counts: int8, a scale per column."""
    values = arrays[f"counts.{name}.weight"]
    scale = np.maximum(np.abs(values).max(axis=0), 1e-9) / 127
    rows = b.constant(f"counts.{name}.rows", np.round(values / scale).astype(np.int8))
    row = b.node("Cast", [b.node("Gather", [rows, index], f"counts.{name}.row")], f"counts.{name}.float", to=TensorProto.FLOAT)
    return b.node("Mul", [row, b.constant(f"counts.{name}.scale", scale.astype(np.float32))], f"counts.{name}.value")


def counts(b: Builder, arrays: dict, column: str, tokens: str) -> dict[str, str]:
    """What network.Counts computes, by head."""
    end = b.integers(2**31 - 1)

    def part(value: str, start: str, stop: str, name: str) -> str:
        return b.node("Slice", [value, start, stop, b.integers(1)], name)

    first = part("input_ids", b.integers(0), b.integers(-1), "pair.first")
    second = part("input_ids", b.integers(1), end, "pair.second")
    mixed = b.node("Add", [b.node("Mul", [first, b.constant("pair.factor", np.int64(network.FACTOR))], "pair.mixed"), second], "pair.sum")
    pair = b.node("Mod", [mixed, b.constant("pair.buckets", np.int64(network.BUCKETS))], "pair")
    sums = []
    for name, index, kept in (("piece", "input_ids", column), ("pair", pair, part(column, b.integers(1), end, "pair.kept"))):
        kept_rows = b.node("Mul", [table(b, arrays, name, index), kept], f"counts.{name}.kept")
        sums.append(b.node("ReduceSum", [kept_rows, b.integers(1)], f"counts.{name}.sum", keepdims=0))
    total = b.node("Div", [b.node("Add", sums, "counts.sum"), b.node("Sqrt", [tokens], "tokens.root")], "counts.mean")
    total = b.node("Mul", [total, b.number("counts.gain", network.GAIN * (1 - network.MISSED))], "counts")
    names = [f"counts.{h}" for h in network.COUNTED]
    widths = b.integers(*(len(network.HEADS[h]) for h in network.COUNTED))
    b.nodes.append(helper.make_node("Split", [total, widths], names, name="counts.split", axis=1))
    return dict(zip(network.COUNTED, names))


def heads(b: Builder, arrays: dict, hidden: list[str], mask: str) -> list:
    along, across = b.integers(1), b.integers(2)
    column = b.node("Unsqueeze", [mask, across], "mask.column")
    count = b.node("ReduceSum", [column, along], "tokens", keepdims=0)

    @functools.cache  # the last layer may be one of those below
    def mean(value: str) -> str:
        total = b.node("ReduceSum", [b.node("Mul", [value, column], f"{value}.kept"), along], f"{value}.sum", keepdims=0)
        return b.node("Div", [total, count], f"{value}.mean")

    last = hidden[-1]
    absent = b.node("Mul", [b.node("Sub", [b.number("one", 1), column], "absent"), b.number("low", LOW)], "floor")
    top = b.node("ReduceMax", [b.node("Add", [last, absent], "lowered"), along], "top", keepdims=0)
    first = b.node("Gather", [last, b.constant("first_place", np.int64(0))], "first", axis=1)
    pooled = b.node("Concat", [mean(last), top, first, *(mean(hidden[n]) for n in network.BELOW),
                               b.node("Log", [count], "tokens.log")], "pooled", axis=1)
    both = b.node("Concat", [last, hidden[network.BELOW_TOKEN]], "token_states", axis=2)
    counted, outputs = counts(b, arrays, column, count), []
    for name, labels in network.HEADS.items():
        token = name == network.TOKEN_HEAD
        said = b.linear(both if token else pooled, arrays, f"heads.{name}")
        b.node("Add", [said, counted[name]], name) if name in counted else b.node("Identity", [said], name)
        shape = ["batch", "sequence", len(labels)] if token else ["batch", len(labels)]
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return outputs


def build(arrays: dict[str, np.ndarray], layers: int) -> onnx.ModelProto:
    """arrays are those of network.Network; matrices [out, in]."""
    arrays = {k.removeprefix("encoder."): v for k, v in arrays.items()}
    for i in range(layers):  # the scale of the scores, 1/sqrt(width of a head), goes into the query
        for k in ("weight", "bias"):
            value = arrays[f"layers.{i}.qkv.{k}"].copy()
            value[:WIDTH] /= np.sqrt(WIDTH // HEADS)
            arrays[f"layers.{i}.qkv.{k}"] = value
    b = Builder()
    value = embed(b, arrays)
    mask = b.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    bias, hidden = absence(b, mask), []
    for i in range(layers):
        value = layer(b, arrays, value, bias, f"layers.{i}")
        hidden.append(value)
    outputs = heads(b, arrays, hidden, mask)
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "sequence"]) for n in ("input_ids", "attention_mask")]
    graph = helper.make_graph(b.nodes, "classifier", inputs, outputs, list(b.constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="vsr-proxy")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model


def int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights of the encoder's products as int8, a scale per output column; activations
    get theirs at run time. The heads are small and stay as they are."""
    kept = [n.name for n in model.graph.node if n.op_type == "MatMul" and n.name.startswith("heads.")]
    with tempfile.TemporaryDirectory() as d:
        source, target = Path(d) / "fp32.onnx", Path(d) / "int8.onnx"
        onnx.save(model, source)
        quantize_dynamic(source, target, op_types_to_quantize=["MatMul"], per_channel=True, nodes_to_exclude=kept,
                         weight_type=QuantType.QInt8)
        return onnx.load(target)
