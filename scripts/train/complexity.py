"""The head that tells whether a prompt needs the strong model: a linear map of the mean
state and the length, fitted to the trained encoder in closed form instead of trained with it.

Seven thousand outcomes are few, and noisy: the encoder learns them by heart before it
learns what makes a question hard. What it learnt of subjects carries over by itself.
The map predicts what the strong model gains over the weak one (1, 0 or -1) by ridge
regression; length counts extra, because it is what still tells something about subjects
that were not there. A logistic curve turns the prediction into a probability (Platt 1999).
"""

import re
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from tokenizers import Tokenizer

import calibrate
import data
import network
from encoder import WIDTH

HEAD = "complexity"
OPTIONS = re.compile(r"\n[A-J][.)] .*", re.DOTALL)
COLUMNS = [*range(WIDTH), network.POOLED - 1]  # of the pooled state: the last layer's mean, the length
PARTS = 6
PENALTIES = (1e3, 3e3, 1e4, 3e4)
LENGTHS = (0.0, 0.25, 0.5, 1.0)  # extra weight of the length, in deviations of the prediction
BATCH = 32


@dataclass
class Ridge:
    """w and b of the prediction x @ w + b."""

    weight: np.ndarray
    bias: float

    @classmethod
    def path(cls, x: np.ndarray, y: np.ndarray) -> list["Ridge"]:
        """One for each penalty, on standardised columns, from one decomposition."""
        mean, scale, middle = x.mean(axis=0), x.std(axis=0) + 1e-6, y.mean()
        z = (x - mean) / scale
        values, vectors = np.linalg.eigh(z.T @ z)
        part = vectors.T @ (z.T @ (y - middle))
        weights = [vectors @ (part / (values + p)) / scale for p in PENALTIES]
        return [cls(w, float(middle - mean @ w)) for w in weights]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x @ self.weight + self.bias


def apgr(score: np.ndarray, gain: np.ndarray) -> float:
    """Average performance gap recovered, as classify/eval defines it, but for ties."""
    total = np.concatenate([[0], np.cumsum(gain[np.argsort(-score, kind="stable")])])
    return float((total[1:] + total[:-1]).mean() / 2 / total[-1])


def unseen(x: np.ndarray, gain: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Predictions [penalty, row] for each part from a fit to the others."""
    out = np.zeros((len(PENALTIES), len(gain)))
    for p in np.unique(part):
        inside = part == p
        for row, ridge in zip(out, Ridge.path(x[~inside], gain[~inside])):
            row[inside] = ridge(x[inside])
    return out


def slope(score: np.ndarray, length: np.ndarray, extra: float) -> float:
    """What a unit of length adds to the score."""
    return extra * float(score.std() / (length.std() + 1e-6))


def platt(score: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """a and b such that 1 / (1 + exp(-(a score + b))) is the likelihood of label."""
    def loss(p: np.ndarray) -> float:
        z = p[0] * score + p[1]
        return float((np.logaddexp(0, z) - label * z).mean())
    found = minimize(loss, x0=(1 / score.std(), np.log(label.mean() / (1 - label.mean()))), method="Nelder-Mead")
    return float(found.x[0]), float(found.x[1])


def pooled(net: network.Network, tokenizer: Tokenizer, texts: list[str], window: int) -> np.ndarray:
    """The state [text, POOLED] that the heads of whole texts read, of the first window."""
    begin, end, pad = (tokenizer.token_to_id(t) for t in ("<s>", "</s>", "<pad>"))
    rows = [[begin, *tokenizer.encode(t[: window * 12], add_special_tokens=False).ids[:window], end] for t in texts]
    out = np.zeros((len(texts), network.POOLED))
    order = np.argsort([len(r) for r in rows], kind="stable")
    for group in (order[i:i + BATCH] for i in range(0, len(order), BATCH)):
        width = max(len(rows[i]) for i in group)
        ids = torch.tensor([rows[i] + [pad] * (width - len(rows[i])) for i in group])
        mask = torch.tensor([[1] * len(rows[i]) + [0] * (width - len(rows[i])) for i in group])
        with torch.no_grad():
            out[group] = network.pool(net.encoder(ids, mask), mask).numpy()
    return out


def fit(net: network.Network, tokenizer: Tokenizer, rows: data.Rows, window: int, seed: int) -> None:
    """Fits the head to rows, each with its answer options and without. Penalty and weight of the
    length are those that do best on rows and on subjects that a fit has not seen, together."""
    n, gain = len(rows), np.array(rows.gain * 2, dtype=float)
    texts = rows.text + [OPTIONS.sub("", t) for t in rows.text]
    x = pooled(net, tokenizer, texts, window)[:, COLUMNS]
    subject = np.unique(rows.source, return_inverse=True)[1]
    parts = {"rows": np.random.default_rng((seed, 19)).integers(PARTS, size=n), "subjects": subject % PARTS}
    unknown = {name: unseen(x, gain, np.tile(p, 2)) for name, p in parts.items()}

    def scored(name: str, penalty: int, extra: float) -> np.ndarray:
        score = unknown[name][penalty]
        return score + slope(score, x[:, -1], extra) * x[:, -1]

    def value(penalty: int, extra: float) -> float:
        return sum(apgr(scored(name, penalty, extra)[half], gain[half])
                   for name in parts for half in (slice(n), slice(n, None)))

    penalty, extra = max(((p, e) for p in range(len(PENALTIES)) for e in LENGTHS), key=lambda c: value(*c))
    for name in parts:
        score = scored(name, penalty, extra)
        print(f"complexity: APGR on unseen {name} {apgr(score[:n], gain[:n]):.3f}, "
              f"without answer options {apgr(score[n:], gain[n:]):.3f}", flush=True)
    score = scored("rows", penalty, extra)
    a, b = platt(score, gain > 0)
    p = 1 / (1 + np.exp(-(a * score + b)))
    error = calibrate.calibration_error(np.stack([1 - p, p], axis=1), (gain > 0).astype(int))
    print(f"complexity: penalty {PENALTIES[penalty]:.0f}, length {extra}, ECE on unseen rows {error:.4f}", flush=True)
    ridge = Ridge.path(x, gain)[penalty]
    ridge.weight[-1] += slope(unknown["rows"][penalty], x[:, -1], extra)
    write(net.heads[HEAD], ridge.weight * a, ridge.bias * a + b)


def write(head: torch.nn.Linear, weight: np.ndarray, bias: float) -> None:
    """Sets a head of two labels to log odds of the second."""
    whole = torch.zeros(network.POOLED)
    whole[COLUMNS] = torch.tensor(weight).float()
    with torch.no_grad():
        head.weight.copy_(torch.stack([-whole, whole]) / 2)
        head.bias.copy_(torch.tensor([-bias, bias]) / 2)
