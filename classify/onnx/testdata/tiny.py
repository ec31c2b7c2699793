"""Writes tiny.onnx and tokenizer.json, the model that the tests of classify/onnx run.

    pip install onnx==1.23.2 && python tiny.py

The words of the vocabulary are the whole language. Each has a weight per label, and the logits of a text are the
mean of its words' weights over the positions that the attention mask leaves, so a test can compute them by hand:
"alpha" is label 0, "beta" label 1, "gamma" label 2, special and unknown tokens weigh nothing.
The word "slow" makes a loop inside the graph run a million times, for tests of cancelling. "nan" gives NaN.
"""
import json
import pathlib

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "alpha", "beta", "gamma", "slow", "nan"]
LABELS = 3
SLOW = WORDS.index("slow")
HERE = pathlib.Path(__file__).parent


def weights():
    w = np.zeros((len(WORDS), LABELS), np.float32)
    for label, word in enumerate(["alpha", "beta", "gamma"]):
        w[WORDS.index(word), label] = 6
    w[WORDS.index("nan")] = np.nan
    return w


def constant(name, value):
    return numpy_helper.from_array(np.array(value), name)


def loop_body():
    """x -> sqrt(x*x): one scalar that stays what it is, at the cost of two kernels an iteration."""
    scalar = lambda name, kind: helper.make_tensor_value_info(name, kind, [])
    return helper.make_graph(
        [
            helper.make_node("Mul", ["x_in", "x_in"], ["x_squared"]),
            helper.make_node("Sqrt", ["x_squared"], ["x_out"]),
            helper.make_node("Identity", ["go_in"], ["go_out"]),
        ],
        "spin",
        [scalar("i", TensorProto.INT64), scalar("go_in", TensorProto.BOOL), scalar("x_in", TensorProto.FLOAT)],
        [scalar("go_out", TensorProto.BOOL), scalar("x_out", TensorProto.FLOAT)],
    )


def graph():
    ids = ["batch", "sequence"]
    nodes = [
        helper.make_node("Equal", ["input_ids", "slow_id"], ["is_slow"]),
        helper.make_node("Cast", ["is_slow"], ["slow_count"], to=TensorProto.INT64),
        helper.make_node("ReduceSum", ["slow_count"], ["slow_words"], keepdims=0),
        helper.make_node("Mul", ["slow_words", "million"], ["trips"]),
        helper.make_node("Loop", ["trips", "go", "one"], ["still_one"], body=loop_body()),
        helper.make_node("Gather", ["weights", "input_ids"], ["weighed"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask_column"]),
        helper.make_node("Mul", ["weighed", "mask_column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["total"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "middle"], ["count"], keepdims=1),
        helper.make_node("Div", ["total", "count"], ["mean"]),
        helper.make_node("Mul", ["mean", "still_one"], ["logits"]),
    ]
    return helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ids) for n in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", LABELS])],
        [
            constant("slow_id", np.int64(SLOW)),
            constant("million", np.int64(1_000_000)),
            constant("go", np.bool_(True)),
            constant("one", np.float32(1)),
            constant("weights", weights()),
            constant("last", np.array([-1], np.int64)),
            constant("middle", np.array([1], np.int64)),
        ],
    )


def tokenizer():
    special = [{"id": i, "content": w, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for i, w in enumerate(WORDS[:4])]
    around = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [around("[CLS]"), text, around("[SEP]")],
            "pair": [around("[CLS]"), text, around("[SEP]"), {"Sequence": {"id": "B", "type_id": 1}}, around("[SEP]")],
            "special_tokens": {w: {"id": w, "ids": [WORDS.index(w)], "tokens": [w]} for w in ("[CLS]", "[SEP]")},
        },
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(WORDS)}, "unk_token": "[UNK]"},
    }


def main():
    model = helper.make_model(graph(), opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                              producer_name="classify/onnx/testdata/tiny.py")
    checker.check_model(model, full_check=True)
    save(model, HERE / "tiny.onnx")
    (HERE / "tokenizer.json").write_text(json.dumps(tokenizer(), indent=1) + "\n")


if __name__ == "__main__":
    main()
