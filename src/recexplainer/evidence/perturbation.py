"""What a recommender says of an item when parts of the history are deleted, for many deletions in one
pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
_ROWS_AT_ONCE = 512  # histories in one pass, at most
_SCORES_AT_ONCE = 2**22  # of one pass: what it fills stays near the processor, which is fastest


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


@dataclass(frozen=True)
class _Asked:
    """Some deletions, and what the recommender says of what they leave of the histories.

    Attributes:
        deletions: (n,) which ones.
        scores: (n_histories, n_items + 1) of what is left, each once.
        places: (n,) which row of the scores belongs to each deletion.
    """

    deletions: np.ndarray
    scores: Tensor
    places: np.ndarray


class Perturbation:
    """Deletes items of histories and asks the recommender about the watched item.

    Two ways to delete: `shift` closes the gap, so that older items come nearer, as if the item had never
    been there; `mask` leaves padding in the gap, so that the other items keep their places. The rank is
    always among the items outside the *full* history: a deleted item does not become a rival of the watched
    one.

    What the recommender reads of a history after a deletion it scores once, for all decisions on that history.
    """

    def __init__(self, recommender: Recommender, decisions: Sequence[Decision]) -> None:
        self._recommender = recommender
        self.decisions = decisions
        self.items: np.ndarray = _left_padded([decision.history for decision in decisions])  # (n_decisions, length)
        self.is_yes: np.ndarray = np.array([decision.label == "Yes" for decision in decisions], dtype=bool)
        self._targets = np.array([decision.item_id for decision in decisions], dtype=np.int64)
        self.present: np.ndarray = self.items != PADDING_ID  # (n_decisions, length): where histories have items
        self._counted = _first_places(self.items, self._targets)
        self._first, self._history = _distinct(self.items.astype("<i8"))
        self.first_column: np.ndarray = (~self.present).sum(axis=1)  # (n_decisions,): the column of the oldest item

    @cached_property
    def whole(self) -> Outcomes:
        """The watched items with the whole history: of each decision as it was made."""
        return self.outcomes(np.arange(len(self.decisions)), self.present, "shift")

    @cached_property
    def _units(self) -> np.ndarray:
        """(n_decisions, 1), as `units_of`."""
        return units_of(self._recommender, list(self.items[self._first]))[self._history]

    def outcomes(self, rows: np.ndarray, kept: np.ndarray, variant: Variant) -> Outcomes:
        """The watched items when only the kept items are left.

        Args:
            rows: (n,) row of the decision of each deletion.
            kept: (n, length) bool, True at the columns that stay; histories end at the last column.
            variant: `shift` or `mask`.
        """
        log_p, rank = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
        for asked in self._ask(rows, kept, variant):
            log_p[asked.deletions] = self._log_p(asked, rows[asked.deletions])
            rank[asked.deletions] = self._rank(asked, rows[asked.deletions])
        return Outcomes(log_p, rank)

    def log_p(self, rows: np.ndarray, kept: np.ndarray, variant: Variant) -> np.ndarray:
        """(n,) the probabilities of `outcomes` alone: ranks are counted decision by decision, and take their time."""
        log_p = np.zeros(len(rows))
        for asked in self._ask(rows, kept, variant):
            log_p[asked.deletions] = self._log_p(asked, rows[asked.deletions])
        return log_p

    def _ask(self, rows: np.ndarray, kept: np.ndarray, variant: Variant) -> Iterator[_Asked]:
        """All deletions, in blocks of those that leave about as much."""
        left = self._read(kept & self.present[rows], variant)
        first, places = _distinct(self._history[rows].astype("<i8")[:, None], np.packbits(left, axis=1))
        histories = _perturbed(self.items[rows[first]], left[first], variant)
        by_length = np.argsort((histories == PADDING_ID).sum(axis=1), kind="stable")  # like beside like: less padding
        histories, places = histories[by_length], np.argsort(by_length)[places]
        deletions = np.argsort(places, kind="stable")
        n_at_once = self._recommender.n_at_once(_ROWS_AT_ONCE, _SCORES_AT_ONCE)
        for start in range(0, len(histories), n_at_once):
            edges = np.searchsorted(places[deletions], [start, start + n_at_once])
            own = deletions[slice(*edges)]
            yield _Asked(own, self._scores(histories[start : start + n_at_once]), places[own] - start)

    def _read(self, left: np.ndarray, variant: Variant) -> np.ndarray:
        """(n, length) bool: of the items that are left those that are not too old for the recommender."""
        most, length = self._recommender.max_length, left.shape[1]
        if most >= length:
            return left
        if variant == "mask":
            return left & (np.arange(length) >= length - most)
        return left & (left[:, ::-1].cumsum(axis=1, dtype=np.int32)[:, ::-1] <= most)

    def _scores(self, histories: np.ndarray) -> Tensor:
        filled = (histories != PADDING_ID).any(axis=0)
        first = int(filled.argmax()) if filled.any() else histories.shape[1]  # no history of this block is longer
        return self._recommender.scores(torch.from_numpy(histories[:, first:])).cpu()

    def _log_p(self, asked: _Asked, rows: np.ndarray) -> np.ndarray:
        scores = asked.scores
        if not self._recommender.gives_logits:
            units = np.ones((len(scores), 1))
            units[asked.places] = self._units[rows]
            scores = scores / torch.from_numpy(units).float()
        own = scores[torch.from_numpy(asked.places), torch.from_numpy(self._targets[rows])].double()
        return (own - _log_sum_exp(scores)[torch.from_numpy(asked.places), 0]).numpy()

    def _rank(self, asked: _Asked, rows: np.ndarray) -> np.ndarray:
        scores, targets = asked.scores.numpy(), self._targets[rows]
        own = scores[asked.places, targets]
        first, back = _distinct(asked.places[:, None], targets[:, None])
        pairs = zip(asked.places[first], own[first], strict=True)
        n_as_good = np.array([np.count_nonzero(scores[place] >= score) for place, score in pairs], dtype=np.int64)[back]
        seen = scores[asked.places[:, None], self.items[rows]] >= own[:, None]
        return n_as_good - (seen & self._counted[rows]).sum(axis=1)  # the item itself counts, and makes it rank 1


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


def _perturbed(items: np.ndarray, left: np.ndarray, variant: Variant) -> np.ndarray:
    """The histories (n, length) of the items that are left."""
    perturbed = np.where(left, items, PADDING_ID)
    if variant == "mask":
        return perturbed
    order = np.argsort(left, axis=1, kind="stable")  # padding to the left, order kept
    return np.take_along_axis(perturbed, order, axis=1)


def _distinct(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of rows that are alike in all columns (n, …) the first, and for every row which of those it is like."""
    n = len(columns[0])
    packed = np.concatenate([np.ascontiguousarray(own).view(np.uint8) for own in columns], axis=1)
    if not packed.size:
        return np.arange(min(1, n)), np.zeros(n, dtype=np.int64)
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
