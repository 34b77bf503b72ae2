"""Whether what counterfactuals say holds when the recommender is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from recexplainer.core.records.evidence import Counterfactual
from recexplainer.evidence.perturbation import Decision, Variant
from recexplainer.evidence.ranks import n_ranked, ranks_of
from recexplainer.evidence.removal import GREEDY_LIMIT
from recexplainer.recommenders.base import Recommender


def verify(
    recommender: Recommender, decisions: Sequence[Decision], counterfactuals: Sequence[Counterfactual]
) -> np.ndarray:
    """(n,) bool: whether every number of each counterfactual is what the recommender says now; its mean is the share.

    The histories are rebuilt and asked about again, without the search that found the counterfactuals. A `removal` must
    change the decision, and of a `none` no set of shown items may move the item further than said (each item alone,
    where not all sets were asked about).

    Args:
        recommender: Who decided.
        decisions: One per counterfactual.
        counterfactuals: What is said.
    """
    return np.array([_holds(recommender, *pair) for pair in zip(decisions, counterfactuals, strict=True)], dtype=bool)


def history_after(decision: Decision, said: Counterfactual) -> list[int]:
    """The history that a counterfactual speaks of; 0 is an empty place."""
    if said.replacement is not None:
        return [said.replacement if item in said.removed else item for item in decision.history]
    return _without(decision, said.removed, said.variant)


def _holds(recommender: Recommender, decision: Decision, said: Counterfactual) -> bool:
    sets = _claimed_sets(decision, said) if said.kind == "none" else []
    histories = [decision.history, history_after(decision, said)]
    histories += [_without(decision, items, said.variant) for items in sets]
    before, after, *others = ranks_of(recommender, histories, [decision] * len(histories))
    numbers = (said.rank_before, said.rank_after, said.n_ranked) == (before, after, n_ranked(recommender, decision))
    if not numbers or (said.item_id, said.label) != (decision.item_id, decision.label):
        return False
    if said.kind == "replacement":
        return after < before
    is_yes = said.label == "Yes"
    changed = (after > said.limit) == is_yes
    further = any(rank > after if is_yes else rank < after for rank in others)
    return changed if said.kind == "removal" else not changed and not further


def _claimed_sets(decision: Decision, said: Counterfactual) -> list[tuple[int, ...]]:
    """The sets of shown items that move the item no further than said: all of them, or each item alone."""
    items = list(dict.fromkeys(decision.history[position] for position in decision.citable))
    largest = min(GREEDY_LIMIT, len(items)) if said.smallest else min(1, len(items))
    return [own for size in range(1, largest + 1) for own in combinations(items, size)]


def _without(decision: Decision, items: Sequence[int], variant: Variant | None) -> list[int]:
    if variant == "mask":
        return [0 if item in items else item for item in decision.history]
    return [item for item in decision.history if item not in items]
