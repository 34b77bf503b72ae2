"""The bootstrap of all measurements: what belongs together is resampled with replacement, all draws at once.

An interval says how far a figure would move with other users, texts or cases of the same kind; the model that is
measured is taken as given.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recexplainer.core.statistics.intervals import percentile_interval
from recexplainer.core.statistics.weighted import ratio

NUMBERS_AT_ONCE = 2**22  # of one block of draws: bounds the memory


def draw_weights(owners: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """How often each row counts in each draw of owners; the rows of one owner stay together.

    The first draw is the data as they are, so that a statistic's first value is the measured figure.

    Args:
        owners: ``(n_rows,)`` whose each row is, for example a user's id.
        n_draws: How many draws besides the data.
        rng: The source of the draws.

    Returns:
        float64 ``(1 + n_draws, n_rows)``.
    """
    names, owner = np.unique(owners, return_inverse=True)
    if not len(names):
        return np.ones((1 + n_draws, 0))
    return np.vstack([np.ones(len(names)), *draw_owners(len(names), n_draws, rng)])[:, owner]


def draw_owners(n_owners: int, n_draws: int, rng: np.random.Generator, width: int = 0) -> Iterator[np.ndarray]:
    """How often each owner is drawn, in blocks of ``(n, n_owners)``; a draw's own figures take ``width`` numbers."""
    for size in blocks(n_draws, max(width, n_owners)):
        yield rng.multinomial(n_owners, np.full(n_owners, 1 / n_owners), size=size).astype(float)


def draw_means(
    values: np.ndarray, sizes: np.ndarray, owner: np.ndarray, n_draws: int, rng: np.random.Generator
) -> np.ndarray:
    """The mean of rows of different sizes in each draw of owners.

    Args:
        values: ``(n_rows,)``.
        sizes: ``(n_rows,)`` how much each row counts.
        owner: ``(n_rows,)`` whose each row is, numbered from 0.
        n_draws: How many draws.
        rng: The source of the draws.

    Returns:
        ``(n_draws,)``; NaN in a draw of sizes 0.
    """
    sums = np.stack([np.bincount(owner, values * sizes), np.bincount(owner, sizes)], axis=1)  # (n_owners, 2)
    drawn = np.concatenate([block @ sums for block in draw_owners(len(sums), n_draws, rng)])
    return ratio(drawn[:, 0], drawn[:, 1])


def mean_interval(values: np.ndarray, n_draws: int, rng: np.random.Generator) -> list[float]:
    """The interval of the mean of values that are drawn one by one.

    A draw is fixed by how often each distinct value occurs in it, so that a million values of few kinds take as long
    as a thousand.

    Args:
        values: ``(n,)``, finite, at least one.
        n_draws: How many draws.
        rng: The source of the draws.
    """
    kinds, counts = np.unique(values, return_counts=True)
    n = len(values)
    drawn = [rng.multinomial(n, counts / n, size=size) @ kinds / n for size in blocks(n_draws, len(kinds))]
    interval = percentile_interval(np.concatenate(drawn))
    assert interval is not None
    return interval


def blocks(n_draws: int, n_numbers: int) -> Iterator[int]:
    """The sizes of blocks of draws, each taking ``n_numbers``, so that no block takes too much memory.

    >>> list(blocks(5, NUMBERS_AT_ONCE // 2))
    [2, 2, 1]
    """
    at_once = max(1, NUMBERS_AT_ONCE // n_numbers)
    for start in range(0, n_draws, at_once):
        yield min(at_once, n_draws - start)
