"""Runs a finished graph over texts as the proxy does, one window a run: int8
arithmetic scales activations by whatever shares the run."""

import multiprocessing

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

import network


class Runner:
    def __init__(self, model: bytes, tokenizer: str, window: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.tokenizer, self.window = Tokenizer.from_str(tokenizer), window
        self.frame = [self.tokenizer.token_to_id(t) for t in ("<s>", "</s>")]

    def first_window(self, text: str) -> tuple[dict[str, np.ndarray], list[tuple[int, int]]]:
        """Logits by head and the offsets of the tokens; the token head's without the frame."""
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        ids = np.array([[self.frame[0], *encoding.ids[: self.window], self.frame[1]]], dtype=np.int64)
        names = list(network.HEADS)
        found = dict(zip(names, self.session.run(names, {"input_ids": ids, "attention_mask": np.ones_like(ids)})))
        out = {k: v[0, 1:-1] if k == network.TOKEN_HEAD else v[0] for k, v in found.items()}
        return out, encoding.offsets[: self.window]


def _sequence(job) -> np.ndarray:
    model, tokenizer, window, head, texts = job
    runner = Runner(model, tokenizer, window)
    return np.stack([runner.first_window(t)[0][head] for t in texts])


def logits(model: bytes, tokenizer: str, window: int, head: str, texts: list[str], jobs: int) -> np.ndarray:
    """[text, label] of a head that reads the whole text."""
    size = -(-len(texts) // jobs)
    parts = [(model, tokenizer, window, head, texts[i:i + size]) for i in range(0, len(texts), size)]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        return np.concatenate(pool.map(_sequence, parts))
