"""Settings chosen on the valid items: a baseline that is not tuned is too easily beaten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from recexplainer.recommenders.baselines import ItemKNN
from recexplainer.recommenders.ranking import LeaveOneOut, ndcg, rank_cases

SETTINGS = ("n_neighbours", "normalisation", "recency")
MAX_USERS = 5000  # evenly spaced ones; more would take minutes on a large data set


def tune_item_knn(split: LeaveOneOut, choices: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """The settings of `ItemKNN` with the best NDCG@10 on the valid items; the test items are not touched.

    Args:
        split: Trained on `split.train`, chosen on at most `MAX_USERS` users of `split.valid`.
        choices: Per setting the values to choose from. Every combination is tried, and of equal ones the first is
            taken, as it is where no user has a valid item.
    """
    combinations, found = list(product(*(choices[name] for name in SETTINGS))), {}
    valid = split.valid.spaced(MAX_USERS)
    best = combinations[0]
    if len(combinations) > 1 and len(valid):
        pairs = list(product(choices["n_neighbours"], choices["normalisation"]))
        for recency in choices["recency"]:
            for pair, recommender in zip(pairs, ItemKNN.fit_each(split.train, recency, pairs), strict=True):
                found[(*pair, recency)] = ndcg(rank_cases(recommender, valid), 10)
        best = max(combinations, key=lambda chosen: found[chosen])
    return dict(zip(SETTINGS, best, strict=True))
