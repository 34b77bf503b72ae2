"""Whether one recommender is better than another on the same users, or only luckier in the users it met."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
import pandas as pd

from recexplainer.core.errors import InputError
from recexplainer.core.statistics import blocks, mean_interval
from recexplainer.recommenders.ranking import discounted_gains, hits

N_DRAWS = 9999
METRICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ndcg@10": lambda ranks: discounted_gains(ranks, 10),
    "hr@10": lambda ranks: hits(ranks, 10),
}


class Difference(TypedDict):
    """A mean difference, the two ends of its interval, and its p-value."""

    difference: float
    difference_interval: list[float]
    p_value: float


def compare_ranks(first: pd.DataFrame, second: pd.DataFrame, rng: np.random.Generator) -> dict[str, Difference]:
    """The differences of two recommenders in NDCG@10 and HR@10, first minus second (`paired_difference`).

    Args:
        first: One row per user with `user_id`, `target` and `rank`, as `rank_users` gives for one part.
        second: The same users with the same targets, in any order.
        rng: The source of the draws.

    Raises:
        InputError: The two were not measured on the same users and items.
    """
    first, second = (frame.sort_values("user_id", ignore_index=True) for frame in (first, second))
    keys = ["user_id", "target"]
    if first["user_id"].duplicated().any() or not first[keys].equals(second[keys].astype(first[keys].dtypes)):
        raise InputError("the two recommenders were not measured on the same users and items; use the same data")
    ranks = [frame["rank"].to_numpy() for frame in (first, second)]
    return {name: paired_difference(metric(ranks[0]), metric(ranks[1]), rng) for name, metric in METRICS.items()}


def compare_with(
    per_user: pd.DataFrame, name: str, others: Sequence[str], rng: np.random.Generator, part: str = "test"
) -> dict[str, dict[str, Difference]]:
    """`compare_ranks` of one recommender against each of the others.

    Args:
        per_user: The rows of all of them, with a column `recommender`.
        name: The one that is compared.
        others: What it is compared with.
        rng: The source of the draws.
        part: "test" or "valid".
    """
    rows = {key: found for key, found in per_user[per_user["part"] == part].groupby("recommender")}
    return {other: compare_ranks(rows[name], rows[other], rng) for other in others}


def paired_difference(
    first: np.ndarray, second: np.ndarray, rng: np.random.Generator, n_draws: int = N_DRAWS
) -> Difference:
    """The mean difference of two figures of the same users, its 95 % interval, and the chance of it by luck.

    The interval holds the middle of the means of `n_draws` draws of users with replacement. The p-value
    (two-sided) is the share of draws whose mean is as far from zero when every user's two figures are swapped
    or not by a coin; the data as they are count as one more draw, so it is never 0.

    Neither needs the users one by one: a draw is fixed by how often each value of the difference occurs in it,
    and metrics with a cut-off have few values. A million users take as long as a thousand.

    Source: Smucker, Allan and Carterette, "A Comparison of Statistical Significance Tests for Information
    Retrieval Evaluation", CIKM 2007 (randomisation test, bootstrap).

    Args:
        first: (n_users,).
        second: (n_users,), aligned with `first`.
        rng: The source of the draws.
        n_draws: How many of each kind.

    Raises:
        ValueError: There is no user, or the two are not aligned.
    """
    if not len(first) or first.shape != second.shape:
        raise ValueError(f"expected figures of the same users, at least one; got {first.shape} and {second.shape}")
    differences = first - second
    mean = float(differences.mean())
    return {
        "difference": mean,
        "difference_interval": mean_interval(differences, n_draws, rng),
        "p_value": _sign_flip_p_value(differences, mean, rng, n_draws),
    }


def _sign_flip_p_value(differences: np.ndarray, mean: float, rng: np.random.Generator, n_draws: int) -> float:
    """Share of random signs that bring the mean as far from zero, the observed signs included."""
    sizes, counts = np.unique(np.abs(differences), return_counts=True)
    as_far = 1
    for size in blocks(n_draws, len(sizes)):
        n_positive = rng.binomial(counts, 0.5, size=(size, len(sizes)))
        means = (2 * n_positive - counts) @ sizes / len(differences)
        as_far += int((np.abs(means) >= abs(mean) * (1 - 1e-9)).sum())  # equal sums may differ by rounding
    return as_far / (n_draws + 1)
