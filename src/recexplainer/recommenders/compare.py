"""Compare two recommenders on the same users."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from recexplainer import store
from recexplainer.core.errors import InputError
from recexplainer.core.statistics.p_values import Difference
from recexplainer.recommenders.significance import METRICS, compare_ranks

COLUMNS = ("recommender", "part", "user_id", "target", "rank")


def compare_files(
    first: Path, second: Path, seed: int, names: tuple[str | None, str | None] = (None, None), part: str = "test"
) -> pd.DataFrame:
    """The paired differences between a recommender of one file and one of another, one row per metric.

    Args:
        first: What train_recommender wrote: a row per user, part and recommender.
        second: The same of another run; it may be the same file.
        seed: Of the draws.
        names: Which recommender of each file; None: the one that was trained, which comes first.
        part: "test" or "valid".

    Returns:
        Columns `metric`, `first`, `second`, `difference`, `from`, `to` (95 % interval), `p_value`.

    Raises:
        InputError: A file cannot be read or lacks the recommender or part, or the users differ.
    """
    ranks = [_ranks(path, name, part) for path, name in zip((first, second), names, strict=True)]
    compared = compare_ranks(ranks[0], ranks[1], np.random.default_rng(seed))
    means = [
        {name: float(metric(rows["rank"].to_numpy()).mean()) for name, metric in METRICS.items()} for rows in ranks
    ]
    return pd.DataFrame([_row(name, means[0][name], means[1][name], found) for name, found in compared.items()])


def _ranks(path: Path, name: str | None, part: str) -> pd.DataFrame:
    rows = store.read_parquet(path, COLUMNS)
    if rows.empty:
        raise InputError(f"{path}: contains no users")
    wanted = {"recommender": name or rows["recommender"].iloc[0], "part": part}
    for column, value in wanted.items():
        known = rows[column].unique()
        if value not in known:
            raise InputError(f"{path}: has no {column} {value!r}; known: {', '.join(map(str, known))}")
        rows = rows[rows[column] == value]
    return rows


def _row(metric: str, first: float, second: float, found: Difference) -> dict[str, object]:
    low, high = found["difference_interval"]
    return {
        "metric": metric,
        "first": first,
        "second": second,
        "difference": found["difference"],
        "from": low,
        "to": high,
        "p_value": found["p_value"],
    }
