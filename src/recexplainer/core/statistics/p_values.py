"""Permutation tests, and the correction of their p-values for being many.

A p-value is the share of random draws that are at least as extreme as the data; the data count as one more draw, so
it is never 0. Draws that are equal but for rounding count as equal.

Source: Phipson and Smyth, "Permutation P-values Should Never Be Zero", 2010.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from recexplainer.core.statistics.bootstrap import blocks, draw_means, mean_interval
from recexplainer.core.statistics.intervals import percentile_interval

N_DRAWS = 9999


class Difference(TypedDict):
    """A mean difference, the two ends of its interval, and its p-value."""

    difference: float
    difference_interval: list[float]
    p_value: float


def p_value_of_draws(observed: float, drawn: np.ndarray) -> float:
    """How often the null hypothesis brings a figure as large as the observed one.

    Args:
        observed: The figure of the data.
        drawn: ``(n_draws,)`` the figure in draws under the null hypothesis.

    >>> p_value_of_draws(3.0, np.array([1.0, 2.0, 3.0]))
    0.5
    """
    reached = drawn >= observed - 1e-9 * abs(observed) - 1e-12
    return float((1 + reached.sum()) / (1 + len(drawn)))


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    rng: np.random.Generator,
    n_draws: int = N_DRAWS,
    owners: np.ndarray | None = None,
) -> Difference:
    """The mean difference of two figures of the same users, its 95 % interval, and the chance of it by luck.

    The interval holds the middle of the means of `n_draws` draws of users with replacement. The p-value
    (two-sided) is the share of draws whose mean is as far from zero when every user's two figures are swapped
    or not by a coin.

    Neither needs the users one by one: a draw is fixed by how often each value of the difference occurs in it,
    and metrics with a cut-off have few values. A million users take as long as a thousand.

    Source: Smucker, Allan and Carterette, "A Comparison of Statistical Significance Tests for Information
    Retrieval Evaluation", CIKM 2007 (randomisation test, bootstrap).

    Args:
        first: (n_users,).
        second: (n_users,), aligned with `first`.
        rng: The source of the draws.
        n_draws: How many of each kind.
        owners: (n_users,) whose each row is, where users have several: these are drawn and swapped together. None:
            each is another user's.

    Raises:
        ValueError: There is no user, or the two are not aligned.
    """
    if not len(first) or first.shape != second.shape:
        raise ValueError(f"expected figures for the same users, at least one; got {first.shape} and {second.shape}")
    differences = first - second
    if owners is None:
        interval, swapped = mean_interval(differences, n_draws, rng), differences
    else:
        owner = np.unique(owners, return_inverse=True)[1]
        drawn = percentile_interval(draw_means(differences, np.ones(len(differences)), owner, n_draws, rng))
        assert drawn is not None, "every owner has a row"
        interval, swapped = drawn, np.bincount(owner, differences)
    return {
        "difference": float(differences.mean()),
        "difference_interval": interval,
        "p_value": p_value_of_signs(swapped, rng, n_draws),
    }


def p_value_of_signs(differences: np.ndarray, rng: np.random.Generator, n_draws: int = N_DRAWS) -> float:
    """How often random signs bring the mean of ``(n,)`` differences as far from zero."""
    sizes, counts = np.unique(np.abs(differences), return_counts=True)
    drawn = [
        np.abs((2 * rng.binomial(counts, 0.5, size=(size, len(sizes))) - counts) @ sizes) / len(differences)
        for size in blocks(n_draws, len(sizes))
    ]
    return p_value_of_draws(abs(float(differences.mean())), np.concatenate(drawn))


def p_value_over_random(
    values: np.ndarray, random: np.ndarray, rng: np.random.Generator, n_draws: int, higher_is_better: bool = True
) -> float | None:
    """How often what was chosen at random would reach the mean of what was chosen; None without any.

    Under the null hypothesis a choice is one more random choice, so the two may change places. Each permutation
    picks one of them in every case; it pairs within cases and assumes no symmetry.

    Args:
        values: (n_cases,) the measure of what was chosen.
        random: (n_cases, n_random) the measure of random choices.
        rng: Source of the permutations.
        n_draws: How many permutations.
        higher_is_better: False turns the test round.
    """
    if not len(values):
        return None
    together = np.column_stack([values, random]) * (1 if higher_is_better else -1)
    rows = np.arange(len(values))
    drawn = [
        together[rows, rng.integers(together.shape[1], size=(size, len(values)))].mean(axis=1)
        for size in blocks(n_draws, len(values))
    ]
    return p_value_of_draws(float(together[:, 0].mean()), np.concatenate(drawn))


def p_value_of_matching(matches: np.ndarray, rng: np.random.Generator, n_draws: int) -> float:
    """How often things that are dealt to cases at random match as many of them.

    Args:
        matches: bool (n, n) whether a thing (column) matches a case (row); the data deal them along the diagonal.
        rng: The source of the deals.
        n_draws: How many deals.
    """
    rows = np.arange(len(matches))
    dealt = rng.permuted(np.tile(rows, (n_draws, 1)), axis=1)
    return p_value_of_draws(float(matches.diagonal().sum()), matches[rows, dealt].sum(axis=1))


def holm(p_values: list[float]) -> list[float]:
    """P-values corrected for their number by Holm's step-down method.

    Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for place, number in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[number]))
        corrected[number] = highest
    return corrected
