"""The head that tells whether a prompt needs the strong model: linear in the mean states, the length
and the words, fitted to the trained encoder in closed form instead of trained with it.

Seven thousand outcomes are few, and noisy: the encoder learns them by heart before it
learns what makes a question hard. What it learnt of subjects carries over by itself.
The map predicts what the strong model gains over the weak one (1, 0 or -1) by ridge
regression, with words weighing by their rarity (Sparck Jones 1972). There are more words than
rows, so it is solved for the rows (Saunders, Gammerman and Vovk 1998). A logistic curve turns the
prediction into a probability (Platt 1999).
"""

import re
from dataclasses import dataclass

import numpy as np
import torch
from scipy import linalg, sparse
from scipy.optimize import minimize
from tokenizers import Tokenizer

import batches
import calibrate
import data
import network
from encoder import WIDTH

HEAD = "complexity"
OPTIONS = re.compile(r"\n[A-J][.)] .*", re.DOTALL)
# What is read of the pooled state: the means of the last layer and of those below, and the length.
READ = [*range(WIDTH), *range(3 * WIDTH, network.POOLED)]
COPIES = 2  # of each question: with its answer options, and without
PARTS = 6
# Weights of the two kinds of features against the noise, by what they do on rows and subjects that a fit has not seen.
STATES, WORDS = 0.05, 0.1
BATCH = 32


@dataclass
class Features:
    """States [row, column], standardised, and words [row, piece or pair] by their rarity; both times what
    makes the mean over rows of the sum of squares STATES and WORDS."""

    states: np.ndarray
    words: sparse.csr_matrix
    mean: np.ndarray
    scale: np.ndarray
    rarity: np.ndarray

    @classmethod
    def of(cls, states: np.ndarray, words: sparse.csr_matrix, questions: int) -> "Features":
        """The first rows are questions; the others are the same once more, so words are counted in the first."""
        mean, scale = states.mean(axis=0), (states.std(axis=0) + 1e-6) * np.sqrt(states.shape[1] / STATES)
        rows = np.asarray((words[:questions] > 0).sum(axis=0)).ravel()
        rarity = np.where(rows < 2, 0, np.log(questions / np.minimum(1 + rows, questions)))
        rare = words.multiply(rarity).tocsr()
        rarity *= np.sqrt(WORDS * words.shape[0] / rare.power(2).sum())
        rare = words.multiply(rarity).tocsr().astype(np.float32)
        rare.eliminate_zeros()
        return cls(((states - mean) / scale).astype(np.float32), rare, mean, scale, rarity)

    def likeness(self) -> np.ndarray:
        """What two rows share, [row, row]."""
        return self.states @ self.states.T + (self.words @ self.words.T).toarray()


