"""An audit: the decisions of one recommender, what carries them, and the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from recexplainer.audit.carriers import CarrierTable, tabulate_carriers
from recexplainer.audit.decisions import AuditedDecision, Part, choose_decisions, score_spread
from recexplainer.audit.figures import Draws, Figures, head_items, part_figures, segment_figures
from recexplainer.audit.relations import Relations
from recexplainer.audit.standardised import Standardised
from recexplainer.core.records.evidence import Variant
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.evidence.counterfactuals import Bounds
from recexplainer.recommenders.base import Recommender

PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Plan:
    """What is the same for all recommenders that are audited together.

    Attributes:
        interactions: The histories.
        pairs: The users and positions whose rankings are looked at.
        relations: How items are related.
        draws: Of users, for the intervals.
        bounds: Which ranks are recommended.
        variant: How items are deleted.
        seed: Of the draw of disliked items.
    """

    interactions: Interactions
    pairs: Sequence[Example]
    relations: Relations
    draws: Draws
    bounds: Bounds
    variant: Variant
    seed: int


@dataclass(frozen=True)
class Audit:
    """An audited recommender.

    Attributes:
        carriers: Decisions, evidence and the table.
        spread: Of its raw scores.
        recommender: With scores of spread 1, as it was asked.
    """

    carriers: CarrierTable
    spread: float
    recommender: Recommender


def audit_recommender(recommender: Recommender, plan: Plan) -> Audit:
    """Choose a recommender's own decisions and ask it what carries them; it needs to give scores alone."""
    spread = score_spread(recommender, plan.interactions, plan.pairs)
    decisions = choose_decisions(recommender, plan.interactions, plan.pairs, plan.bounds, plan.seed)
    asked = Standardised(recommender, spread)
    return Audit(audit_decisions(asked, decisions, plan), spread, asked)


def audit_decisions(recommender: Recommender, decisions: Sequence[AuditedDecision], plan: Plan) -> CarrierTable:
    """Ask what carries given decisions."""
    return tabulate_carriers(recommender, decisions, plan.relations, plan.variant, plan.bounds)


def audit_figures(audit: Audit, plan: Plan) -> Figures:
    """The figures of every part of the rankings, and of the top by segment."""
    table = audit.carriers.table
    parts: Figures = {part: part_figures(audit.carriers, part, plan.relations, plan.draws) for part in PARTS}
    head = head_items(plan.interactions.item_ids)
    return {
        "score_spread": audit.spread,
        **parts,
        "segments": segment_figures(table[table["part"] == "top"], head, plan.draws),
    }
