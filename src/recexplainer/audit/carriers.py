"""What carries each decision of an audit, as a table of one row per decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from recexplainer.audit.decisions import AuditedDecision
from recexplainer.audit.relations import RELATIONS, Relations
from recexplainer.core.records.evidence import Evidence, Variant
from recexplainer.evidence.counterfactuals import Bounds
from recexplainer.evidence.evidence import find_evidence
from recexplainer.evidence.perturbation import Decision, Perturbation
from recexplainer.evidence.ranks import n_ranked
from recexplainer.recommenders.base import Recommender

Where = Literal["newest", "earlier", "unshown", "together", "nothing"]
WHERE: tuple[Where, ...] = get_args(Where)
KINDS: tuple[str, ...] = (*WHERE, *RELATIONS)


@dataclass(frozen=True)
class CarrierTable:
    """Decisions and what carries them.

    Attributes:
        decisions: The decisions.
        evidence: Of each.
        table: One row per decision: `place`, `user_id`, `part`, `target`, `history_length`; `strongest`, the item that
            carries most (0: none does alone); `strength`, all of the evidence in nats; `falls`, whether the decision is
            another without the strongest item. Per kind of `KINDS` whether the strongest item is of it (1 or 0), under
            `<kind>_chance` what a shown item drawn at random would have, under `<kind>_strength` the nats of all items
            of the kind. Items that carry a decision only together are of the kind `together` alone.
    """

    decisions: list[AuditedDecision]
    evidence: list[Evidence]
    table: pd.DataFrame


def tabulate_carriers(
    recommender: Recommender,
    decisions: Sequence[AuditedDecision],
    relations: Relations,
    variant: Variant,
    bounds: Bounds,
) -> CarrierTable:
    """Ask a recommender what carries its decisions, and how the items are related to what is decided on."""
    plain = [audited.decision for audited in decisions]
    evidence = find_evidence(recommender, plain, variant)
    falls = _falls(recommender, plain, evidence, variant, bounds)
    rows = [
        {
            "place": audited.place,
            "user_id": audited.user_id,
            "part": audited.part,
            "target": audited.decision.item_id,
            "history_length": len(audited.decision.history),
            "strongest": found.strongest or 0,
            "strength": sum(_strengths(found).values()),
            "falls": float(fell),
            **_kinds(audited.decision, found, relations),
        }
        for audited, found, fell in zip(decisions, evidence, falls, strict=True)
    ]
    names = ("place", "user_id", "part", "target", "history_length", "strongest", "strength", "falls")
    columns = [*names, *KINDS, *(f"{kind}_{what}" for kind in KINDS for what in ("chance", "strength"))]
    return CarrierTable(list(decisions), evidence, pd.DataFrame(rows, columns=columns))


def where_is(decision: Decision, found: Evidence) -> Where:
    """The position of the item that carries a decision most, if one does alone."""
    if found.strongest is None:
        return "together" if found.joint else "nothing"
    return _place_of(decision, found.strongest)


def has_shown_strongest(found: Evidence) -> bool:
    """Whether a shown item carries the decision alone."""
    return bool(found.items) and not found.joint


def _place_of(decision: Decision, item: int) -> Where:
    shown = [decision.history[place] for place in decision.citable]
    return "unshown" if item not in shown else "newest" if item == shown[-1] else "earlier"


def _strengths(found: Evidence) -> dict[int, float]:
    """Nats by item; of an older one where nothing that is shown carries the decision."""
    if found.items or found.older is None:
        return dict(zip(found.items, found.strengths, strict=True))
    return {found.older: found.older_strength or 0.0}


def _kinds(decision: Decision, found: Evidence, relations: Relations) -> dict[str, float]:
    """The columns of all kinds of one decision."""
    target = decision.item_id
    shown = list(dict.fromkeys(decision.history[place] for place in decision.citable))

    def kinds_of(item: int) -> set[str]:
        where = "together" if found.joint else _place_of(decision, item)
        return {where} | (set(relations.between(item, target)) if where in ("newest", "earlier") else set())

    row = dict.fromkeys((*KINDS, *(f"{kind}_{what}" for kind in KINDS for what in ("chance", "strength"))), 0.0)
    own: set[str] = {where_is(decision, found)} if found.strongest is None else kinds_of(found.strongest)
    row |= dict.fromkeys(own, 1.0)
    for item, strength in _strengths(found).items():
        for kind in kinds_of(item):
            row[f"{kind}_strength"] += strength
    for item in shown if has_shown_strongest(found) else []:
        for kind in kinds_of(item):
            row[f"{kind}_chance"] += 1 / len(shown)
    return row


def _falls(
    recommender: Recommender, decisions: list[Decision], evidence: list[Evidence], variant: Variant, bounds: Bounds
) -> np.ndarray:
    """(n,) bool: whether each decision is another one without the item that carries it most."""
    perturbation = Perturbation(recommender, decisions)
    strongest = np.array([found.strongest or 0 for found in evidence])
    rows = np.nonzero(strongest)[0]
    kept = perturbation.items[rows] != strongest[rows][:, None]
    after = perturbation.outcomes(rows, kept, variant).rank
    falls = np.zeros(len(decisions), dtype=bool)
    falls[rows] = [
        is_another(recommender, decisions[row], int(perturbation.whole.rank[row]), int(rank), bounds)
        for row, rank in zip(rows, after, strict=True)
    ]
    return falls


def is_another(recommender: Recommender, decision: Decision, before: int, after: int, bounds: Bounds) -> bool:
    """Whether a decision is another one at another rank."""
    limit = bounds.limit(decision.label, before, n_ranked(recommender, decision))
    return after > limit if decision.label == "Yes" else after <= limit
