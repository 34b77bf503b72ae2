"""Interactions by dense id, one sequence per user, oldest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from recexplainer.core.errors import InputError

PADDING_ID = 0


@dataclass(frozen=True)
class Interactions:
    """All users' sequences in one array, grouped by user, oldest first.

    An interaction is named by its user and its position: an item may occur in a sequence more than once.

    Attributes:
        item_ids: int32 (n_interactions,), values 1..n_items.
        offsets: int64 (n_users + 2,); the sequence of user u (1..n_users) is
            ``item_ids[offsets[u]:offsets[u + 1]]``.
        n_items: Number of items in the catalogue.
    """

    item_ids: np.ndarray
    offsets: np.ndarray
    n_items: int

    @property
    def n_users(self) -> int:
        """Number of users; their ids are 1..n_users."""
        return len(self.offsets) - 2

    def __len__(self) -> int:
        """Number of interactions."""
        return len(self.item_ids)

    def sequence(self, user_id: int) -> np.ndarray:
        """A user's item ids, int32 (length,), oldest first: a view, not a copy."""
        if not 1 <= user_id <= self.n_users:
            raise KeyError(f"unknown user id {user_id}: ids range from 1 to {self.n_users}")
        return self.item_ids[self.offsets[user_id] : self.offsets[user_id + 1]]

    def history(self, user_id: int, position: int | None = None) -> list[int]:
        """The item ids that a user has had before a position, or in all, oldest first."""
        history: list[int] = self.sequence(user_id)[:position].tolist()
        return history

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, n_items: int) -> Interactions:
        """The interactions of a frame with user_id, item_id and position, sorted by user and position.

        Raises:
            InputError: when ids are not dense from 1 or positions do not count up from 0 within each user.
        """
        users = frame["user_id"].to_numpy(dtype=np.int64)
        items = frame["item_id"].to_numpy(dtype=np.int32)
        positions = frame["position"].to_numpy(dtype=np.int64)
        if not len(users):
            raise InputError("interactions: the table is empty; run the stage prepare again")
        if users[0] != 1 or not np.isin(np.diff(users), (0, 1)).all():
            raise InputError("interactions: user ids should be 1, 2, …, n, grouped by user; run prepare again")
        if items.min() <= PADDING_ID or items.max() > n_items:
            raise InputError(f"interactions: item ids should be 1 to {n_items}; run the stage prepare again")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(users))])
        if not np.array_equal(positions, np.arange(len(users)) - offsets[users]):
            raise InputError("interactions: positions should count up from 0 within each user; run prepare again")
        return cls(item_ids=items, offsets=offsets.astype(np.int64), n_items=n_items)
