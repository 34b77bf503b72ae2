"""Recommenders that a trained one has to beat: popularity, and items that were taken together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from recexplainer.data.interactions import PADDING_ID, Interactions
from recexplainer.recommenders.base import NO_LIMIT, Recommender
from recexplainer.recommenders.co_occurrence import co_occurrence_blocks


class Popularity(Recommender):
    """Scores every item by how often it was taken; the history changes nothing but what is excluded."""

    kind = "popularity"
    has_vectors = False
    gives_logits = False

    def __init__(self, n_items: int) -> None:
        super().__init__(n_items, dim=0, max_length=1)  # it reads none, and 1 is the least
        self.counts: Tensor
        self.register_buffer("counts", torch.zeros(n_items + 1))

    @classmethod
    def fit(cls, train: Interactions) -> Self:
        """Count the training interactions of every item."""
        popularity = cls(train.n_items)
        counts = np.bincount(train.item_ids, minlength=train.n_items + 1)
        popularity.counts.copy_(torch.from_numpy(counts))
        return popularity.freeze()

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"n_items": self.n_items}

    def _score(self, item_ids: Tensor) -> Tensor:
        return self.counts.repeat(len(item_ids), 1)


class ItemKNN(Recommender):
    """Scores an item by its summed similarity to the items of the history.

    Similarity is how many users took both items, divided by (n₁ · n₂) ** `normalisation`, the users of each: .5 is the
    cosine of the two sets of users, less than that leaves popular items an advantage. An item of the history gives
    points to the `n_neighbours` items that are most similar to it. Below 1, `recency` fades what is far away: a user
    who took two items with d others between them counts recency ** d for the pair, and an item of the history with d
    newer ones counts recency ** d; at 1 order does not matter.

    Source: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001; the fading follows
    Garg et al., "Sequence and time aware neighborhood for session-based recommendations: STAN", SIGIR 2019.
    Departures: sets, as there are no ratings; distances in items, as there need be no times, and one factor for both.
    """

    kind = "item_knn"
    has_vectors = False
    gives_logits = False

    def __init__(self, n_items: int, n_neighbours: int, normalisation: float, recency: float) -> None:
        super().__init__(n_items, dim=0, max_length=NO_LIMIT)
        self.n_neighbours = n_neighbours
        self.normalisation = normalisation
        self.recency = recency
        self.neighbours: Tensor  # (n_items + 1, n_neighbours) item ids, 0 where there is none
        self.similarities: Tensor  # the same shape
        self.register_buffer("neighbours", torch.zeros(n_items + 1, n_neighbours, dtype=torch.long))
        self.register_buffer("similarities", torch.zeros(n_items + 1, n_neighbours))

    @classmethod
    def fit(cls, train: Interactions, n_neighbours: int, normalisation: float, recency: float) -> Self:
        """Find every item's nearest items; between equal similarities the lower id is nearer."""
        return cls.fit_each(train, recency, [(n_neighbours, normalisation)])[0]

    @classmethod
    def fit_each(cls, train: Interactions, recency: float, choices: Sequence[tuple[int, float]]) -> list[Self]:
        """`fit` with each (`n_neighbours`, `normalisation`): the pairs, which take the time, are counted once."""
        recommenders = [cls(train.n_items, *choice, recency) for choice in choices]
        blocks, n_users = co_occurrence_blocks(train, recency)
        scales = [1 / np.maximum(n_users, 1) ** normalisation for _, normalisation in choices]
        item_id = PADDING_ID
        for counts in blocks:
            for start, end in pairwise(counts.indptr):
                ids, together = counts.indices[start:end], counts.data[start:end]
                for recommender, scale in zip(recommenders, scales, strict=True):
                    recommender._find_nearest(item_id, ids, scale[item_id] * together * scale[ids])
                item_id += 1
        return [recommender.freeze() for recommender in recommenders]

    def _find_nearest(self, item_id: int, ids: np.ndarray, values: np.ndarray) -> None:
        nearest = np.lexsort((ids, -values))[: self.n_neighbours]
        self.neighbours[item_id, : len(nearest)] = torch.from_numpy(ids[nearest].astype(np.int64))
        self.similarities[item_id, : len(nearest)] = torch.from_numpy(values[nearest])

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "n_items": self.n_items,
            "n_neighbours": self.n_neighbours,
            "normalisation": self.normalisation,
            "recency": self.recency,
        }

    def _score(self, item_ids: Tensor) -> Tensor:
        is_item = (item_ids != PADDING_ID).long()
        n_newer = is_item.flip(1).cumsum(dim=1).flip(1) - is_item
        item_ids, order = item_ids.sort(dim=1, stable=True)  # one order of summing for every order of the history
        weights = self.recency ** n_newer.gather(1, order).float()
        scores = torch.zeros(len(item_ids), self.n_items + 1, device=item_ids.device)
        for column in range(item_ids.shape[1]):
            items = item_ids[:, column]
            scores.scatter_add_(1, self.neighbours[items], self.similarities[items] * weights[:, column, None])
        return scores
