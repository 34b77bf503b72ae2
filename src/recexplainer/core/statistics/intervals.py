"""Intervals of figures: the middle of a bootstrap's draws, and Wilson's of a share."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest

LEVEL = 0.95


def percentile_interval(draws: np.ndarray) -> list[float] | None:
    """The two ends of the middle of a figure's draws.

    Args:
        draws: ``(n_draws,)``; a draw in which the figure is undefined (NaN) is left out.

    Returns:
        Lower and upper end; None when the figure is undefined in all draws.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    >>> [round(end, 6) for end in percentile_interval(np.append(np.arange(101.0), np.nan))]
    [2.5, 97.5]
    """
    defined = draws[np.isfinite(draws)]
    if not len(defined):
        return None
    return [float(end) for end in np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])]


def with_interval(name: str, draws: np.ndarray) -> dict[str, float | list[float] | None]:
    """The measured figure (the first draw) and its interval, ready for JSON; null where it is undefined."""
    if not np.isfinite(draws[0]):
        return {name: None, f"{name}_interval": None}
    return {name: float(draws[0]), f"{name}_interval": percentile_interval(draws[1:])}


def wilson_interval(n_hits: int, n: int) -> list[float]:
    """Wilson's score interval of a share.

    >>> [round(end, 4) for end in wilson_interval(8, 10)]
    [0.4902, 0.9433]
    """
    found = binomtest(n_hits, n).proportion_ci(LEVEL, method="wilson")
    return [float(found.low), float(found.high)]
