"""What a recommender says of an item when parts of the history are deleted, for many deletions in one
pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from recexplainer.core.records.evidence import Label, Variant
from recexplainer.data.interactions import PADDING_ID
from recexplainer.recommenders.base import Recommender

VARIANTS: tuple[Variant, ...] = get_args(Variant)
_ROWS_AT_ONCE = 512  # deletions in one pass: what they fill stays near the processor, which is fastest


@dataclass(frozen=True)
class Decision:
    """What a recommender decided, and on what.

    Attributes:
        history: Item ids, oldest first: all that the recommender was given.
        item_id: The item that it decided on.
        n_shown: How many of the newest items an explanation can show and cite; None: all.
        label: Whether it recommends the item. The items that explain a Yes speak for the item, those that explain a
            No against it.
    """

    history: list[int]
    item_id: int
    n_shown: int | None = None
    label: Label = "Yes"

    @property
    def citable(self) -> range:
        """Positions of the items that an explanation can cite."""
        n_shown = len(self.history) if self.n_shown is None else self.n_shown
        return range(len(self.history) - n_shown, len(self.history))


@dataclass(frozen=True)
class Outcomes:
    """The watched item after each deletion.

    Attributes:
        log_p: (n,) log of its probability under the softmax of the scores over the whole catalogue; of scores that are
            not logits, after division by their spread over the items outside of the decision's history.
        rank: (n,) its rank from 1 among the items that are not in the full history; ties count against it.
    """

    log_p: np.ndarray
    rank: np.ndarray


class Perturbation:
    """Deletes items of histories and asks the recommender about the watched item.

    Two ways to delete: `shift` closes the gap, so that older items come nearer, as if the item had never
    been there; `mask` leaves padding in the gap, so that the other items keep their places. The rank is
    always among the items outside the *full* history: a deleted item does not become a rival of the watched
    one.
    """

    def __init__(self, recommender: Recommender, decisions: Sequence[Decision]) -> None:
        self._recommender = recommender
        self.decisions = decisions
        self.items: np.ndarray = _left_padded([decision.history for decision in decisions])  # (n_decisions, length)
        self.is_yes: np.ndarray = np.array([decision.label == "Yes" for decision in decisions], dtype=bool)
        self._targets = np.array([decision.item_id for decision in decisions], dtype=np.int64)
        self.present: np.ndarray = self.items != PADDING_ID  # (n_decisions, length): where histories have items
        self._counted = torch.from_numpy(_first_places(self.items, self._targets))
        self.first_column: np.ndarray = (~self.present).sum(axis=1)  # (n_decisions,): the column of the oldest item

    @cached_property
    def whole(self) -> Outcomes:
        """The watched items with the whole history: of each decision as it was made."""
        return self.outcomes(np.arange(len(self.decisions)), self.present, "shift")

    @cached_property
    def _units(self) -> np.ndarray:
        return units_of(self._recommender, list(self.items))

    def outcomes(self, rows: np.ndarray, kept: np.ndarray, variant: Variant) -> Outcomes:
        """The watched items when only the kept items are left.

        Args:
            rows: (n,) row of the decision of each deletion.
            kept: (n, length) bool, True at the columns that stay; histories end at the last column.
            variant: `shift` or `mask`.
        """
        rows = np.asarray(rows, dtype=np.int64)
        first, back = _distinct(rows, kept)
        rows, left = rows[first], kept[first]
        perturbed = np.where(left & self.present[rows], self.items[rows], PADDING_ID)
        if variant == "shift":
            order = np.argsort(perturbed != PADDING_ID, axis=1, kind="stable")  # padding to the left, order kept
            perturbed = np.take_along_axis(perturbed, order, axis=1)
        by_length = np.argsort((perturbed == PADDING_ID).sum(axis=1), kind="stable")  # like beside like: less padding
        perturbed, rows, back = perturbed[by_length], rows[by_length], np.argsort(by_length)[back]
        n_at_once = self._recommender.n_at_once(_ROWS_AT_ONCE)
        blocks = [
            self._ask(perturbed[start : start + n_at_once], rows[start : start + n_at_once])
            for start in range(0, len(rows), n_at_once)
        ]
        log_p = np.concatenate([block[0] for block in blocks]) if blocks else np.zeros(0)
        rank = np.concatenate([block[1] for block in blocks]) if blocks else np.zeros(0, dtype=np.int64)
        return Outcomes(log_p[back], rank[back])

    def _ask(self, histories: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        filled = (histories != PADDING_ID).any(axis=0)
        first = int(filled.argmax()) if filled.any() else histories.shape[1]  # no history of this block is longer
        scores = self._recommender.scores(torch.from_numpy(histories[:, first:])).cpu()
        own = scores.gather(1, torch.from_numpy(self._targets[rows])[:, None])
        scaled = scores if self._recommender.gives_logits else scores / torch.from_numpy(self._units[rows]).float()
        log_p = scaled.gather(1, torch.from_numpy(self._targets[rows])[:, None]).double() - _log_sum_exp(scaled)
        seen = scores.gather(1, torch.from_numpy(self.items[rows])) >= own
        n_seen = (seen & self._counted[torch.from_numpy(rows)]).sum(dim=1)
        rank = (scores >= own).sum(dim=1) - n_seen  # the item itself is among those as good as it, and makes it rank 1
        return log_p[:, 0].numpy(), rank.numpy()


def _log_sum_exp(scores: Tensor) -> Tensor:
    """(n, 1) in double precision: scores (n, n_items + 1) are single, so that their powers need be no more."""
    largest = scores.amax(dim=1, keepdim=True)
    return (scores - largest).exp_().sum(dim=1, keepdim=True, dtype=torch.float64).log() + largest


def units_of(recommender: Recommender, histories: Sequence[Sequence[int] | np.ndarray]) -> np.ndarray:
    """(n, 1): what the scores of decisions on histories are divided by before a softmax makes probabilities of them.

    1 for logits; of other scores, whose unit is arbitrary, their spread over the items outside of the history.
    """
    if recommender.gives_logits:
        return np.ones((len(histories), 1))
    each = recommender.each_scores(histories, exclude_seen=True)
    spreads = [float(torch.from_numpy(scores[np.isfinite(scores)]).std(correction=0)) for scores in each]
    return np.array([spread or 1.0 for spread in spreads])[:, None]


def _distinct(rows: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One row of each distinct deletion, and for every row which of those it is."""
    packed = np.concatenate([rows.astype("<i8")[:, None].view(np.uint8), np.packbits(kept, axis=1)], axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1])))[:, 0]
    _, first, back = np.unique(keys, return_index=True, return_inverse=True)
    return first, back.reshape(-1)


def _first_places(items: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(n_decisions, length): the first occurrence of each item of a history, except the target."""
    first = np.zeros(items.shape, dtype=bool)
    for row, history in enumerate(items):
        first[row, np.unique(history, return_index=True)[1]] = True
    return first & (items != PADDING_ID) & (items != targets[:, None])


def _left_padded(histories: Sequence[Sequence[int]]) -> np.ndarray:
    length = max(map(len, histories), default=0)
    padded = np.full((len(histories), length), PADDING_ID, dtype=np.int64)
    for row, history in enumerate(histories):
        padded[row, length - len(history) :] = history
    return padded