def solve(likeness: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """The weights of the rows."""
    system = likeness + COPIES * np.eye(len(likeness), dtype=np.float32)  # of one outcome: each has a part of its weight
    return linalg.solve(system, (gain - gain.mean()).astype(np.float32), assume_a="pos", overwrite_a=True)


def apgr(score: np.ndarray, gain: np.ndarray) -> float:
    """Average performance gap recovered, as classify/eval defines it, but for ties."""
    total = np.concatenate([[0], np.cumsum(gain[np.argsort(-score, kind="stable")])])
    return float((total[1:] + total[:-1]).mean() / 2 / total[-1])


def unseen(likeness: np.ndarray, gain: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Predictions for each part from a fit to the others."""
    out = np.zeros(len(gain))
    for p in np.unique(part):
        inside, outside = np.flatnonzero(part == p), np.flatnonzero(part != p)
        weight = solve(likeness[np.ix_(outside, outside)], gain[outside])
        out[inside] = likeness[np.ix_(inside, outside)] @ weight + gain[outside].mean()
    return out


def platt(score: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """a and b such that 1 / (1 + exp(-(a score + b))) is the likelihood of label."""
    def loss(p: np.ndarray) -> float:
        z = p[0] * score + p[1]
        return float((np.logaddexp(0, z) - label * z).mean())
    found = minimize(loss, x0=(1 / score.std(), np.log(label.mean() / (1 - label.mean()))), method="Nelder-Mead")
    return float(found.x[0]), float(found.x[1])


def pooled(net: network.Network, pad: int, rows: list[list[int]]) -> np.ndarray:
    """The state [row, POOLED] that the heads of whole texts read."""
    out = np.zeros((len(rows), network.POOLED))
    order = np.argsort([len(r) for r in rows], kind="stable")
    for group in (order[i:i + BATCH] for i in range(0, len(order), BATCH)):
        ids, mask = batches.padded([rows[i] for i in group], pad)
        with torch.no_grad():
            out[group] = network.pool(net.encoder(ids, mask), mask).numpy()
    return out


def counted(rows: list[list[int]], pieces: int) -> sparse.csr_matrix:
    """What network.Counts sums: pieces, then pairs by their hash, over the root of the number of tokens."""
    row, column, value = [], [], []
    for i, ids in enumerate(rows):
        pairs = [pieces + (a * network.FACTOR + b) % network.BUCKETS for a, b in zip(ids, ids[1:])]
        row += [i] * (2 * len(ids) - 1)
        column += [*ids, *pairs]
        value += [len(ids) ** -0.5] * (2 * len(ids) - 1)
    return sparse.csr_matrix((value, (row, column)), shape=(len(rows), pieces + network.BUCKETS))


def fit(net: network.Network, tokenizer: Tokenizer, outcomes: data.Rows, window: int, seed: int) -> None:
    """Fits the head to rows, each with its answer options and without."""
    n, gain = len(outcomes), np.array(outcomes.gain * COPIES, dtype=float)
    rows = batches.framed(tokenizer, outcomes.text + [OPTIONS.sub("", t) for t in outcomes.text], window)
    x = Features.of(pooled(net, tokenizer.token_to_id("<pad>"), rows)[:, READ], counted(rows, net.encoder.word.num_embeddings), n)
    likeness = x.likeness()
    subject = np.unique(outcomes.source, return_inverse=True)[1] % PARTS
    parts = {"rows": np.random.default_rng((seed, 19)).integers(PARTS, size=n), "subjects": subject}
    unknown = {name: unseen(likeness, gain, np.tile(part, COPIES)) for name, part in parts.items()}
    for name, score in unknown.items():
        print(f"complexity: APGR on unseen {name} {apgr(score[:n], gain[:n]):.3f}, "
              f"without answer options {apgr(score[n:], gain[n:]):.3f}", flush=True)
    score = unknown["rows"]
    a, b = platt(score, gain > 0)
    p = 1 / (1 + np.exp(-(a * score + b)))
    error = calibrate.calibration_error(np.stack([1 - p, p], axis=1), (gain > 0).astype(int))
    print(f"complexity: ECE on unseen rows {error:.4f}", flush=True)
    weight = solve(likeness, gain)
    states = x.states.T @ weight / x.scale
    write(net, a * states, a * x.rarity * (x.words.T @ weight), a * float(gain.mean() - x.mean @ states) + b)


def write(net: network.Network, states: np.ndarray, words: np.ndarray, bias: float) -> None:
    """Sets the head, of two labels, to log odds of the second."""
    whole = torch.zeros(network.POOLED)
    whole[READ] = torch.tensor(states).float()
    head, both = net.heads[HEAD], torch.tensor([-0.5, 0.5])
    counts = torch.tensor(words / (network.GAIN * (1 - network.MISSED))).float()[:, None] * both
    with torch.no_grad():
        head.weight.copy_(whole * both[:, None])
        head.bias.copy_(bias * both)
        for table, values in zip((net.counts.piece, net.counts.pair), counts.split([net.counts.piece.num_embeddings, network.BUCKETS])):
            table.weight[:, network.columns_of(HEAD)] = values
