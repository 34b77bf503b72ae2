"""Asking the recommender: from interactions to alignment examples and the user vectors they refer to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from recexplainer.core.errors import InputError
from recexplainer.core.settings import BuildAlignment
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example, TeacherBatch
from recexplainer.data.interactions import Interactions
from recexplainer.prompting.prompts import common_categories
from recexplainer.recommenders.base import Recommender
from recexplainer.tasks.known import TASKS
from recexplainer.tasks.task import Teacher

_BATCH = 512  # pairs, or fewer where the catalogue is large: all tasks share a batch's scores


@dataclass(frozen=True)
class Pairs:
    """The (user, position) pairs that are asked about: the history is what precedes the position."""

    user_ids: np.ndarray
    positions: np.ndarray
    splits: list[str]

    def __len__(self) -> int:
        return len(self.user_ids)


def choose_pairs(
    interactions: Interactions, users: pd.DataFrame, settings: BuildAlignment, rng: np.random.Generator
) -> Pairs:
    """Several random positions of every training user, and the newest ones of the others.

    A position p means the history before it; p = length means the whole sequence. No position is so late
    that fewer than `n_candidates` items would be left to ask about.

    Raises:
        InputError: If a split has no user with at least `min_history` interactions.
    """
    rows: list[tuple[int, int, str]] = []
    for user_id, split in zip(users["user_id"], users["split"], strict=True):
        length = len(interactions.sequence(user_id))
        last = min(length, interactions.n_items - settings.n_candidates)
        positions = np.arange(settings.min_history, last + 1)
        n = settings.positions_per_user if split == "train" else settings.eval_positions_per_user
        if split == "train" and len(positions) > n:
            positions = rng.choice(positions, size=n, replace=False)
        rows += [(int(user_id), int(position), split) for position in sorted(positions[-n:])]
    for split in ("train", "valid", "test"):
        if not any(row[2] == split for row in rows):
            raise InputError(
                f"no {split} user has {settings.min_history} interactions: lower build_alignment.min_history, "
                "or change prepare.split"
            )
    user_ids, positions_, splits = zip(*rows, strict=True)
    return Pairs(np.array(user_ids), np.array(positions_), list(splits))


def build_examples(
    interactions: Interactions,
    catalogue: Catalogue,
    users: pd.DataFrame,
    dialogues: Sequence[dict[str, Any]],
    recommender: Recommender,
    settings: BuildAlignment,
    seed: int,
) -> tuple[Iterator[Example], torch.Tensor]:
    """Ask a frozen recommender every question of every task.

    Returns:
        The examples of all tasks and splits, each batch of pairs asked about when its turn comes: a large shop's are
        more than memory holds. And the user vectors that their `vector_row` points into: (n_pairs, dim), or (0, 0) for
        a recommender without vectors.

    Raises:
        InputError: If a split has no user with at least `min_history` interactions.
    """
    rng = np.random.default_rng(seed)
    pairs = choose_pairs(interactions, users, settings, rng)
    teacher = Teacher(recommender, interactions, catalogue, dialogues, settings, common_categories(catalogue), rng)
    return _each_example(teacher, pairs), _user_vectors(recommender, interactions, pairs)


def _each_example(teacher: Teacher, pairs: Pairs) -> Iterator[Example]:
    for rows in _blocks(teacher.recommender, pairs):
        about_users = replace(teacher, batch=_ask(teacher, pairs, rows))
        for task in TASKS.values():
            if task.ABOUT_USERS:
                yield from task.make_examples(about_users)
    for task in TASKS.values():
        if not task.ABOUT_USERS:
            yield from task.make_examples(teacher)


def _user_vectors(recommender: Recommender, interactions: Interactions, pairs: Pairs) -> torch.Tensor:
    if not recommender.has_vectors:
        return torch.zeros(0, 0)
    blocks = (_histories(interactions, pairs, rows) for rows in _blocks(recommender, pairs))
    return torch.cat([recommender.user_vectors(histories) for histories in blocks])


def _blocks(recommender: Recommender, pairs: Pairs) -> Iterator[range]:
    """Pairs that are asked about together."""
    n_at_once = recommender.n_at_once(_BATCH)
    for start in range(0, len(pairs), n_at_once):
        yield range(start, min(start + n_at_once, len(pairs)))


def _histories(interactions: Interactions, pairs: Pairs, rows: range) -> list[list[int]]:
    return [interactions.history(int(pairs.user_ids[row]), int(pairs.positions[row])) for row in rows]


def _ask(teacher: Teacher, pairs: Pairs, rows: range) -> TeacherBatch:
    histories = _histories(teacher.interactions, pairs, rows)
    scores = teacher.recommender.scores(histories, exclude_seen=True).numpy().astype(np.float64)
    chosen = slice(rows.start, rows.stop)
    return TeacherBatch(
        user_ids=pairs.user_ids[chosen],
        positions=pairs.positions[chosen],
        splits=pairs.splits[chosen],
        vector_rows=np.array(rows) if teacher.recommender.has_vectors else np.full(len(rows), -1),
        histories=[history[-teacher.settings.max_history :] for history in histories],
        scores=scores,
    )
