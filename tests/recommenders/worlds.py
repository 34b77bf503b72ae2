"""Small interaction sets of known predictability."""

from __future__ import annotations

import numpy as np

from recexplainer.data.interactions import Interactions


def interactions_of(sequences: list[list[int]], n_items: int) -> Interactions:
    lengths = [len(sequence) for sequence in sequences]
    return Interactions(
        item_ids=np.array([item for sequence in sequences for item in sequence], dtype=np.int32),
        offsets=np.array([0, 0, *np.cumsum(lengths)], dtype=np.int64),
        n_items=n_items,
    )


def ring_walks(seed: int = 0, n_users: int = 160, n_items: int = 30) -> Interactions:
    """Users walk round a ring of items: the next item is the last one plus one, and all are as popular."""
    rng = np.random.default_rng(seed)
    walks = []
    for _ in range(n_users):
        start, length = rng.integers(n_items), rng.integers(5, 12)
        walks.append([int((start + step) % n_items) + 1 for step in range(length)])
    return interactions_of(walks, n_items)


def random_draws(seed: int = 0, n_users: int = 300, n_items: int = 30) -> Interactions:
    """Users draw items without any pattern."""
    rng = np.random.default_rng(seed)
    draws = [(rng.permutation(n_items)[: rng.integers(5, 12)] + 1).tolist() for _ in range(n_users)]
    return interactions_of(draws, n_items)
