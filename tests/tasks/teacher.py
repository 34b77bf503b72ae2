"""A teacher whose answers are plain to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from recexplainer.data.examples import NO_PAIRS, TeacherBatch
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.baselines import Popularity
from recexplainer.tasks.task import Teacher
from tests import tiny

INFINITY = float("inf")


def batch(scores: list[list[float]], histories: list[list[int]]) -> TeacherBatch:
    """Scores of items 1 … n per pair; the items of the history and the padding are masked here."""
    table = np.array([[-INFINITY, *row] for row in scores])
    for row, history in enumerate(histories):
        table[row, history] = -INFINITY
    n = len(scores)
    return TeacherBatch(
        user_ids=np.arange(1, n + 1),
        positions=np.array([len(history) for history in histories]),
        splits=["train"] * n,
        vector_rows=np.arange(n),
        histories=histories,
        scores=table,
    )


def of(
    pairs: TeacherBatch = NO_PAIRS,
    recommender: Recommender | None = None,
    dialogues: Sequence[dict[str, Any]] = (),
    common: set[str] | None = None,
    seed: int = 0,
    **settings: Any,
) -> Teacher:
    """The teacher of some pairs, in the tiny world."""
    chosen = replace(tiny.settings().build_alignment, **settings)
    rng = np.random.default_rng(seed)
    given = (recommender or tiny.mf(), tiny.interactions(), tiny.catalogue(), dialogues, chosen, common or set(), rng)
    return Teacher(*given, batch=pairs)


def with_vectors(vectors: torch.Tensor | None) -> Recommender:
    """A recommender whose items have these vectors; None: one of scores alone."""
    if vectors is None:
        return Popularity.fit(tiny.interactions())
    recommender = tiny.mf()
    recommender.items.copy_(vectors)
    return recommender
