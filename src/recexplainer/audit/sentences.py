"""Three sentences of an audit: the program fills in their numbers, and counts and asks again before it says them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from recexplainer.audit.audit import Audit, Plan
from recexplainer.audit.carriers import has_shown_strongest, is_another, where_is
from recexplainer.audit.figures import Figures
from recexplainer.audit.relations import RELATIONS, Relation
from recexplainer.core.records.evidence import Evidence
from recexplainer.evidence.perturbation import Decision
from recexplainer.evidence.ranks import ranks_of

WORDS: dict[Relation, str] = {
    "series": "is of the same series as the recommended one",
    "brand": "is of the same brand as the recommended one",
    "category": "shares a category with the recommended one",
    "text": "has a text like the recommended one's",
    "co_taken": "was often taken by the users who took the recommended one",
    "unrelated": "has nothing in common with the recommended one",
}
TOLERANCE = 0.005  # of a share: what is said is rounded to whole per cent

Pairs = list[tuple[Decision, Evidence]]


@dataclass(frozen=True)
class Sentence:
    """A sentence, and whether its numbers held when they were counted again."""

    text: str
    holds: bool


def write_sentences(figures: Figures, audit: Audit, plan: Plan) -> list[Sentence]:
    """What the figures of the top of the rankings say; empty if there are no decisions.

    The shares are counted again from the evidence, one decision at a time; whether a decision hangs on one item is
    asked of the recommender again, in a call of its own.
    """
    top = figures["top"]
    own = zip(audit.carriers.decisions, audit.carriers.evidence, strict=True)
    pairs = [(audited.decision, found) for audited, found in own if audited.part == "top"]
    return [_where(top, pairs, plan), _related(top, pairs, plan), _few(top, pairs, audit, plan)] if pairs else []


def leading_relation(figures: Figures) -> Relation:
    """The relation that the strongest items have more often than items drawn by chance, by the largest difference."""
    return max(RELATIONS, key=lambda kind: figures["shares"][kind] - figures["chance"][kind])


def _where(top: Figures, pairs: Pairs, plan: Plan) -> Sentence:
    places = Counter(where_is(decision, found) for decision, found in pairs)
    shares = top["shares"]
    text = (
        f"Of the first {plan.bounds.top_k} items of each ranking, {_percent(shares['newest'])} rest most on the newest "
        f"item of the history (by chance {_percent(top['chance']['newest'])}), {_percent(shares['unshown'])} on an "
        f"item older than those that an explanation shows, {_percent(shares['together'])} on several items only "
        f"together, and {_percent(shares['nothing'])} on none."
    )
    again = {kind: places[kind] / len(pairs) for kind in ("newest", "unshown", "together", "nothing")}
    return Sentence(text, all(abs(share - shares[kind]) < TOLERANCE for kind, share in again.items()))


def _related(top: Figures, pairs: Pairs, plan: Plan) -> Sentence:
    leading = leading_relation(top)
    gain = top["shares"][leading] - top["chance"][leading]
    text = (
        f"In {_percent(top['shares'][leading])} the item that carries most {WORDS[leading]}; of items drawn by chance "
        f"it would be {_percent(top['chance'][leading])}."
        if gain > 0
        else "What carries them is related to the recommended items no more than items drawn by chance."
    )
    again = _share(
        pairs,
        lambda decision, found: (
            has_shown_strongest(found) and leading in plan.relations.between(found.items[0], decision.item_id)
        ),
    )
    return Sentence(text, abs(again - top["shares"][leading]) < TOLERANCE)


def _few(top: Figures, pairs: Pairs, audit: Audit, plan: Plan) -> Sentence:
    carried: dict[int, float] = defaultdict(float)
    for _, found in pairs:
        for item, strength in zip(found.items, found.strengths, strict=True):
            carried[item] += strength
    half, n_items = top["items_for_half"], plan.interactions.n_items
    carry = "No shown item carries any" if half is None else f"{half} of {n_items} items carry half"
    text = (
        f"{carry} of what histories add to these recommendations, and {_percent(top['hangs_on_one'])} hang on one "
        f"item, without which they leave the first {plan.bounds.top_k}."
    )
    hanging = abs(_hanging(pairs, audit, plan) - top["hangs_on_one"]) < TOLERANCE
    return Sentence(text, hanging and (half or 0) == _for_half(carried))


def _for_half(carried: dict[int, float]) -> int:
    sizes = sorted(carried.values(), reverse=True)
    return next((n for n in range(len(sizes) + 1) if sum(sizes[:n]) >= sum(sizes) / 2 * (1 - 1e-12)), 0)


def _hanging(pairs: Pairs, audit: Audit, plan: Plan) -> float:
    """The share of decisions that are others without the item that carries most."""
    held = [(decision, found.strongest) for decision, found in pairs if found.strongest is not None]
    decisions = [decision for decision, _ in held]
    before = ranks_of(audit.recommender, [decision.history for decision in decisions], decisions)
    left = [_without(decision.history, item, plan.variant == "mask") for decision, item in held]
    after = ranks_of(audit.recommender, left, decisions)
    ranks = zip(decisions, before, after, strict=True)
    return sum(is_another(audit.recommender, *own, plan.bounds) for own in ranks) / len(pairs)


def _without(history: list[int], gone: int, leaves_gap: bool) -> list[int]:
    return [0 if item == gone else item for item in history if leaves_gap or item != gone]


def _share(pairs: Pairs, holds: Callable[[Decision, Evidence], bool]) -> float:
    return sum(holds(decision, found) for decision, found in pairs) / len(pairs)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
