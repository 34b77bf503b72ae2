"""Recommenders that a trained one has to beat: popularity, and items that were taken together."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recexplainer.data.interactions import Interactions
from recexplainer.recommenders.base import NO_LIMIT, Recommender


class Popularity(Recommender):
    """Scores every item by how often it was taken; the history changes nothing but what is excluded."""

    kind = "popularity"
    has_vectors = False

    def __init__(self, n_items: int) -> None:
        super().__init__(n_items, dim=0, max_length=NO_LIMIT)
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
    """Scores an item by its summed similarity to the items of the history; order does not matter.

    Similarity is the cosine of two items' sets of users; an item of the history gives points to the
    `n_neighbours` items that are most similar to it.

    Source: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001.
    Departure: cosine of sets, as there are no ratings.
    """

    kind = "item_knn"
    has_vectors = False

    def __init__(self, n_items: int, n_neighbours: int) -> None:
        super().__init__(n_items, dim=0, max_length=NO_LIMIT)
        self.n_neighbours = n_neighbours
        self.neighbours: Tensor  # (n_items + 1, n_neighbours) item ids, 0 where there is none
        self.similarities: Tensor  # the same shape
        self.register_buffer("neighbours", torch.zeros(n_items + 1, n_neighbours, dtype=torch.long))
        self.register_buffer("similarities", torch.zeros(n_items + 1, n_neighbours))

    @classmethod
    def fit(cls, train: Interactions, n_neighbours: int) -> Self:
        """Find every item's nearest items; between equal similarities the lower id is nearer."""
        recommender = cls(train.n_items, n_neighbours)
        cosine = _cosine(train)
        for item_id in range(1, train.n_items + 1):
            row = slice(cosine.indptr[item_id], cosine.indptr[item_id + 1])
            ids, values = cosine.indices[row], cosine.data[row]
            nearest = np.lexsort((ids, -values))[:n_neighbours]
            recommender.neighbours[item_id, : len(nearest)] = torch.from_numpy(ids[nearest].astype(np.int64))
            recommender.similarities[item_id, : len(nearest)] = torch.from_numpy(values[nearest])
        return recommender.freeze()

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"n_items": self.n_items, "n_neighbours": self.n_neighbours}

    def _score(self, item_ids: Tensor) -> Tensor:
        item_ids = item_ids.sort(dim=1).values  # one order of summing for every order of the history
        scores = torch.zeros(len(item_ids), self.n_items + 1, device=item_ids.device)
        for column in range(item_ids.shape[1]):
            items = item_ids[:, column]
            scores.scatter_add_(1, self.neighbours[items], self.similarities[items])
        return scores


def _cosine(train: Interactions) -> sparse.csr_matrix:
    """Cosine of the items' user sets, (n_items + 1, n_items + 1), without the diagonal."""
    users = np.repeat(np.arange(len(train.offsets) - 1), np.diff(train.offsets))
    shape = (len(train.offsets) - 1, train.n_items + 1)
    taken = sparse.csr_matrix((np.ones(len(users), dtype=np.float32), (users, train.item_ids)), shape=shape)
    taken.data[:] = 1  # duplicates were summed
    n_users = np.asarray(taken.sum(axis=0)).ravel()
    scale = sparse.diags(1 / np.sqrt(np.maximum(n_users, 1)).astype(np.float32))
    cosine = scale @ (taken.T @ taken) @ scale
    cosine.setdiag(0)
    cosine = cosine.tocsr()
    cosine.eliminate_zeros()
    return cosine
