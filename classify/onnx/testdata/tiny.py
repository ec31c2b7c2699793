"""Writes the models and tokenizers that the tests of classify/onnx run.

    pip install onnx==1.23.2 sentencepiece==0.2.3 && python tiny.py

tiny.onnx and tokenizer.json:

The words of the vocabulary are the whole language. Each has a weight per label, and the logits of a text are the
mean of its words' weights over the positions that the attention mask leaves, so a test can compute them by hand:
"alpha" is label 0, "beta" label 1, "gamma" label 2, special and unknown tokens weigh nothing.
The word "slow" makes a loop inside the graph run a million times, for tests of cancelling. "nan" gives NaN.

heads.onnx takes the same tokens and has several outputs: "topic" as above, "names" for each token ("alpha" begins a
name, "beta" goes on with it, special tokens weigh 99 for one), and "hidden", for which nobody asks. It has room for
more ids than there are words.

unigram.json is a tokenizer of SentencePiece, as XLM-RoBERTa has, in Hugging Face's format: <s> and </s> around a text,
words that begin with a visible space, a compiled normaliser. Its pieces are learned from a few sentences.
"""
import base64
import io
import json
import pathlib

import numpy as np
import sentencepiece
from onnx import TensorProto, checker, helper, numpy_helper, save
from sentencepiece import sentencepiece_model_pb2

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


NAMES = ["O", "B-NAME", "I-NAME"]
ROOM = 256


def name_weights():
    w = np.zeros((ROOM, len(NAMES)), np.float32)
    w[:, 0] = 2
    w[:4] = [0, 99, 0]
    w[WORDS.index("alpha")] = [0, 6, 0]
    w[WORDS.index("beta")] = [0, 0, 6]
    return w


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


def many_heads():
    """The graph of heads.onnx."""
    ids = ["batch", "sequence"]
    topic = np.zeros((ROOM, LABELS), np.float32)
    topic[:len(WORDS)] = np.nan_to_num(weights())
    nodes = [
        helper.make_node("Gather", ["topic_weights", "input_ids"], ["hidden"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask_column"]),
        helper.make_node("Mul", ["hidden", "mask_column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["total"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "middle"], ["count"], keepdims=1),
        helper.make_node("Div", ["total", "count"], ["topic"]),
        helper.make_node("Gather", ["name_weights", "input_ids"], ["names"]),
    ]
    return helper.make_graph(
        nodes,
        "heads",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ids) for n in ("input_ids", "attention_mask")],
        [
            helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ids + [LABELS]),
            helper.make_tensor_value_info("names", TensorProto.FLOAT, ids + [len(NAMES)]),
            helper.make_tensor_value_info("topic", TensorProto.FLOAT, ["batch", LABELS]),
        ],
        [
            constant("topic_weights", topic),
            constant("name_weights", name_weights()),
            constant("last", np.array([-1], np.int64)),
            constant("middle", np.array([1], np.int64)),
        ],
    )


SENTENCES = """the quick brown fox jumps over the lazy dog
mister smith went to washington and wrote to miss jones
a name is a name, and (as they say) what is in it?
please call 555-0100 or write to john@example.org
numbers 0 1 2 3 4 5 6 7 8 9 and words of all letters a b c d e f g h i j k l m n o p q r s t u v w x y z
東京 京都 大阪 と 東京
the fox and the dog went to the river, and the river went to the sea"""


def unigram():
    rules = "".join(f"{0xFF41 + i:X}\t{0x61 + i:X}\n" for i in range(26)) + "FB01\t66 69\n3000\t20\nAD\t\n"
    tsv, model = HERE / "rules.tsv", io.BytesIO()
    tsv.write_text(rules)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES.split("\n") * 20), model_writer=model, model_type="unigram", vocab_size=120,
        normalization_rule_tsv=str(tsv), bos_id=0, pad_id=1, eos_id=2, unk_id=3, hard_vocab_limit=False, num_threads=1,
    )
    tsv.unlink()
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    assert len(proto.pieces) <= ROOM
    special = [{"id": i, "content": p.piece, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for i, p in enumerate(proto.pieces[:4])]
    around = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled",
             "precompiled_charsmap": base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
        ]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [around("<s>"), text, around("</s>")],
            "pair": [around("<s>"), text, around("</s>"), {"Sequence": {"id": "B", "type_id": 0}}, around("</s>")],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
                               "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}},
        },
        "decoder": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": 3, "vocab": [[p.piece, p.score] for p in proto.pieces], "byte_fallback": False},
    }


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
    for name, of in (("tiny.onnx", graph()), ("heads.onnx", many_heads())):
        model = helper.make_model(of, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                                  producer_name="classify/onnx/testdata/tiny.py")
        checker.check_model(model, full_check=True)
        save(model, HERE / name)
    for name, of in (("tokenizer.json", tokenizer()), ("unigram.json", unigram())):
        (HERE / name).write_text(json.dumps(of, indent=1) + "\n")


if __name__ == "__main__":
    main()
