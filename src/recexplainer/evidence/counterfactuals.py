"""What would change a decision: the fewest items without which it falls, and an item that would make it first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from recexplainer.core.records.evidence import Counterfactual, Label, Variant
from recexplainer.evidence.perturbation import Decision, Perturbation
from recexplainer.evidence.ranks import n_ranked, ranks_of
from recexplainer.evidence.removal import GREEDY_LIMIT, greedy_steps, kept_without, losses_alone, shown_items
from recexplainer.recommenders.base import Recommender

MAX_SETS = 150  # of one size, per decision: so many are all asked about; of more the greedy one alone
N_REPLACEMENTS = 10  # items that are tried in the place of each shown one


@dataclass(frozen=True)
class Bounds:
    """Which ranks count as recommended.

    Attributes:
        top_k: Length of a list of recommendations.
        like_top: Share of the ranked items that gets a Yes.
        dislike_bottom: Share at the end that gets a No.
    """

    top_k: int
    like_top: float
    dislike_bottom: float

    def limit(self, label: Label, rank: int, n_items: int) -> int:
        """The last rank at which a decision would be Yes, or not be No.

        A Yes among the first `top_k` falls when it leaves these, another one when it leaves the share `like_top`. The
        decision itself is on its own side, also where ties put its rank elsewhere.

        >>> bounds = Bounds(top_k=5, like_top=0.2, dislike_bottom=0.5)
        >>> bounds.limit("Yes", 2, 100), bounds.limit("Yes", 9, 100), bounds.limit("No", 80, 100)
        (5, 20, 50)
        """
        if label == "No":
            return min(n_items - max(1, int(self.dislike_bottom * n_items)), rank - 1)
        return self.top_k if rank <= self.top_k else max(int(self.like_top * n_items), rank)


def find_removals(
    recommender: Recommender, decisions: Sequence[Decision], variant: Variant, bounds: Bounds
) -> list[Counterfactual]:
    """Per decision the smallest set of shown items without which it is another: a Yes falls, a No is one no longer.

    All sets of a size are asked about as long as they are few (`MAX_SETS`); of larger sizes one, chosen greedily. Of
    several sets the one that moves the item furthest is taken.
    """
    perturbation = Perturbation(recommender, decisions)
    before = perturbation.whole.rank
    counts = [n_ranked(recommender, decision) for decision in decisions]
    limits = [
        bounds.limit(decision.label, int(rank), n) for decision, rank, n in zip(decisions, before, counts, strict=True)
    ]
    searches = [
        _Search(decision.label, limit, int(rank))
        for decision, limit, rank in zip(decisions, limits, before, strict=True)
    ]
    columns = [np.nonzero(row)[0][::-1].tolist() for row in shown_items(perturbation)]  # newest first
    greedy = _greedy_columns(perturbation, columns, variant)
    for size in range(1, min(GREEDY_LIMIT, max(map(len, columns), default=0)) + 1):
        asked = {
            row: _sets(own, order, size)
            for row, (own, order, search) in enumerate(zip(columns, greedy, searches, strict=True))
            if not search.displaced and size <= len(own)
        }
        _ask(perturbation, searches, asked, variant)
        for row in asked:
            searches[row].all_asked &= comb(len(columns[row]), size) <= MAX_SETS
    return [
        Counterfactual(
            kind="removal" if search.displaced else "none",
            label=decision.label,
            item_id=decision.item_id,
            removed=[int(perturbation.items[row, column]) for column in search.removed],
            replacement=None,
            variant=variant,
            limit=search.limit,
            rank_before=search.before,
            rank_after=search.rank,
            n_ranked=counts[row],
            smallest=search.smallest if search.displaced else search.all_asked,
        )
        for row, (decision, search) in enumerate(zip(decisions, searches, strict=True))
    ]


def find_replacements(
    recommender: Recommender, decisions: Sequence[Decision], bounds: Bounds
) -> list[Counterfactual | None]:
    """Per decision the exchange of one shown item for another that brings the decided item furthest up, if any does.

    Tried in the place of each shown item are those that the recommender would recommend first to somebody who has
    taken the decided item alone.
    """
    found: list[Counterfactual | None] = []
    before = ranks_of(recommender, [decision.history for decision in decisions], decisions)
    for decision, rank in zip(decisions, before, strict=True):
        exchanges = [] if rank == 1 else _exchanges(decision, recommender.scores([[decision.item_id]])[0].cpu().numpy())
        changed = [[new if item == old else item for item in decision.history] for old, new in exchanges]
        ranks = ranks_of(recommender, changed, [decision] * len(changed))
        best = min(range(len(ranks)), key=ranks.__getitem__, default=None)
        if best is None or ranks[best] >= rank:
            found.append(None)
            continue
        (old, new), n = exchanges[best], n_ranked(recommender, decision)
        limit = bounds.limit(decision.label, rank, n)
        found.append(
            Counterfactual(
                "replacement", decision.label, decision.item_id, [old], new, None, limit, rank, ranks[best], n, False
            )
        )
    return found


class _Search:
    """The best set so far for one decision."""

    def __init__(self, label: Label, limit: int, before: int) -> None:
        self.limit, self.before = limit, before
        self.rank = before
        self.removed: tuple[int, ...] = ()
        self.displaced, self.smallest, self.all_asked = False, True, True
        self._sign = 1 if label == "Yes" else -1

    def take(self, ranks: np.ndarray, sets: list[tuple[int, ...]]) -> None:
        """Look at the ranks after the removal of each of some sets of one size."""
        best = int((self._sign * ranks).argmax())
        if self._sign * ranks[best] > self._sign * self.rank:
            self.rank, self.removed = int(ranks[best]), sets[best]
        self.smallest = self.all_asked
        self.displaced = (self.rank > self.limit) == (self._sign > 0)


def _ask(
    perturbation: Perturbation, searches: list[_Search], asked: dict[int, list[tuple[int, ...]]], variant: Variant
) -> None:
    rows = np.array([row for row, sets in asked.items() for _ in sets], dtype=np.int64)
    removed = np.zeros((len(rows), perturbation.present.shape[1]), dtype=bool)
    for number, columns in enumerate(columns for sets in asked.values() for columns in sets):
        removed[number, columns] = True
    ranks = perturbation.outcomes(rows, kept_without(perturbation, rows, removed), variant).rank
    for row, sets in asked.items():
        searches[row].take(ranks[rows == row], sets)


def _sets(columns: list[int], greedy: list[int], size: int) -> list[tuple[int, ...]]:
    """What to remove: all sets of a size, or the greedy one where they are too many."""
    return list(combinations(columns, size)) if comb(len(columns), size) <= MAX_SETS else [tuple(greedy[:size])]


def _greedy_columns(perturbation: Perturbation, columns: list[list[int]], variant: Variant) -> list[list[int]]:
    """Per decision columns in the order of greedy removal; where all sets are few it is not asked for."""
    candidates = shown_items(perturbation)
    candidates[[comb(len(own), len(own) // 2) <= MAX_SETS for own in columns]] = False
    steps = greedy_steps(perturbation, losses_alone(perturbation, candidates, variant), variant, GREEDY_LIMIT)
    return [[column for column, _ in chosen] for chosen in steps]


def _exchanges(decision: Decision, scores: np.ndarray) -> list[tuple[int, int]]:
    """(an item of the shown history, an item in its place): newest and likeliest first."""
    taken = {0, decision.item_id, *decision.history}
    order = (int(item) for item in np.argsort(-scores, kind="stable"))
    new = [item for item in order if item not in taken][:N_REPLACEMENTS]
    old = dict.fromkeys(decision.history[position] for position in reversed(decision.citable))
    return [(before, after) for before in old if before != decision.item_id for after in new]
