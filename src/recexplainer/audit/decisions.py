"""The decisions that an audit asks about: the top and the bottom of many rankings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import numpy as np

from recexplainer.core.errors import InputError
from recexplainer.core.places import items_at
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.evidence.counterfactuals import Bounds
from recexplainer.evidence.perturbation import Decision
from recexplainer.recommenders.base import Recommender
from recexplainer.tasks.interest_classification import liked_and_disliked

Part = Literal["top", "disliked", "bottom"]


@dataclass(frozen=True)
class AuditedDecision:
    """One decision of an audit.

    Attributes:
        place: Of its user and position among those that are audited.
        user_id: Whose history the recommender read.
        part: Of the ranking: its `top`, the very `bottom`, or drawn from the `disliked` share at the end.
        decision: The decision; Yes at the top, else No.
    """

    place: int
    user_id: int
    part: Part
    decision: Decision


def choose_pairs(pairs: Sequence[Example], n_decisions: int, top_k: int) -> list[Example]:
    """Evenly spaced pairs of a user and a position, one or as many as give at most `n_decisions` of each part.

    Raises:
        InputError: There are no pairs.
    """
    if not pairs:
        raise InputError("data/alignment: contains no test users; see prepare.split and build_alignment.min_history")
    n_chosen = min(len(pairs), max(1, n_decisions // top_k))
    return [pairs[row] for row in np.linspace(0, len(pairs) - 1, n_chosen).astype(int)]


def choose_decisions(
    recommender: Recommender, interactions: Interactions, pairs: Sequence[Example], bounds: Bounds, seed: int
) -> list[AuditedDecision]:
    """Per user and position the first `top_k` items, as many of the disliked ones, drawn, and the last `top_k`.

    An item is decided on once per pair: a draw from the disliked items passes over the last ones, and a small catalogue
    gives fewer decisions.

    Args:
        recommender: Who decides.
        interactions: The histories.
        pairs: One example per (user, position), with the history that is shown.
        bounds: How long the top is, and what counts as disliked.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    found: list[AuditedDecision] = []
    for place, pair, history, scores in _scored(recommender, interactions, pairs):
        liked, disliked = liked_and_disliked(scores, bounds.like_top, bounds.dislike_bottom)
        bottom = disliked[::-1][: bounds.top_k]
        others = disliked[: -bounds.top_k]
        drawn = rng.choice(len(others), min(bounds.top_k, len(others)), replace=False) + others.start
        parts: dict[Part, Sequence[int]] = {"top": liked[: bounds.top_k], "disliked": drawn.tolist(), "bottom": bottom}
        for part, places in parts.items():
            label: Literal["Yes", "No"] = "Yes" if part == "top" else "No"
            found += [
                AuditedDecision(place, pair.user_id, part, Decision(history, int(item), len(pair.history), label))
                for item in items_at(scores, places)
            ]
    return found


def score_spread(recommender: Recommender, interactions: Interactions, pairs: Sequence[Example]) -> float:
    """The standard deviation of a user's scores of the items outside the history, averaged over the pairs.

    Raises:
        InputError: The recommender scores all items alike.
    """
    spreads = [float(np.std(scores[np.isfinite(scores)])) for *_, scores in _scored(recommender, interactions, pairs)]
    spread = float(np.mean(spreads))
    if not spread > 0:
        raise InputError(f"recommender: {recommender.kind} gives all items one score: there are no decisions to audit")
    return spread


def _scored(
    recommender: Recommender, interactions: Interactions, pairs: Sequence[Example]
) -> Iterator[tuple[int, Example, list[int], np.ndarray]]:
    """Each pair's place, the pair, its whole history, and the scores (n_items + 1) with the history at -inf."""
    histories = [interactions.history(pair.user_id, pair.position) for pair in pairs]
    yield from zip(count(), pairs, histories, recommender.each_scores(histories, exclude_seen=True))
