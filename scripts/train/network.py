"""The encoder with its heads in PyTorch.

Three heads read the whole text: linear maps of the mean, maximum and first state of
the last layer, the means of some layers below (which know more of the topic than the
last), and the logarithm of the number of tokens. Those of domains and of complexity
also count words: each piece, and each pair of neighbours by its hash, adds what it alone
says for a label, as a linear model over n-grams would. One head reads each token.
"""

import numpy as np
import torch
from torch import nn

import data
import personal
from encoder import WIDTH, Encoder

BELOW = (1, 3, 5)  # layers whose means are read, counted from 0
BELOW_TOKEN = 3  # layer that the token head reads beside the last
POOLED = WIDTH * (3 + len(BELOW)) + 1

HEADS = {
    "domain": data.DOMAINS,
    "jailbreak": data.GUARD,
    "complexity": data.COMPLEXITY,
    "pii": personal.TAGS,
}
TOKEN_HEAD = "pii"

# Heads that count words. The detector of attacks does not: it would learn the trigger
# words, which honest prompts hold too.
COUNTED = ("domain", "complexity")
COLUMNS = sum(len(HEADS[h]) for h in COUNTED)
BUCKETS = 1 << 17  # of pairs
FACTOR = 1_000_003  # pair -> (first * FACTOR + second) mod BUCKETS
GAIN = 3.0  # lets small table values matter, so that their decay does
MISSED = 0.3  # share of words that training does not count


def columns_of(head: str) -> slice:
    """Where the tables of counts have those of a head."""
    first = sum(len(HEADS[h]) for h in COUNTED[:COUNTED.index(head)])
    return slice(first, first + len(HEADS[head]))


class Counts(nn.Module):
    """Sums of table rows over the tokens, divided by the root of their number."""

    def __init__(self, words: int):
        super().__init__()
        self.piece, self.pair = nn.Embedding(words, COLUMNS), nn.Embedding(BUCKETS, COLUMNS)
        for table in (self.piece, self.pair):
            nn.init.zeros_(table.weight)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        pairs = (ids[:, :-1] * FACTOR + ids[:, 1:]) % BUCKETS
        total = self._sum(self.piece(ids), mask) + self._sum(self.pair(pairs), mask[:, 1:])
        total = total * (GAIN / mask.float().sum(dim=1, keepdim=True).sqrt())
        return {head: total[:, columns_of(head)] for head in COUNTED}

    def _sum(self, rows: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        keep = mask.float()
        keep = keep * (torch.rand_like(keep) >= MISSED) if self.training else keep * (1 - MISSED)
        return (rows * keep[:, :, None]).sum(dim=1)


class Network(nn.Module):
    def __init__(self, encoder: Encoder):
        super().__init__()
        self.encoder = encoder
        self.counts = Counts(encoder.word.num_embeddings)
        self.heads = nn.ModuleDict({
            name: nn.Linear(2 * WIDTH if name == TOKEN_HEAD else POOLED, len(labels)) for name, labels in HEADS.items()
        })
        for head in self.heads.values():
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, head: str) -> torch.Tensor:
        """Logits [batch, labels], or [batch, tokens, tags] for the token head."""
        hidden = self.encoder(ids, mask)
        with torch.autocast("cpu", enabled=False):
            if head == TOKEN_HEAD:
                return self.heads[head](torch.cat([hidden[-1].float(), hidden[BELOW_TOKEN].float()], dim=2))
            logits = self.heads[head](pool(hidden, mask))
            return logits + self.counts(ids, mask)[head] if head in COUNTED else logits

    def start(self, state: dict[str, np.ndarray]) -> None:
        self.encoder.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})

    def take(self, found: dict[str, np.ndarray]) -> None:
        """Sets parameters by name; what is smaller than here, from the first row and column."""
        own = dict(self.named_parameters())
        with torch.no_grad():
            for name, value in found.items():
                own[name][tuple(slice(n) for n in value.shape)] = torch.from_numpy(value)


def pool(hidden: list[torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
    keep = mask.float()[:, :, None]
    count = keep.sum(dim=1)

    def mean(h: torch.Tensor) -> torch.Tensor:
        return (h.float() * keep).sum(dim=1) / count

    last = hidden[-1].float()
    top = (last + (1 - keep) * -1e4).amax(dim=1)
    return torch.cat([mean(last), top, last[:, 0], *(mean(hidden[n]) for n in BELOW), count.log()], dim=1)
