"""Two audits compared: how far the shares moved, on the same users and positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from recexplainer.audit.audit import Audit
from recexplainer.audit.carriers import KINDS
from recexplainer.audit.figures import HANGS_ON_ONE, Draws, Figures, share_of
from recexplainer.core.statistics.intervals import with_interval

COMPARED = ("top", "disliked", "bottom")


def compare_audits(new: Audit, old: Audit, draws: Draws) -> Figures:
    """Changes of all shares, new minus old, with paired intervals, and the largest of them.

    Returns:
        `same_top`, the share of the first items that both recommend; `largest_change`, its absolute size, and
        `largest_change_of`, where it is; per part `<kind>` and `hangs_on_one`, each with `_interval`.
    """
    changes: dict[str, Any] = {part: _changes(new, old, part, draws) for part in COMPARED}
    sizes = {
        f"{part}.{kind}": abs(changes[part][kind])
        for part in COMPARED
        for kind in (*KINDS, HANGS_ON_ONE)
        if changes[part][kind] is not None
    }
    largest = max(sizes, key=sizes.__getitem__, default=None)
    return {
        "largest_change": None if largest is None else sizes[largest],
        "largest_change_of": largest,
        "same_top": _same_top(new, old),
        **changes,
    }


def _changes(new: Audit, old: Audit, part: str, draws: Draws) -> Figures:
    found: Figures = {}
    tables = [audit.carriers.table[audit.carriers.table["part"] == part] for audit in (new, old)]
    weights = [draws.weights(table) for table in tables]
    for kind, column in [*((kind, kind) for kind in KINDS), (HANGS_ON_ONE, "falls")]:
        after, before = (share_of(table[column], own) for table, own in zip(tables, weights, strict=True))
        found |= with_interval(kind, after - before)
    return found


def _same_top(new: Audit, old: Audit) -> float:
    """The share of one recommender's first items that are among the other's, averaged over users and positions."""
    tables = [audit.carriers.table[audit.carriers.table["part"] == "top"] for audit in (new, old)]
    firsts, others = (table.groupby("place")["target"].agg(set) for table in tables)
    return float(np.mean([len(items & others.get(place, set())) / len(items) for place, items in firsts.items()]))
