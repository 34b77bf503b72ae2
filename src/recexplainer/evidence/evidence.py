"""The evidence of decisions: the shown items that carry them, strongest first, found by deleting them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from recexplainer.core.records.evidence import Evidence, Variant
from recexplainer.evidence.perturbation import Decision, Perturbation
from recexplainer.evidence.removal import Steps, greedy_steps, joint_steps, losses_alone, older_items, shown_items
from recexplainer.recommenders.base import Recommender

Method = Literal["greedy", "leave_one_out"]
THRESHOLD = 0.1  # nats: an item whose removal changes p by less than a tenth carries nothing
MAX_ITEMS = 3
_FLAGS_AT_ONCE = 2**23  # of the deletions of one block; bounds the memory, not the result


def find_evidence(
    recommender: Recommender,
    decisions: Sequence[Decision],
    variant: Variant,
    *,
    method: Method = "greedy",
    max_items: int = MAX_ITEMS,
    threshold: float = THRESHOLD,
) -> list[Evidence]:
    """Ask a recommender which shown items carry its decisions, for many decisions at once.

    An item that a history holds several times is one item: all its positions are deleted together. The recommender
    needs no vectors.

    Args:
        recommender: Who decided.
        decisions: Its decisions.
        variant: How to delete.
        method: `leave_one_out` deletes each item alone; `greedy` deletes the strongest item and asks again, so that
            interchangeable items are found. Where no item carries the decision alone, it looks for a
            set that does together.
        max_items: Most items per decision; a larger set is no evidence.
        threshold: Nats that an item must carry.

    Returns:
        One evidence per decision.
    """
    given = (recommender, decisions, variant, method, max_items, threshold)
    return [evidence for evidence, _ in _search(*given)]


def find_evidence_and_losses(
    recommender: Recommender, decisions: Sequence[Decision], variant: Variant, max_items: int
) -> list[tuple[Evidence, dict[int, float]]]:
    """As `find_evidence`, greedily, with what the removal of each shown item alone takes from the decision, in nats."""
    return list(_search(recommender, decisions, variant, "greedy", max_items, THRESHOLD))


def _search(
    recommender: Recommender,
    decisions: Sequence[Decision],
    variant: Variant,
    method: Method,
    max_items: int,
    threshold: float,
) -> Iterator[tuple[Evidence, dict[int, float]]]:
    for block in _blocks(decisions):
        perturbation = Perturbation(recommender, block)
        shown, older = shown_items(perturbation), older_items(perturbation)
        alone = losses_alone(perturbation, shown | older, variant)
        own = np.where(shown, alone, -np.inf)
        steps = [_strongest(row, max_items, threshold) for row in own]
        sets: Steps = [[] for _ in steps]
        if method == "greedy":
            chosen = greedy_steps(perturbation, own, variant, max_items, threshold)
            steps = [_completed(*parts, max_items) for parts in zip(chosen, steps, strict=True)]
            unfound = np.array([not own_steps for own_steps in steps], dtype=bool)[:, None]
            sets = joint_steps(perturbation, shown & unfound, variant, threshold, max_items)
        beyond = np.where(older, alone, -np.inf)
        for items, own_steps, joint, unseen, lost in zip(perturbation.items, steps, sets, beyond, own, strict=True):
            losses = {int(items[column]): float(lost[column]) for column in np.nonzero(np.isfinite(lost))[0]}
            found = _evidence(items, own_steps or joint, unseen, variant, threshold)
            yield replace(found, joint=bool(joint)), losses


def _blocks(decisions: Sequence[Decision]) -> Iterator[Sequence[Decision]]:
    longest = max((len(decision.history) for decision in decisions), default=0)
    n_at_once = max(1, _FLAGS_AT_ONCE // max(1, longest**2))
    return (decisions[start : start + n_at_once] for start in range(0, len(decisions), n_at_once))


def _strongest(lost: np.ndarray, max_items: int, threshold: float) -> list[tuple[int, float]]:
    """The columns of one decision (length,) that take most alone, of equals the newest first."""
    columns = sorted(np.nonzero(lost >= threshold)[0].tolist(), key=lambda column: (-lost[column], -column))
    return [(column, float(lost[column])) for column in columns[:max_items]]


def _completed(
    chosen: list[tuple[int, float]], alone: list[tuple[int, float]], max_items: int
) -> list[tuple[int, float]]:
    """What was chosen greedily, then what carries the decision alone and adds nothing: it works with a chosen item."""
    taken = {column for column, _ in chosen}
    return [*chosen, *(step for step in alone if step[0] not in taken)][:max_items]


def _evidence(
    items: np.ndarray, steps: list[tuple[int, float]], older: np.ndarray, variant: Variant, threshold: float
) -> Evidence:
    beyond = _strongest(older, 1, threshold)
    return Evidence(
        items=[int(items[column]) for column, _ in steps],
        strengths=[round(strength, 6) for _, strength in steps],
        variant=variant,
        older=int(items[beyond[0][0]]) if beyond else None,
        older_strength=round(beyond[0][1], 6) if beyond else None,
    )
