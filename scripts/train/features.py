"""Pooled encoder states of many texts, cached as .npy.

Texts run one at a time: the int8 graph picks its activation scales per run, over
the whole batch, so a batch would give other numbers than the proxy sees later.
"""

import hashlib
import multiprocessing
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from tokenizers import Tokenizer

import data
import pooling

CHUNK = 512


class Runner:
    """An ONNX graph on one CPU thread, fed one text at a time."""

    def __init__(self, model: bytes, tokenizer: str, window: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"])
        self.names = {i.name for i in self.session.get_inputs()}
        self.tokenizer = Tokenizer.from_str(tokenizer)
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.cls = self.tokenizer.token_to_id("[CLS]")
        self.sep = self.tokenizer.token_to_id("[SEP]")
        self.window = window

    def tokens(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def run(self, tokens: list[int]) -> np.ndarray:
        """First output for one window of at most self.window tokens."""
        ids = np.array([[self.cls, *tokens, self.sep]], dtype=np.int64)
        feed = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        feed = {k: v for k, v in feed.items() if k in self.names}
        return self.session.run(None, feed)[0][0]

    def first_window(self, text: str) -> np.ndarray:
        return self.run(self.tokens(text)[: self.window])


def _work(job):
    model, tokenizer, window, texts, path = job
    runner = Runner(model, tokenizer, window)
    out = np.stack([runner.first_window(t) for t in texts]).astype(np.float32)
    part = path.with_suffix(".part.npy")
    np.save(part, out)
    os.replace(part, path)
    return path


def compute(encoder: onnx.ModelProto, tokenizer: str, window: int, rows: data.Rows,
            cache: Path, jobs: int) -> np.ndarray:
    """Features [row][dimension] of each row's first window. The cache is keyed by all
    that decides them; finished chunks survive an interruption."""
    model = pooling.with_features(encoder).SerializeToString(deterministic=True)
    key = hashlib.sha256(model + tokenizer.encode()).hexdigest()[:16]
    cache = cache / f"{key}-{window}-{rows.digest()}"
    cache.mkdir(parents=True, exist_ok=True)
    paths = [cache / f"{i // CHUNK:04d}.npy" for i in range(0, len(rows), CHUNK)]
    todo = [
        (model, tokenizer, window, rows.text[n * CHUNK:(n + 1) * CHUNK], path)
        for n, path in enumerate(paths) if not path.exists()
    ]
    if todo:
        with multiprocessing.get_context("spawn").Pool(jobs) as pool:
            for n, path in enumerate(pool.imap_unordered(_work, todo), 1):
                print(f"features: {n}/{len(todo)} chunks of {cache.name}", flush=True)
    return np.concatenate([np.load(p) for p in paths])
