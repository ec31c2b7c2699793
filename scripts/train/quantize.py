"""Dynamic int8 quantisation of an encoder graph."""

import tempfile
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

import pooling


def int8(model: onnx.ModelProto, output: str) -> onnx.ModelProto:
    """The graph with int8 weights and only one output, renamed to pooling.LAST.

    Weights of MatMul and of the embedding tables (Gather) are quantised, per output
    channel where the operator allows; activations get their scale at run time."""
    model = single_output(model, output)
    with tempfile.TemporaryDirectory() as d:
        source, target = Path(d) / "fp32.onnx", Path(d) / "int8.onnx"
        onnx.save(model, source)
        quantize_dynamic(
            source, target, op_types_to_quantize=["MatMul", "Gather"], per_channel=True,
            weight_type=QuantType.QInt8, extra_options={"MatMulConstBOnly": True})
        return onnx.load(target)


def single_output(model: onnx.ModelProto, output: str) -> onnx.ModelProto:
    """A copy that computes `output` only, under the name pooling.LAST."""
    out = onnx.ModelProto()
    out.CopyFrom(model)
    graph = out.graph
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == output:
                    names[i] = pooling.LAST
    wanted, nodes = {pooling.LAST}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            nodes.append(node)
            wanted |= set(node.input)
    del graph.node[:]
    graph.node.extend(reversed(nodes))
    kept = [i for i in graph.initializer if i.name in wanted]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.output[:]
    graph.output.append(onnx.helper.make_tensor_value_info(
        pooling.LAST, onnx.TensorProto.FLOAT, ["batch_size", "sequence_length", pooling.WIDTH]))
    return out
