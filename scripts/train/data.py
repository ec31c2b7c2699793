"""Rows for the domain classifier: reading, licence filter, weights, folds.

A data directory holds domain_train.jsonl.gz and domain_dev.jsonl.gz: gzip-compressed
JSON Lines, one object per line with the strings "text", "label" and "source".
"""

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LABELS = (
    "biology", "business", "chemistry", "computer science", "economics",
    "engineering", "health", "history", "law", "math", "philosophy",
    "physics", "psychology", "other",
)

# Share-alike text, or text that may hold some: never trained on, so that the
# weights raise no question about their own licence. Still measured on dev.
SHARE_ALIKE = frozenset({"exams", "bipia-code-context"})

# Requests as people write them. The exam questions outnumber them by far, and
# a proxy sees requests, so each such row counts as several.
USER_STYLE = frozenset({
    "koala-test-set", "self-instruct-user-oriented", "self-instruct-seed",
    "vicuna-bench",
})
USER_WEIGHT = 4.0

# Generated rows count less than written ones.
GENERATED = frozenset({"foreign-lexicon"})
GENERATED_WEIGHT = 0.5


@dataclass(frozen=True)
class Rows:
    """Parallel lists; label is an index into LABELS."""

    text: list[str]
    label: np.ndarray
    source: np.ndarray

    def __len__(self) -> int:
        return len(self.text)

    def take(self, index) -> "Rows":
        return Rows([self.text[i] for i in index], self.label[index], self.source[index])

    def plus(self, other: "Rows") -> "Rows":
        return Rows(self.text + other.text, np.concatenate([self.label, other.label]),
                    np.concatenate([self.source, other.source]))

    def digest(self) -> str:
        """Names the content: caches made from other rows do not match."""
        h = hashlib.sha256()
        for t, y in zip(self.text, self.label):
            h.update(f"{y}\x00{t}\x00".encode())
        return h.hexdigest()[:16]


def read(path: Path) -> Rows:
    text, label, source = [], [], []
    number = {name: i for i, name in enumerate(LABELS)}
    with gzip.open(path, "rt", encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            row = json.loads(line)
            if row["label"] not in number:
                raise SystemExit(f"{path}:{n}: label {row['label']!r} is not one of the 14")
            text.append(row["text"])
            label.append(number[row["label"]])
            source.append(row["source"])
    return Rows(text, np.array(label), np.array(source))


def train_rows(directory: Path) -> Rows:
    rows = read(directory / "domain_train.jsonl.gz")
    return rows.take(np.flatnonzero(~np.isin(rows.source, list(SHARE_ALIKE))))


def dev_rows(directory: Path) -> Rows:
    return read(directory / "domain_dev.jsonl.gz")


def weights(rows: Rows) -> np.ndarray:
    """Per-row weight, mean 1."""
    w = np.where(np.isin(rows.source, list(USER_STYLE)), USER_WEIGHT, 1.0)
    w[np.isin(rows.source, list(GENERATED))] = GENERATED_WEIGHT
    return w / w.mean()


def folds(rows: Rows, count: int, seed: int) -> np.ndarray:
    """A fold number per row. Rows whose first 160 normalised characters agree
    share a fold: near-copies of a question must not sit on both sides."""
    out = np.empty(len(rows), dtype=np.int64)
    for i, text in enumerate(rows.text):
        key = f"{seed} {' '.join(text.lower().split())[:160]}"
        out[i] = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % count
    return out
