"""Writes guard/ and tagger/, two repositories as people publish classifiers on Hugging Face, small enough to read.

    pip install onnx==1.23.2 && python repos.py

The words of the vocabulary are the whole language, and each has a weight per label. guard labels a text by the mean of
its words' weights: "ignore" is INJECTION, all else SAFE. tagger labels each word: "alice" begins a PERSON and "smith"
goes on with it, "paris" is a GPE. As published ones do, their tokenizers pad and truncate, and each has a model card.
"""
import json
import pathlib

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ignore", "hello", "alice", "smith", "paris", "weather"]
REPOS = {
    "guard": ("BertForSequenceClassification", ["SAFE", "INJECTION"], {"ignore": "INJECTION"}, "SAFE"),
    "tagger": ("BertForTokenClassification", ["O", "B-PERSON", "I-PERSON", "B-GPE", "I-GPE"],
               {"alice": "B-PERSON", "smith": "I-PERSON", "paris": "B-GPE"}, "O"),
}
HERE = pathlib.Path(__file__).parent


def weights(labels, words, otherwise):
    w = np.zeros((len(WORDS), len(labels)), np.float32)
    for i, word in enumerate(WORDS):
        w[i, labels.index(words.get(word, otherwise))] = 40 if word in words else 4
    return w


def graph(name, labels, words, otherwise):
    ids = ["batch_size", "sequence_length"]
    nodes = [helper.make_node("Gather", ["weights", "input_ids"], ["logits" if name == "tagger" else "weighed"])]
    shape = ["batch_size", "sequence_length", len(labels)]
    if name == "guard":
        shape = ["batch_size", len(labels)]
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
            helper.make_node("Mul", ["weighed", "column"], ["kept"]),
            helper.make_node("ReduceSum", ["kept", "middle"], ["total"], keepdims=0),
            helper.make_node("ReduceSum", ["mask", "middle"], ["count"], keepdims=1),
            helper.make_node("Div", ["total", "count"], ["logits"]),
        ]
    constants = {"weights": weights(labels, words, otherwise)}
    if name == "guard":
        constants |= {"last": np.array([-1], np.int64), "middle": np.array([1], np.int64)}
    return helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info(n, TensorProto.INT64, ids) for n in ("input_ids", "attention_mask", "token_type_ids")],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )


def tokenizer():
    special = [{"id": i, "content": w, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for i, w in enumerate(WORDS[:4])]
    around = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 512, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 512}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": special,
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
    for name, (architecture, labels, words, otherwise) in REPOS.items():
        model = helper.make_model(graph(name, labels, words, otherwise), opset_imports=[helper.make_opsetid("", 17)],
                                  ir_version=8, producer_name="classify/models/hub/hubtest/testdata/repos.py")
        checker.check_model(model, full_check=True)
        (HERE / name / "onnx").mkdir(parents=True, exist_ok=True)
        save(model, HERE / name / "onnx" / "model.onnx")
        files = {
            "config.json": {
                "architectures": [architecture], "model_type": "bert", "hidden_size": len(labels),
                "id2label": {str(i): l for i, l in enumerate(labels)}, "label2id": {l: i for i, l in enumerate(labels)},
                "max_position_embeddings": 512, "pad_token_id": 0,
            },
            "tokenizer_config.json": {"model_max_length": 1000000000000000019884624838656, "tokenizer_class": "BertTokenizer"},
            "tokenizer.json": tokenizer(),
        }
        for file, content in files.items():
            (HERE / name / file).write_text(json.dumps(content, indent=2) + "\n")
        (HERE / name / "README.md").write_text(f"---\nlicense: apache-2.0\ntags:\n- onnx\n---\n\n# {name}\n")


if __name__ == "__main__":
    main()
