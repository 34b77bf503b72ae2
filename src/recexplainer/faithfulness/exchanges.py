"""Attributes that texts give as reasons, tested: other items with and without the attribute take the cited ones' place.

"A Strategy game, and the user played …" says that the genre carries the decision. So the cited Strategy games are
exchanged for other Strategy games, and for games of another genre that have the same in common with the target
otherwise. What separates the two is the genre alone. Where no cited item has the attribute, the target is exchanged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np

from recexplainer.citations.attributes import AttributeIndex
from recexplainer.data.catalogue import Catalogue
from recexplainer.evidence.perturbation import Decision, units_of
from recexplainer.evidence.removal import SMALLEST_LOG_P
from recexplainer.recommenders.base import Recommender

N_EXCHANGES = 5  # at most, with and without the attribute each
MAX_CANDIDATES = 2000  # items that are looked at for an exchange, with and without the attribute each

Place = Literal["cited", "target"]
Outcome = Literal["tested", "no_exchange", "false"]


@dataclass(frozen=True)
class AttributeClaim:
    """An attribute that a text gives as a reason, and what the recommender says of it.

    Attributes:
        attribute: Its number in the index.
        place: Which items were exchanged; None where it was not tested.
        outcome: `tested`; `no_exchange`: the catalogue lacks items that differ in the attribute and otherwise have the
            same in common with the target; `false`: it holds for neither the target nor a cited item.
        effect: In nats, what the decision gains from the attribute; below zero where it speaks against the decision;
            None where it was not tested.
    """

    attribute: int
    place: Place | None
    outcome: Outcome
    effect: float | None


@dataclass(frozen=True)
class _Exchange:
    """Histories and targets with the attribute, and others without; there may be more of one side."""

    place: Place
    having: list[tuple[list[int], int]]
    lacking: list[tuple[list[int], int]]


class AttributeTest:
    """Tests what texts claim of one recommender's decisions.

    Args:
        recommender: Who decided.
        index: The attributes of the catalogue's items.
        catalogue: The items.
        seed: Of the choice among equally fitting items.
    """

    def __init__(self, recommender: Recommender, index: AttributeIndex, catalogue: Catalogue, seed: int) -> None:
        self._recommender, self._index, self._seed = recommender, index, seed
        self._n_items = catalogue.n_items
        self._holders: dict[int, list[int]] = defaultdict(list)
        for item in range(1, catalogue.n_items + 1):
            for attribute in index.of_item[item]:
                self._holders[attribute].append(item)

    def claims(self, decision: Decision, cited: Sequence[int], attributes: Sequence[int]) -> list[AttributeClaim]:
        """What each attribute carries that a text claims.

        Args:
            decision: Of the recommender.
            cited: Items of the history that the text names.
            attributes: Numbers of the attributes that it claims; those of most items are not tested.
        """
        exchanges = [self._exchange(decision, cited, attribute) for attribute in attributes]
        asked = [own for own in exchanges if isinstance(own, _Exchange)]
        answers = iter(self._log_p(decision, [question for own in asked for question in (*own.having, *own.lacking)]))
        sign = 1 if decision.label == "Yes" else -1
        found = []
        for attribute, own in zip(attributes, exchanges, strict=True):
            if isinstance(own, _Exchange):
                having, lacking = ([next(answers) for _ in side] for side in (own.having, own.lacking))
                effect = sign * float(np.mean(having) - np.mean(lacking))
                found.append(AttributeClaim(attribute, own.place, "tested", effect))
            else:
                found.append(AttributeClaim(attribute, None, own, None))
        return found

    def _exchange(self, decision: Decision, cited: Sequence[int], attribute: int) -> _Exchange | Outcome:
        bearers = [item for item in cited if attribute in self._index.of_item[item]]
        if not bearers and attribute not in self._index.of_item[decision.item_id]:
            return "false"
        found = self._of_cited(decision, bearers, attribute) if bearers else self._of_target(decision, attribute)
        return found or "no_exchange"

    def _of_cited(self, decision: Decision, bearers: Sequence[int], attribute: int) -> _Exchange | None:
        """Every cited item with the attribute has another in its place."""
        sides: tuple[list[dict[int, int]], list[dict[int, int]]] = ([], [])
        taken: set[int] = set()
        for bearer in bearers:
            twins = self._twins(decision, bearer, attribute, taken)
            if twins is None:
                return None
            taken |= {item for side in twins for item in side}
            for side, items in zip(sides, twins, strict=True):
                n = len(items)
                side[:] = [
                    (side[number] if side else {}) | {bearer: items[number]} for number in range(min(n, len(side) or n))
                ]
        having, lacking = (
            [([put.get(item, item) for item in decision.history], decision.item_id) for put in side] for side in sides
        )
        return _Exchange("cited", having, lacking)

    def _of_target(self, decision: Decision, attribute: int) -> _Exchange | None:
        """The target has another item in its place: the history stays."""
        twins = self._twins(decision, decision.item_id, attribute, set())
        if twins is None:
            return None
        having, lacking = ([(decision.history, item) for item in side] for side in twins)
        return _Exchange("target", having, lacking)

    def _twins(
        self, decision: Decision, item: int, attribute: int, taken: set[int]
    ) -> tuple[list[int], list[int]] | None:
        """Items with and without an attribute that have otherwise the same in common with the target.

        Of several such groups the one most like the item is chosen; None where there is none.
        """
        target = self._index.of_item[decision.item_id] - self._index.common - {attribute}
        own = self._index.of_item[item] & target
        closed = {*decision.history, decision.item_id, *taken}
        groups: dict[frozenset[int], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for lacks, pool in enumerate(self._pools(decision, item, attribute)):
            for other in pool:
                if other not in closed:
                    groups[self._index.of_item[other] & target][lacks].append(other)
        fitting = [shared for shared, sides in groups.items() if all(sides)]
        if not fitting:
            return None
        having, lacking = groups[min(fitting, key=lambda shared: (len(shared ^ own), sorted(shared)))]
        return having[:N_EXCHANGES], lacking[:N_EXCHANGES]

    def _pools(self, decision: Decision, item: int, attribute: int) -> Iterator[list[int]]:
        """Items that have the attribute, and that do not, in random order; the same for the same question."""
        asked = f"{decision.history} {decision.item_id} {item} {self._index.names[attribute]}"
        rng = np.random.default_rng([self._seed, int.from_bytes(sha256(asked.encode()).digest()[:8], "little")])
        yield rng.permutation(self._holders[attribute])[:MAX_CANDIDATES].tolist()
        others = rng.permutation(np.arange(1, self._n_items + 1))[: MAX_CANDIDATES + len(self._holders[attribute])]
        yield others[~np.isin(others, self._holders[attribute])][:MAX_CANDIDATES].tolist()

    def _log_p(self, decision: Decision, asked: Sequence[tuple[list[int], int]]) -> np.ndarray:
        """(n,) ln p of the target with each history."""
        if not asked:
            return np.zeros(0)
        scores = self._recommender.scores([history for history, _ in asked]).double().cpu()
        log_p = (scores / units_of(self._recommender, [decision.history]).item()).log_softmax(dim=1)
        return np.maximum(log_p[np.arange(len(asked)), [item for _, item in asked]].numpy(), SMALLEST_LOG_P)
