"""Matrix factorisation for implicit feedback, solved in closed form; a user is folded in from any history."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from recexplainer.data.interactions import PADDING_ID, Interactions
from recexplainer.recommenders.base import NO_LIMIT, VectorRecommender

ENTRIES_AT_ONCE = 2**16  # vectors gathered for one block of solutions
ROWS_AT_ONCE = 1024  # systems of equations in one block


class Factorisation(VectorRecommender):
    """Items' vectors, and a user's vector as the weighted ridge solution (`solve`) for the given history."""

    gives_logits = False

    def __init__(self, n_items: int, dim: int, regularisation: float, confidence: float) -> None:
        """Start with items at zero."""
        super().__init__(n_items, dim, max_length=NO_LIMIT)
        self.regularisation = regularisation
        self.confidence = confidence
        self.items: Tensor
        self.register_buffer("items", torch.zeros(n_items + 1, dim))
        self._solved: tuple[Tensor, int, Tensor, Tensor] | None = None  # what `_factors` keeps

    def config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "n_items": self.n_items,
            "dim": self.dim,
            "regularisation": self.regularisation,
            "confidence": self.confidence,
        }

    def item_vectors(self) -> Tensor:
        """The items' vectors, (n_items + 1, dim); row 0 is zero."""
        return self.items

    @abstractmethod
    def _gram(self, items: Tensor) -> Tensor:
        """itemsᵀ · items (dim, dim), float64, of all items that a user could take; `items` are its own."""

    def _user_vectors(self, item_ids: Tensor) -> Tensor:
        return solve(item_ids, *self._factors(), self.regularisation, self.confidence).float()

    def _factors(self) -> tuple[Tensor, Tensor]:
        """The items in float64 and their `_gram`: of a large catalogue, most of an answer's time if made each time."""
        if self.items.is_inference():  # its changes cannot be seen
            items = self.items.double()
            return items, self._gram(items)
        kept, version = self._solved, self.items._version
        if kept is None or kept[0] is not self.items or kept[1] != version:
            items = self.items.double()
            kept = self._solved = (self.items, version, items, self._gram(items))
        return kept[2], kept[3]


class MF(Factorisation):
    """Implicit matrix factorisation: a user's vector is the least-squares solution for the given history.

    The vector answers the history alone: there is no table of users, no order, and padding is ignored.
    An item that occurs in a history r times has confidence 1 + confidence · r.

    Source: Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008,
    equations 3 to 5. Departure: users are always solved again from the items' vectors, also those that were
    trained on, so that the same history always has the same vector.
    """

    kind = "mf"

    @classmethod
    def fit(
        cls,
        train: Interactions,
        seed: int,
        dim: int,
        iterations: int,
        regularisation: float,
        confidence: float,
        after_iteration: Callable[[int, MF], None] = lambda iteration, recommender: None,
    ) -> Self:
        """Solve users and items in turn, `iterations` times; `after_iteration` sees each state."""
        recommender = cls(train.n_items, dim, regularisation, confidence)
        users = np.repeat(np.arange(len(train.offsets) - 1), np.diff(train.offsets))
        order = np.argsort(train.item_ids, kind="stable")
        n_taken = np.bincount(train.item_ids, minlength=train.n_items + 1)
        item_offsets = np.concatenate([[0], np.cumsum(n_taken)])
        generator = torch.Generator().manual_seed(seed)
        items = torch.randn(train.n_items + 1, dim, generator=generator, dtype=torch.float64) * dim**-0.5
        items[PADDING_ID] = 0
        for iteration in range(1, iterations + 1):
            # row 0 of both tables is empty and stays zero
            user_vectors = _solve_all(train.item_ids, train.offsets, items, regularisation, confidence)
            items = _solve_all(users[order], item_offsets, user_vectors, regularisation, confidence)
            recommender.items.copy_(items)
            after_iteration(iteration, recommender)
        return recommender.freeze()

    def _gram(self, items: Tensor) -> Tensor:
        return items.T @ items


def solve(partners: Tensor, factors: Tensor, gram: Tensor, regularisation: float, confidence: float) -> Tensor:
    """The least-squares vectors (batch, dim) of rows that took `partners` (batch, length), 0 = padding.

    Args:
        partners: Row numbers of `factors`; a repeated number counts with twice the confidence.
        factors: (n + 1, dim) float64, row 0 zero.
        gram: factorsᵀ · factors, (dim, dim).
        regularisation: Weight of the squared norm.
        confidence: Added confidence of one interaction over a missing one.
    """
    partners = partners.sort(dim=1).values  # one order of summing for every order of the history
    is_new = torch.ones_like(partners, dtype=torch.bool)
    is_new[:, 1:] = partners[:, 1:] != partners[:, :-1]
    taken = factors[partners]  # (B, L, D); padding is zero and adds nothing
    identity = torch.eye(factors.shape[1], dtype=factors.dtype, device=factors.device)
    left = gram + regularisation * identity + confidence * taken.transpose(1, 2) @ taken
    right = ((confidence + is_new.to(factors.dtype))[..., None] * taken).sum(dim=1)
    return torch.linalg.solve(left, right)


def _solve_all(
    partners: np.ndarray, offsets: np.ndarray, factors: Tensor, regularisation: float, confidence: float
) -> Tensor:
    """The vectors (n_rows, dim) of all rows; row r took `partners[offsets[r]:offsets[r + 1]]`."""
    gram = factors.T @ factors
    lengths = np.diff(offsets)
    order = np.argsort(lengths, kind="stable")
    solved = torch.zeros(len(lengths), factors.shape[1], dtype=factors.dtype)
    for rows in _blocks(order, lengths):
        columns = np.arange(max(1, lengths[rows[-1]]))
        within = columns < lengths[rows, None]
        places = np.where(within, offsets[rows, None] + columns, 0)
        padded = np.where(within, partners[places], PADDING_ID)
        solved[torch.from_numpy(rows)] = solve(
            torch.from_numpy(padded.astype(np.int64)), factors, gram, regularisation, confidence
        )
    return solved


def _blocks(order: np.ndarray, lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Cut rows, sorted by length, into blocks whose padded size is bounded."""
    start = 0
    for end in range(1, len(order) + 1):
        full = end - start == ROWS_AT_ONCE
        if end == len(order) or full or (end + 1 - start) * lengths[order[end]] > ENTRIES_AT_ONCE:
            yield order[start:end]
            start = end
