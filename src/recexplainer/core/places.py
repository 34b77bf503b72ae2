"""The items at given places of a user's order by score, without sorting all of them.

The order is that of a stable sort: the best score first, of equal scores the lowest id. An item at −inf (the padding,
what the history holds) has no place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def items_at(scores: np.ndarray, places: np.ndarray | Sequence[int]) -> np.ndarray:
    """The items at some places of the order, 0 = best; in the order in which the places are given.

    >>> items_at(np.array([-np.inf, 9, 1, 2, 3, -np.inf, 2]), [0, 2, 3])
    array([1, 3, 6])
    """
    wanted = np.asarray(places, dtype=np.int64)
    items = np.flatnonzero(np.isfinite(scores))
    if not len(wanted):
        return items[:0]
    costs = -scores[items]
    found = np.partition(costs, np.unique(wanted))[wanted]
    return np.array([_at(items, costs, cost, place) for cost, place in zip(found, wanted, strict=True)])


def _at(items: np.ndarray, costs: np.ndarray, cost: float, place: int) -> int:
    """Of the items that cost the same, the one whose turn it is."""
    equal = np.flatnonzero(costs == cost)
    if len(equal) == 1:
        return int(items[equal[0]])
    return int(items[equal[place - np.count_nonzero(costs < cost)]])


def place_of(scores: np.ndarray, item: int) -> int:
    """The place of one item in the order, 0 = best.

    >>> place_of(np.array([-np.inf, 9, 1, 2, 3, -np.inf, 2]), 6)
    3
    """
    own = scores[item]
    return int(np.count_nonzero(scores > own) + np.count_nonzero(scores[:item] == own))
