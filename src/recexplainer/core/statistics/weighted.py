"""Figures in every draw of a bootstrap at once, each row counting as often as the draw's weight says.

Values are ``(n_rows,)``, weights ``(n_draws, n_rows)``, figures ``(n_draws,)``; a figure is NaN where it is undefined.
"""

from __future__ import annotations

import numpy as np


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of the values."""
    return weights @ values / weights.sum(axis=1)


def r_squared(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """1 − squared error / variance of the truth; NaN where the truth does not vary.

    >>> r_squared(np.array([1.0, 3.0]), np.array([1.0, 2.0]), np.ones((1, 2))).tolist()
    [0.5]
    """
    error = weighted_mean((truth - predicted) ** 2, weights)
    centre = truth.mean()  # shifted first: the difference of two large squares would lose digits
    variance = weighted_mean((truth - centre) ** 2, weights) - weighted_mean(truth - centre, weights) ** 2
    return ratio(variance - error, variance, smallest=1e-12 * float(np.mean((truth - centre) ** 2)))


def spearman(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank correlation, ties at their middle rank; NaN where one side does not vary.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]), np.ones((1, 3))).round(6).tolist()
    [0.5]
    """
    a, b = _middle_ranks(truth, weights), _middle_ranks(predicted, weights)
    total = weights.sum(axis=1, keepdims=True)
    a = a - ratio((weights * a).sum(axis=1, keepdims=True), total)
    b = b - ratio((weights * b).sum(axis=1, keepdims=True), total)
    product = (weights * a * b).sum(axis=1)
    spread = np.sqrt((weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1))
    return ratio(product, spread, smallest=1e-6)  # ranks vary by halves, so anything below is rounding


def auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The area under the ROC curve, a tie counting half; NaN where all labels drawn are alike.

    Args:
        labels: bool ``(n_rows,)``.
        scores: ``(n_rows,)``, higher for True.
        weights: ``(n_draws, n_rows)``.

    >>> auc(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]), np.array([[1, 1, 1], [0, 1, 3]])).tolist()
    [0.75, 0.5]
    """
    yes, no = (_size_of_groups(scores, weights * side)[0] for side in (labels, ~labels))
    above = (yes * (np.cumsum(no, axis=1) - no / 2)).sum(axis=1)
    return ratio(above, yes.sum(axis=1) * no.sum(axis=1))


def ratio(above: np.ndarray, below: np.ndarray, smallest: float = 1e-12) -> np.ndarray:
    """The quotient; NaN where the denominator is not above ``smallest``.

    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    above, below = np.broadcast_arrays(np.asarray(above, dtype=float), np.asarray(below, dtype=float))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > smallest)


def _middle_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank of every row, ``(n_draws, n_rows)``."""
    size, group = _size_of_groups(values, weights)
    ranks = np.cumsum(size, axis=1) - size + (size + 1) / 2
    return np.asarray(ranks[:, group])


def _size_of_groups(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weight of each group of equal values, lowest first, ``(n_draws, n_groups)``; and each row's group."""
    groups, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(groups)))
    return np.add.reduceat(weights[:, order], starts, axis=1), group
