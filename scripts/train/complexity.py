"""The head that tells whether a prompt needs the strong model: linear in the mean states, the length
and the words, fitted to the trained encoder in closed form instead of trained with it.

Seven thousand outcomes are few, and noisy: the encoder learns them by heart before it
learns what makes a question hard. What it learnt of subjects carries over by itself.
They are all exam questions, so prompts of other kinds stand beside them, with the gain that a
language model expected. The map predicts what the strong model gains over the weak one by ridge
regression, with words weighing by their rarity (Sparck Jones 1972). There are more words than
rows, so it is solved for the rows (Saunders, Gammerman and Vovk 1998). A logistic curve turns the
prediction into a probability (Platt 1999).
"""

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
# What is read of the pooled state: the means of the last layer and of those below, and the length.
READ = [*range(WIDTH), *range(3 * WIDTH, network.POOLED)]
PARTS = 6
# Weights of the two kinds of features against the noise, and that of judged rows, by what they do on rows and subjects
# that a fit has not seen. An outcome is one try, with noise of 1; what is judged is an expectation.
STATES, WORDS = 0.05, 0.1
JUDGED = 0.3
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
    def of(cls, states: np.ndarray, words: sparse.csr_matrix) -> "Features":
        mean, scale = states.mean(axis=0), (states.std(axis=0) + 1e-6) * np.sqrt(states.shape[1] / STATES)
        total, rows = words.shape[0], np.asarray((words > 0).sum(axis=0)).ravel()
        rarity = np.where(rows < 2, 0, np.log(total / np.minimum(1 + rows, total)))
        rarity *= np.sqrt(WORDS * total / words.multiply(rarity).power(2).sum())
        rare = words.multiply(rarity).tocsr().astype(np.float32)
        rare.eliminate_zeros()
        return cls(((states - mean) / scale).astype(np.float32), rare, mean, scale, rarity)

    def likeness(self) -> np.ndarray:
        """What two rows share, [row, row]."""
        return self.states @ self.states.T + (self.words @ self.words.T).toarray()


def solve(likeness: np.ndarray, gain: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, float]:
    """The weights of the rows, and the constant."""
    system, right = likeness.copy(), np.stack([gain, np.ones(len(gain))], axis=1).astype(np.float32)
    system[np.diag_indices_from(system)] += noise
    found, ones = linalg.solve(system, right, assume_a="pos", overwrite_a=True).T
    constant = found.sum() / ones.sum()
    return found - constant * ones, float(constant)


def apgr(score: np.ndarray, gain: np.ndarray) -> float:
    """Average performance gap recovered, as classify/eval defines it, but for ties."""
    total = np.concatenate([[0], np.cumsum(gain[np.argsort(-score, kind="stable")])])
    return float((total[1:] + total[:-1]).mean() / 2 / total[-1])


def unseen(likeness: np.ndarray, gain: np.ndarray, noise: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Predictions for each part from a fit to the others."""
    out = np.zeros(len(gain))
    for p in np.unique(part):
        inside, outside = np.flatnonzero(part == p), np.flatnonzero(part != p)
        weight, constant = solve(likeness[np.ix_(outside, outside)], gain[outside], noise[outside])
        out[inside] = likeness[np.ix_(inside, outside)] @ weight + constant
    return out


def platt(score: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """a and b such that 1 / (1 + exp(-(a score + b))) is the likelihood of label, 0 to 1."""
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


def fit(net: network.Network, tokenizer: Tokenizer, outcomes: data.Rows, judged: data.Rows, window: int, seed: int) -> None:
    """Fits the head to outcomes and to what was judged, and tells what that is worth."""
    n, gain = len(outcomes), np.array(outcomes.gain + judged.gain)
    noise = np.repeat([1.0, JUDGED], [n, len(judged)])
    rows = batches.framed(tokenizer, outcomes.text + judged.text, window)
    x = Features.of(pooled(net, tokenizer.token_to_id("<pad>"), rows)[:, READ], counted(rows, net.encoder.word.num_embeddings))
    likeness = x.likeness()
    score = told(likeness, gain, noise, np.unique(outcomes.source, return_inverse=True)[1], seed)
    a, b = platt(score, gain.clip(0))
    p, right = 1 / (1 + np.exp(-(a * score[:n] + b))), (gain[:n] > 0).astype(int)
    print(f"complexity: ECE on unseen rows {calibrate.calibration_error(np.stack([1 - p, p], axis=1), right):.4f}", flush=True)
    weight, constant = solve(likeness, gain, noise)
    states = x.states.T @ weight / x.scale
    write(net, a * states, a * x.rarity * (x.words.T @ weight), a * float(constant - x.mean @ states) + b)


def told(likeness: np.ndarray, gain: np.ndarray, noise: np.ndarray, subject: np.ndarray, seed: int) -> np.ndarray:
    """Predictions for rows that a fit has not seen; prints what they are worth, and those for unseen subjects."""
    n, random = len(subject), np.random.default_rng((seed, 19))
    rest = random.integers(PARTS, size=len(gain) - n)
    for name, part in (("subjects", subject % PARTS), ("rows", random.integers(PARTS, size=n))):
        score = unseen(likeness, gain, noise, np.concatenate([part, rest]))
        print(f"complexity: APGR on unseen {name} {apgr(score[:n], gain[:n]):.3f}, judged {apgr(score[n:], gain[n:]):.3f}", flush=True)
    return score


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
