"""What if: the recommender's ranking without some items of a history, and how a decision falls item by item."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recexplainer.core.places import items_at
from recexplainer.core.records.evidence import Counterfactual
from recexplainer.evidence.counterfactuals import Bounds, find_removals
from recexplainer.evidence.perturbation import Decision, Perturbation
from recexplainer.explaining.template import VARIANT
from recexplainer.recommenders.base import Recommender

N_RANDOM = 5  # random orders that a curve is the mean of
RANDOM = "random items"


@dataclass(frozen=True)
class Ranked:
    """An item's place in the recommender's order; ties count against it."""

    item: int
    rank: int
    score: float


def scores_without(recommender: Recommender, history: Sequence[int], removed: Collection[int] = ()) -> np.ndarray:
    """(n_items + 1): scores of what is not in the history when some of its items are gone, as if never there.

    The history's own items stay out of the ranking, the removed ones too: they do not become rivals.
    """
    rest = [item for item in history if item not in removed]
    scores: np.ndarray = recommender.scores([rest])[0].double().cpu().numpy()
    scores[[0, *history]] = -np.inf
    return scores


def rank_items(scores: np.ndarray, items: Sequence[int]) -> list[Ranked]:
    """Where items stand.

    >>> rank_items(np.array([-np.inf, 2.0, 5.0, 2.0]), [2, 1])
    [Ranked(item=2, rank=1, score=5.0), Ranked(item=1, rank=3, score=2.0)]
    """
    return [Ranked(item, int(np.count_nonzero(scores >= scores[item])), float(scores[item])) for item in items]


def best(scores: np.ndarray, k: int) -> list[int]:
    """The `k` best items, best first."""
    return items_at(scores, range(min(k, _n_ranked(scores)))).tolist()


def last(scores: np.ndarray, k: int) -> list[int]:
    """The `k` last items, last first."""
    return items_at(scores, range(_n_ranked(scores))[::-1][:k]).tolist()


def draw(history: Sequence[int], n: int, avoided: Collection[int], rng: np.random.Generator) -> list[int]:
    """`n` random items of a history, or as many as there are besides the avoided ones."""
    others = [item for item in dict.fromkeys(history) if item not in avoided]
    return rng.permutation(others)[:n].tolist()


def deletion_curves(
    recommender: Recommender, decision: Decision, first: Mapping[str, Sequence[int]], rng: np.random.Generator
) -> pd.DataFrame:
    """How a decision falls when its history is taken away item by item.

    Args:
        recommender: Who decided.
        decision: What.
        first: By name the items that go first; the others follow in one random order.
        rng: Draws the random orders.

    Returns:
        A row per name, `RANDOM` among them, and number of removed items: `order`, `removed`, `p` (the item's
        probability under the softmax of all scores) and `rank`; of random orders the mean.
    """
    items = list(dict.fromkeys(decision.history))
    draws = [rng.permutation(items).tolist() for _ in range(N_RANDOM)]
    orders = [(name, list(dict.fromkeys([*given, *draws[0]]))) for name, given in first.items()]
    asked = [
        (name, order[:n]) for name, order in [*orders, *((RANDOM, own) for own in draws)] for n in range(len(order) + 1)
    ]
    perturbation = Perturbation(recommender, [decision])
    kept = np.stack([~np.isin(perturbation.items[0], gone) for _, gone in asked])
    found = perturbation.outcomes(np.zeros(len(kept), dtype=np.int64), kept, VARIANT)
    table = pd.DataFrame(
        {
            "order": [name for name, _ in asked],
            "removed": [len(gone) for _, gone in asked],
            "p": np.exp(found.log_p),
            "rank": found.rank,
        }
    )
    return table.groupby(["order", "removed"], sort=False, as_index=False).mean()


def smallest_removal(recommender: Recommender, decision: Decision, bounds: Bounds) -> Counterfactual:
    """The smallest set of shown items without which the decision is another, as far as it was searched for."""
    [found] = find_removals(recommender, [decision], VARIANT, bounds)
    return found


def _n_ranked(scores: np.ndarray) -> int:
    return int(np.isfinite(scores).sum())
