"""What is fitted beside the weights, on rows that nothing else saw."""

import numpy as np
from scipy.optimize import minimize_scalar


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    z = logits / temperature
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def temperature(logits: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    """The divisor of the logits that minimises their negative log likelihood
    (Guo et al. 2017, "On Calibration of Modern Neural Networks")."""
    def loss(log_t: float) -> float:
        p = softmax(logits, np.exp(log_t))[np.arange(len(label)), label]
        return float(-(weight * np.log(p + 1e-12)).mean())
    found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(10)), method="bounded")
    return round(float(np.exp(found.x)), 4)


def calibration_error(p: np.ndarray, label: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of the likeliest label, equal-width bins."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == label
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    total = 0.0
    for b in range(bins):
        inside = which == b
        if inside.any():
            total += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return float(total)


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a positive row scores above a negative one, ties counted half."""
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    _, first, count = np.unique(score[order], return_index=True, return_counts=True)
    for f, c in zip(first, count):
        ranks[order[f:f + c]] = f + (c + 1) / 2
    n = int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(score) - n)))

