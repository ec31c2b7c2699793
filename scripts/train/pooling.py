"""Graph surgery: from an encoder's hidden states to pooled features and logits.

Everything the classifier needs sits in the ONNX graph, so the proxy feeds tokens
and reads logits, whatever the head looks like. Operators are those of opsets 13 to
17; the published fp32 graph is 14.
"""

import copy

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH = 384
LAST = "last_hidden_state"
MID_LAYERS = (1, 2, 3, 4)
FEATURES = WIDTH * (3 + len(MID_LAYERS))


def _hidden(layer: int) -> str:
    return f"/encoder/layer.{layer}/output/LayerNorm/Add_1_output_0"


class _Builder:
    def __init__(self, model: onnx.ModelProto):
        self.model = copy.deepcopy(model)
        self.graph = self.model.graph

    def constant(self, name: str, value: np.ndarray) -> str:
        self.graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def node(self, op: str, inputs: list[str], output: str, **attributes) -> str:
        self.graph.node.append(
            helper.make_node(op, inputs, [output], name=f"/head/{output}", **attributes))
        return output

    def finish(self, output: str, width: int) -> onnx.ModelProto:
        del self.graph.output[:]
        self.graph.output.append(
            helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch_size", width]))
        onnx.checker.check_model(self.model)
        return self.model


def _pool(b: _Builder) -> str:
    """[batch, FEATURES]: mean, maximum and first token of the last layer, then the
    mean of the middle layers. Padding takes part in none of them."""
    along = b.constant("head_axis_tokens", np.array([1], dtype=np.int64))
    across = b.constant("head_axis_width", np.array([2], dtype=np.int64))
    mask = b.node("Cast", ["attention_mask"], "mask_float", to=TensorProto.FLOAT)
    mask = b.node("Unsqueeze", [mask, across], "mask_column")
    count = b.node("ReduceSum", [mask, along], "token_count", keepdims=0)

    def mean(hidden: str, name: str) -> str:
        kept = b.node("Mul", [hidden, mask], f"{name}_kept")
        total = b.node("ReduceSum", [kept, along], f"{name}_sum", keepdims=0)
        return b.node("Div", [total, count], f"{name}_mean")

    one = b.constant("head_one", np.array(1, dtype=np.float32))
    low = b.constant("head_low", np.array(-1e4, dtype=np.float32))
    zero = b.constant("head_first", np.array(0, dtype=np.int64))
    absent = b.node("Sub", [one, mask], "mask_absent")
    absent = b.node("Mul", [absent, low], "mask_floor")
    lowered = b.node("Add", [LAST, absent], "last_lowered")

    parts = [
        mean(LAST, "last"),
        b.node("ReduceMax", [lowered], "last_max", axes=[1], keepdims=0),
        b.node("Gather", [LAST, zero], "last_first", axis=1),
    ]
    parts += [mean(_hidden(n), f"layer{n}") for n in MID_LAYERS]
    return b.node("Concat", parts, "features", axis=1)


def with_features(encoder: onnx.ModelProto) -> onnx.ModelProto:
    b = _Builder(encoder)
    return b.finish(_pool(b), FEATURES)


def with_logits(encoder: onnx.ModelProto, layers: list[tuple[np.ndarray, np.ndarray]]) -> onnx.ModelProto:
    """Adds a head: layers of (weight [in, out], bias [out]) with ReLU between them."""
    b = _Builder(encoder)
    value = _pool(b)
    for n, (weight, bias) in enumerate(layers):
        last = n == len(layers) - 1
        w = b.constant(f"head_weight_{n}", weight.astype(np.float32))
        c = b.constant(f"head_bias_{n}", bias.astype(np.float32))
        value = b.node("Gemm", [value, w, c], "logits" if last else f"head_linear_{n}")
        if not last:
            value = b.node("Relu", [value], f"head_relu_{n}")
    return b.finish(value, layers[-1][0].shape[1])
