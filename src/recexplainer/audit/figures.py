"""The figures of an audit: shares of decisions and of strength by kind of carrier, with intervals over users."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from recexplainer.audit.carriers import KINDS, CarrierTable, has_shown_strongest
from recexplainer.audit.relations import RELATIONS, Relations
from recexplainer.core.statistics.bootstrap import draw_weights
from recexplainer.core.statistics.intervals import with_interval
from recexplainer.core.statistics.weighted import ratio

HANGS_ON_ONE = "hangs_on_one"  # a share beside those of the kinds: of decisions that are others without one item
WITH_CHANCE = ("newest", "earlier", *RELATIONS)  # what an item of the shown history can be
N_NAMED = 5  # values and items that are named
CURVE = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)  # shares of the catalogue

Figures = dict[str, Any]


class Draws:
    """Users drawn with replacement: the same draws for every table, so that differences between tables are paired."""

    def __init__(self, user_ids: Iterable[int], n_draws: int, seed: int) -> None:
        self._users = np.unique(np.fromiter(user_ids, dtype=np.int64))
        self._weights = draw_weights(self._users, n_draws, np.random.default_rng(seed))

    def weights(self, table: pd.DataFrame) -> np.ndarray:
        """(1 + n_draws, n_rows): how often each decision counts in each draw; the first are the data."""
        return self._weights[:, np.searchsorted(self._users, table["user_id"].to_numpy())]


def part_figures(carriers: CarrierTable, part: str, relations: Relations, draws: Draws) -> Figures:
    """All figures of one part of the rankings."""
    chosen = (carriers.table["part"] == part).to_numpy()
    table = carriers.table[chosen]
    weights = draws.weights(table)
    rows = np.nonzero(chosen)[0].tolist()
    total = weights @ table["strength"].to_numpy()
    strength = {kind: ratio(weights @ table[f"{kind}_strength"].to_numpy(), total) for kind in KINDS}
    return {
        **share_figures(table, weights),
        "chance": {kind: _mean(table[f"{kind}_chance"]) for kind in WITH_CHANCE},
        "strength": _with_intervals(strength),
        "strength_mean": _mean(table["strength"]),
        **_concentration(carriers, rows, len(relations.values_of) - 1),
        "values": _values(table, carriers, rows, relations, weights),
        "items": _items(table, weights),
    }


def share_figures(table: pd.DataFrame, weights: np.ndarray) -> Figures:
    """How many decisions there are, what share of them each kind carries, and how many hang on one item."""
    shares = {kind: share_of(table[kind], weights) for kind in KINDS}
    return {
        "n_decisions": len(table),
        "shares": _with_intervals(shares),
        **with_interval(HANGS_ON_ONE, share_of(table["falls"], weights)),
    }


def segment_figures(table: pd.DataFrame, head: frozenset[int], draws: Draws) -> Figures:
    """The shares among users with short and with long histories, and among popular items and the others.

    Args:
        table: Decisions of one part.
        head: The popular items.
        draws: Of users.
    """
    is_short = table["history_length"] <= table["history_length"].median()
    is_head = table["target"].isin(head)
    segments = {"short_histories": is_short, "long_histories": ~is_short, "head_items": is_head, "tail_items": ~is_head}
    return {name: share_figures(table[inside], draws.weights(table[inside])) for name, inside in segments.items()}


def head_items(item_ids: np.ndarray) -> frozenset[int]:
    """The fewest items that have half of all interactions.

    >>> sorted(head_items(np.array([1, 1, 1, 2, 2, 3])))
    [1]
    """
    items, counts = np.unique(item_ids, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return frozenset(items[order][: n_for_half(counts[order][None].astype(float))[0]].tolist())


def n_for_half(sizes: np.ndarray) -> np.ndarray:
    """How many of the largest sizes of each row (n_rows, n) make up half of its sum; 0 where there is nothing.

    >>> n_for_half(np.array([[1.0, 5.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])).tolist()
    [1, 2, 0]
    """
    reached = np.cumsum(-np.sort(-sizes, axis=1), axis=1)
    total = sizes.sum(axis=1, keepdims=True)
    return np.where(total[:, 0] > 0, (reached < total / 2 * (1 - 1e-12)).sum(axis=1) + 1, 0)


def _concentration(carriers: CarrierTable, rows: list[int], n_items: int) -> Figures:
    """How few items carry half of all evidence, and the share that the strongest so many of the catalogue carry.

    Without an interval: in a draw with replacement evidence always lies on fewer items than in the data.
    """
    carried: dict[int, float] = defaultdict(float)
    for row in rows:
        found = carriers.evidence[row]
        for item, strength in zip(found.items, found.strengths, strict=True):
            carried[item] += strength
    if not carried:
        return {"items_for_half": None, "curve": None}
    sizes = np.sort(np.array(list(carried.values())))[::-1]
    reached = [0.0, *(np.cumsum(sizes) / sizes.sum()).tolist()]
    curve = [[share, reached[min(len(sizes), round(share * n_items))]] for share in CURVE]
    return {"items_for_half": int(n_for_half(sizes[None])[0]), "curve": curve}


def _values(
    table: pd.DataFrame, carriers: CarrierTable, rows: list[int], relations: Relations, weights: np.ndarray
) -> list[Figures]:
    """The values of attributes that the strongest items have more often than the shown ones, by how much more."""
    strongest = [relations.names_of(item) if item else set() for item in table["strongest"]]
    chance: dict[str, float] = defaultdict(float)
    for row in rows:
        decision = carriers.decisions[row].decision
        has_one = has_shown_strongest(carriers.evidence[row])
        shown = {decision.history[place] for place in decision.citable} if has_one else set()
        for item in sorted(shown):
            for name in relations.names_of(item):
                chance[name] += 1 / len(shown)
    counts = Counter(name for names in strongest for name in names)
    gains = {name: counts[name] - chance[name] for name in counts}
    best = sorted((name for name in gains if gains[name] > 0), key=lambda name: (-gains[name], name))[:N_NAMED]
    return [
        {
            "name": name,
            **with_interval("share", share_of([name in own for own in strongest], weights)),
            "chance": chance[name] / len(rows),
        }
        for name in best
    ]


def _items(table: pd.DataFrame, weights: np.ndarray) -> list[Figures]:
    """The items that carry most decisions more than any other."""
    strongest = table["strongest"].to_numpy()
    items, counts = np.unique(strongest[strongest > 0], return_counts=True)
    best = items[np.lexsort((items, -counts))[:N_NAMED]].tolist()
    return [{"item_id": item, **with_interval("share", share_of(strongest == item, weights))} for item in best]


def share_of(values: Any, weights: np.ndarray) -> np.ndarray:
    """(n_draws,) the mean of each draw; NaN where it holds no decision."""
    return ratio(weights @ np.asarray(values, dtype=float), weights.sum(axis=1))


def _with_intervals(draws: dict[str, np.ndarray]) -> Figures:
    return {name: value for kind, drawn in draws.items() for name, value in with_interval(kind, drawn).items()}


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if len(values) else None
