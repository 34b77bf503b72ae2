"""Recommenders whose reason for every decision is known: one planted cause, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recexplainer.evidence.perturbation import Decision
from recexplainer.recommenders.base import Recommender

N_ITEMS, N_GENRES, N_SHOWN = 59, 6, 8
FIRST_TARGET, N_TARGETS = 30, 30  # histories hold the items before


class Planted(Recommender):
    """Gives scores alone: `score` of (batch, length) histories, (batch, n_items + 1)."""

    kind = "planted-for-tests"
    has_vectors = False

    def __init__(self, score: Callable[[Tensor], Tensor], n_items: int = N_ITEMS) -> None:
        super().__init__(n_items=n_items, dim=0, max_length=1000)
        self._planted = score
        self.register_buffer("nothing", torch.zeros(1))

    def config(self) -> dict[str, Any]:
        return {}

    def _score(self, item_ids: Tensor) -> Tensor:
        return self._planted(item_ids)


@dataclass(frozen=True)
class Cause:
    """A planted recommender and what carries its decision on an item.

    Attributes:
        recommender: It scores by its one cause.
        reason: Of a decision, the items of the shown history that carry it.
    """

    recommender: Recommender
    reason: Callable[[Decision], set[int]]


def genre(item_id: int) -> int:
    """Items 1, 7, 13, … are of genre 1."""
    return item_id % N_GENRES


def only_newest() -> Cause:
    """The newest item alone: it speaks for one item that histories do not hold, and against another."""

    def score(item_ids: Tensor) -> Tensor:
        newest, rows = item_ids[:, -1], torch.arange(len(item_ids))
        scores = torch.zeros(len(item_ids), N_ITEMS + 1)
        scores[rows, FIRST_TARGET + newest % N_TARGETS] = 3.0
        scores[rows, FIRST_TARGET + (newest + 7) % N_TARGETS] = -3.0
        return torch.where(newest[:, None] > 0, scores, 0.0)

    return Cause(Planted(score), lambda decision: {decision.history[-1]})


def only_genre(wanted: int = 1) -> Cause:
    """Every item of one genre speaks for all others of it, and against those of the next genre."""
    genres = torch.arange(N_ITEMS + 1) % N_GENRES
    speaks = (genres == wanted).float() - (genres == wanted + 1).float()

    def score(item_ids: Tensor) -> Tensor:
        n_taken = ((genres[item_ids] == wanted) & (item_ids > 0)).sum(dim=1)
        return 0.4 * n_taken[:, None] * speaks

    def reason(decision: Decision) -> set[int]:
        return {item for item in shown_of(decision) if genre(item) == wanted}

    return Cause(Planted(score), reason)


def only_popularity() -> Cause:
    """The history says nothing."""
    popularity = torch.linspace(3, -3, N_ITEMS + 1)
    return Cause(Planted(lambda item_ids: popularity.repeat(len(item_ids), 1)), lambda decision: set())


def fixed_pair(pair: tuple[int, int], together: bool) -> Cause:
    """Two items speak for the items 50 to 54 and against 40 to 44: only `together`, or each as much as both."""

    def score(item_ids: Tensor) -> Tensor:
        first, second = ((item_ids == item).any(dim=1) for item in pair)
        holds = (first & second) if together else (first | second)
        scores = torch.zeros(len(item_ids), N_ITEMS + 1)
        scores[:, 50:55], scores[:, 40:45] = 3.0, -3.0
        return scores * holds[:, None]

    def reason(decision: Decision) -> set[int]:
        shown = shown_of(decision)
        return set(pair) & shown if set(pair) <= shown or not together else set()

    return Cause(Planted(score), reason)


def shown_of(decision: Decision) -> set[int]:
    """The items that an explanation of a decision can cite."""
    return {decision.history[place] for place in decision.citable}


def decisions_of(recommender: Recommender, n: int, always: Sequence[int] = (), seed: int = 0) -> list[Decision]:
    """Decisions on the best and the worst item outside of random histories, all of them shown, in turn.

    Args:
        recommender: Who decides.
        n: How many.
        always: Items that every history holds.
        seed: Of the histories.
    """
    rng = np.random.default_rng(seed)
    others = np.setdiff1d(np.arange(1, FIRST_TARGET), always)
    histories = [
        rng.permutation([*always, *rng.choice(others, N_SHOWN - len(always), replace=False)]).tolist() for _ in range(n)
    ]
    scores = recommender.scores(histories, exclude_seen=True).numpy()
    decisions = []
    for number, history in enumerate(histories):
        order = [item for item in np.argsort(-scores[number], kind="stable") if np.isfinite(scores[number, item])]
        item, label = (order[0], "Yes") if number % 2 == 0 else (order[-1], "No")
        decisions.append(Decision(history, int(item), N_SHOWN, label))  # type: ignore[arg-type]
    return decisions
