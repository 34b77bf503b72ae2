"""The rank of a decided item with any history, asked of the recommender one history at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.evidence.perturbation import Decision
from recexplainer.recommenders.base import Recommender


def ranks_of(recommender: Recommender, histories: Sequence[Sequence[int]], decisions: Sequence[Decision]) -> list[int]:
    """Per history the rank, from 1, of the item that was decided on; see `scores_and_ranks`."""
    return [rank for _, rank in scores_and_ranks(recommender, histories, decisions)]


def scores_and_ranks(
    recommender: Recommender, histories: Sequence[Sequence[int]], decisions: Sequence[Decision]
) -> list[tuple[float, int]]:
    """Per history the raw score and the rank, from 1, of the item that was decided on; ties count against it.

    It is ranked among the items outside of the given and of the decision's own history: what was removed from that does
    not become its rival.

    Args:
        recommender: Who is asked.
        histories: Item ids, oldest first; 0 is an empty place.
        decisions: One per history.
    """
    found: list[tuple[float, int]] = []
    for scores, history, decision in zip(recommender.each_scores(histories), histories, decisions, strict=True):
        own = float(scores[decision.item_id])
        is_rival = np.ones(len(scores), dtype=bool)
        is_rival[[0, *history, *decision.history, decision.item_id]] = False
        found.append((own, 1 + int(np.count_nonzero(scores[is_rival] >= own))))
    return found


def n_ranked(recommender: Recommender, decision: Decision) -> int:
    """How many items a decision's item is ranked among, itself included."""
    return recommender.n_items - len(set(decision.history) - {decision.item_id})
