"""Test figures in every draw of users at once, with their intervals.

A user's explanations stay together, since they resemble each other. The fitted model is taken as given:
an interval says how far the figure would move with other test users, not with other training data.
"""

from __future__ import annotations

import numpy as np

from recexplainer.core.statistics import percentile_interval


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of ``values (n_rows,)`` in each draw ``(n_draws, n_rows)`` → ``(n_draws,)``."""
    return weights @ values / weights.sum(axis=1)


def r_squared(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """1 − squared error / variance of the truth, in each draw; NaN where the truth does not vary.

    >>> r_squared(np.array([1.0, 3.0]), np.array([1.0, 2.0]), np.ones((1, 2))).tolist()
    [0.5]
    """
    error = weighted_mean((truth - predicted) ** 2, weights)
    centre = truth.mean()  # shifted first: the difference of two large squares would lose digits
    variance = weighted_mean((truth - centre) ** 2, weights) - weighted_mean(truth - centre, weights) ** 2
    return _ratio(variance - error, variance, smallest=1e-12 * float(np.mean((truth - centre) ** 2)))


def spearman(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank correlation in each draw, ties at their middle rank; NaN where one side does not vary.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]), np.ones((1, 3))).round(6).tolist()
    [0.5]
    """
    a, b = _middle_ranks(truth, weights), _middle_ranks(predicted, weights)
    total = weights.sum(axis=1, keepdims=True)
    a = a - (weights * a).sum(axis=1, keepdims=True) / total
    b = b - (weights * b).sum(axis=1, keepdims=True) / total
    product = (weights * a * b).sum(axis=1)
    spread = np.sqrt((weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1))
    return _ratio(product, spread, smallest=1e-6)  # ranks vary by halves, so anything below is rounding


def summarise(name: str, draws: np.ndarray) -> dict[str, float | list[float] | None]:
    """The measured figure (the first draw) and its interval, ready for JSON; null where it is undefined."""
    if not np.isfinite(draws[0]):
        return {name: None, f"{name}_interval": None}
    return {name: float(draws[0]), f"{name}_interval": percentile_interval(draws[1:])}


def _middle_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank of every row when each row stands there as often as its weight says: ``(n_draws, n_rows)``."""
    groups, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(groups)))
    size = np.add.reduceat(weights[:, order], starts, axis=1)  # (n_draws, n_groups)
    ranks = np.cumsum(size, axis=1) - size + (size + 1) / 2
    return np.asarray(ranks[:, group])


def _ratio(above: np.ndarray, below: np.ndarray, smallest: float) -> np.ndarray:
    """Divide, with NaN where there is nothing to divide by."""
    defined = below > smallest
    return np.where(defined, above / np.where(defined, below, 1.0), np.nan)


def difference(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> dict[str, float | list[float] | None]:
    """Mean paired difference of two row-wise figures over the same rows, with its interval."""
    return summarise("difference", weighted_mean(first - second, weights))
