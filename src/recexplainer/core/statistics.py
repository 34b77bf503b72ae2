"""The bootstrap of all measurements: what belongs together is drawn anew with replacement, all draws at once.

An interval holds the middle `LEVEL` of a figure's draws (percentiles). It says how far the figure would move with other
users, texts or cases of the same kind; the model that is measured is taken as given.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile interval).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

LEVEL = 0.95
NUMBERS_AT_ONCE = 2**22  # of one block of draws: bounds the memory


def percentile_interval(draws: np.ndarray) -> list[float] | None:
    """The two ends of the middle of a figure's draws.

    Args:
        draws: ``(n_draws,)``; a draw in which the figure is undefined (NaN) is left out.

    Returns:
        Lower and upper end; None when the figure is undefined in all draws.

    >>> [round(end, 6) for end in percentile_interval(np.append(np.arange(101.0), np.nan))]
    [2.5, 97.5]
    """
    defined = draws[np.isfinite(draws)]
    return _middle(defined) if len(defined) else None


def draw_weights(owners: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """How often each row counts in each draw of owners; the rows of one owner stay together.

    The first draw is the data as they are, so that a statistic's first value is the measured figure.

    Args:
        owners: ``(n_rows,)`` whose each row is, for example a user's id.
        n_draws: How many draws beside the data.
        rng: The source of the draws.

    Returns:
        float64 ``(1 + n_draws, n_rows)``.
    """
    names, owner = np.unique(owners, return_inverse=True)
    n_owners = len(names)
    if not n_owners:
        return np.ones((1 + n_draws, 0))
    drawn = rng.multinomial(n_owners, np.full(n_owners, 1 / n_owners), size=n_draws)
    return np.vstack([np.ones(n_owners), drawn])[:, owner]


def mean_interval(values: np.ndarray, n_draws: int, rng: np.random.Generator) -> list[float]:
    """The interval of the mean of values that are drawn one by one.

    A draw is fixed by how often each distinct value occurs in it, so that a million values of few kinds take as long
    as a thousand.

    Args:
        values: ``(n,)``, at least one.
        n_draws: How many draws.
        rng: The source of the draws.
    """
    kinds, counts = np.unique(values, return_counts=True)
    n = len(values)
    drawn = [rng.multinomial(n, counts / n, size=size) @ kinds / n for size in blocks(n_draws, len(kinds))]
    return _middle(np.concatenate(drawn))


def blocks(n_draws: int, n_numbers: int) -> Iterator[int]:
    """The sizes of blocks of draws, each of which takes ``n_numbers``, so that no block takes too much memory.

    >>> list(blocks(5, NUMBERS_AT_ONCE // 2))
    [2, 2, 1]
    """
    at_once = max(1, NUMBERS_AT_ONCE // n_numbers)
    for start in range(0, n_draws, at_once):
        yield min(at_once, n_draws - start)


def _middle(draws: np.ndarray) -> list[float]:
    return [float(end) for end in np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])]
