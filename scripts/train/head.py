"""The domain head: logistic regression on pooled features, and its temperature."""

import warnings

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

import data


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    z = logits / temperature
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def fit(x: np.ndarray, label: np.ndarray, weight: np.ndarray, strength: float,
        iterations: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight [features, labels] and bias [labels] for raw features. Features are
    standardised for the fit, and the standardisation is folded into the result."""
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-6
    model = LogisticRegression(C=strength, max_iter=iterations, tol=1e-3)
    with warnings.catch_warnings():
        # Stopping early is a regulariser here, and the same on every machine.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((x - mean) / deviation, label, sample_weight=weight)
    if len(model.classes_) != len(data.LABELS):
        raise SystemExit(f"training rows hold {len(model.classes_)} of {len(data.LABELS)} labels")
    w = (model.coef_ / deviation).T
    return w.astype(np.float32), (model.intercept_ - mean @ w).astype(np.float32)


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
