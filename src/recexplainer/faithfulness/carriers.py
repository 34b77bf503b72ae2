"""Which shown items carry a decision, and whether a text names those: what a reader of it would believe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.core.records.evidence import Variant
from recexplainer.evidence.evidence import THRESHOLD, find_evidence_and_losses
from recexplainer.evidence.perturbation import Decision
from recexplainer.recommenders.base import Recommender

_EQUAL = 1e-9  # nats: of two items so near each other both are the strongest


@dataclass(frozen=True)
class Carriers:
    """What the shown items of one decision carry.

    Attributes:
        alone: Per shown item, in nats, what its own removal takes from the decision; below zero where the item speaks
            against it.
        items: Those that carry the decision, strongest first: alone, once others are gone, or together.
    """

    alone: dict[int, float]
    items: list[int]

    @property
    def strongest(self) -> frozenset[int]:
        """The item that carries most alone, with those that carry as much; empty where none reaches the threshold."""
        most = max(self.alone.values(), default=0.0)
        return (
            frozenset(i for i, lost in self.alone.items() if lost >= most - _EQUAL)
            if most >= THRESHOLD
            else frozenset()
        )


def find_carriers(recommender: Recommender, decisions: Sequence[Decision], variant: Variant) -> list[Carriers]:
    """Ask a recommender what every shown item of its decisions carries, one answer per decision.

    Args:
        recommender: Who decided.
        decisions: Its decisions.
        variant: How to delete.
    """
    n_items = max((len(decision.citable) for decision in decisions), default=0)
    found = find_evidence_and_losses(recommender, decisions, variant, n_items)
    return [Carriers(alone, evidence.items) for evidence, alone in found]


def is_misleading(cited: Sequence[int], carriers: Carriers) -> bool:
    """Whether a text names an item of the shown history that does not carry the decision.

    >>> is_misleading([3, 5], Carriers({3: 1.0, 5: 0.0}, [3])), is_misleading([3], Carriers({3: 1.0, 5: 0.0}, [3]))
    (True, False)
    """
    return not set(cited) <= set(carriers.items)


def lacks_true_reason(cited: Sequence[int], carriers: Carriers) -> bool:
    """Whether a text names none of the items that carry the decision.

    >>> lacks_true_reason([5], Carriers({3: 1.0, 5: 0.0}, [3])), lacks_true_reason([3, 5], Carriers({3: 1.0}, [3]))
    (True, False)
    """
    return set(cited).isdisjoint(carriers.items)
