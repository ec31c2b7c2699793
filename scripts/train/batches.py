"""Token batches for one task: rows of similar length together, each pass in another
order, with the cuts and changes of wording that make small data go further."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from tokenizers import Tokenizer

import data
import personal
import phrases


SHORT = (12, 41)  # from, and below


@dataclass(frozen=True)
class Task:
    head: str
    rows: data.Rows
    batch: int  # rows
    window: int  # tokens; of a longer row, a stretch
    share: float  # of all steps
    framing: float = 0.0  # share of rows that get an opening or a closing phrase, or both
    stretch: float = 0.0  # share of longer rows of which SHORT tokens are taken
    lower: float = 0.1  # share of rows in lower case
    smoothing: float = 0.05  # of the labels of whole texts

    def digest(self) -> str:
        return f"{self.rows.digest()} {replace(self, rows=None)}"


def framed(tokenizer: Tokenizer, texts: list[str], window: int) -> list[list[int]]:
    """Ids of the first window of each text."""
    begin, end = (tokenizer.token_to_id(t) for t in ("<s>", "</s>"))
    return [[begin, *tokenizer.encode(t[: window * 12], add_special_tokens=False).ids[:window], end] for t in texts]


def padded(rows: list[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask [row, token]."""
    width = max(len(r) for r in rows)
    ids = torch.tensor([r + [pad] * (width - len(r)) for r in rows])
    return ids, torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows])


class Batches:
    def __init__(self, task: Task, tokenizer: Tokenizer, seed: int):
        self.task, self.tokenizer, self.seed = task, tokenizer, seed
        self.begin, self.end = tokenizer.token_to_id("<s>"), tokenizer.token_to_id("</s>")
        self.pad = tokenizer.token_to_id("<pad>")
        self.tagged = task.head == "pii"
        self.weight = np.array(task.rows.weight, dtype=np.float32)
        self.weight /= self.weight.mean()

    def __len__(self) -> int:
        return -(-len(self.task.rows) // self.task.batch)

    def passes(self):
        """Yields ids, mask, labels, weights for ever."""
        number = 0
        while True:
            yield from self._pass(np.random.default_rng((self.seed, number)))
            number += 1

    def _pass(self, random: np.random.Generator):
        rows = [self._row(i, random) for i in range(len(self.task.rows))]
        # Noise keeps neighbours changing from pass to pass.
        length = np.array([len(r[0]) for r in rows]) * random.uniform(0.85, 1.15, len(rows))
        order = np.argsort(length, kind="stable")
        groups = [order[i:i + self.task.batch] for i in range(0, len(order), self.task.batch)]
        for g in random.permutation(len(groups)):
            yield self._tensors([rows[i] for i in groups[g]], groups[g])

    def _row(self, i: int, random: np.random.Generator):
        """Ids and, for tagged rows, tags of one window of a row."""
        text, t = self.task.rows.text[i], self.task
        if random.random() < t.lower:
            lowered = text.lower()
            text = lowered if len(lowered) == len(text) else text  # spans must still fit
        if random.random() < t.framing:
            text = phrases.frame(text, random)
        encoding = self.tokenizer.encode(text[: t.window * 12], add_special_tokens=False)
        ids, tags = encoding.ids, None
        if self.tagged:
            tags = personal.tags(t.rows.spans[i], encoding.offsets, text)
        window, anywhere = t.window, random.random() < 0.5
        if random.random() < t.stretch:
            window, anywhere = int(random.integers(*SHORT)), True
        spare = len(ids) - window
        start = int(random.integers(spare + 1)) if spare > 0 and anywhere else 0
        cut = slice(start, start + window)
        return ids[cut], tags[cut] if tags is not None else None

    def _tensors(self, rows, index: np.ndarray):
        # Few distinct shapes: the matrix library compiles a kernel for each.
        width = -(-(max(len(r[0]) for r in rows) + 2) // 8) * 8
        ids = torch.full((len(rows), width), self.pad, dtype=torch.long)
        mask = torch.zeros(len(rows), width, dtype=torch.long)
        label = torch.full((len(rows), width), -100, dtype=torch.long) if self.tagged else \
            torch.tensor([self.task.rows.label[i] for i in index])
        for n, (tokens, tags) in enumerate(rows):
            ids[n, :len(tokens) + 2] = torch.tensor([self.begin, *tokens, self.end])
            mask[n, :len(tokens) + 2] = 1
            if self.tagged:
                label[n, 1:len(tokens) + 1] = torch.tensor(tags)
        return ids, mask, label, torch.from_numpy(self.weight[index])
