"""Whether one recommender is better than another on the same users, or only luckier in the users it met."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from recexplainer.core.errors import InputError
from recexplainer.core.statistics.p_values import Difference, paired_difference
from recexplainer.recommenders.ranking import discounted_gains, hits

METRICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ndcg@10": lambda ranks: discounted_gains(ranks, 10),
    "hr@10": lambda ranks: hits(ranks, 10),
}


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
        raise InputError("the two recommenders were measured on different users or items; use the same data")
    ranks = [frame["rank"].to_numpy() for frame in (first, second)]
    return {name: paired_difference(metric(ranks[0]), metric(ranks[1]), rng) for name, metric in METRICS.items()}


def compare_with(
    per_user: pd.DataFrame, name: str, others: Sequence[str], rng: np.random.Generator
) -> dict[str, dict[str, Difference]]:
    """`compare_ranks` of one recommender against each of the others, on the test items.

    Args:
        per_user: The rows of all of them, with a column `recommender`.
        name: The one that is compared.
        others: What it is compared with.
        rng: The source of the draws.
    """
    rows = {key: found for key, found in per_user[per_user["part"] == "test"].groupby("recommender")}
    return {other: compare_ranks(rows[name], rows[other], rng) for other in others}
