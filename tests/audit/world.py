"""Planted recommenders in a small world, audited: items of six genres, random histories, one user per history."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recexplainer.audit.audit import Plan
from recexplainer.audit.carriers import CarrierTable
from recexplainer.audit.decisions import AuditedDecision
from recexplainer.audit.figures import Draws
from recexplainer.audit.relations import Relations
from recexplainer.core.records.evidence import Variant
from recexplainer.data.catalogue import Catalogue
from recexplainer.data.examples import Example
from recexplainer.data.interactions import Interactions
from recexplainer.evidence.counterfactuals import Bounds
from recexplainer.evidence.perturbation import Decision
from tests.evidence.planted import FIRST_TARGET, N_ITEMS, N_SHOWN, genre

N_USERS = 60


def catalogue() -> Catalogue:
    """Items with a genre each, and nothing else that two of them share."""
    ids = range(1, N_ITEMS + 1)
    return Catalogue(
        pd.DataFrame(
            {
                "item_id": list(ids),
                "raw_id": [f"r{item}" for item in ids],
                "title": [f"Title{chr(97 + item // 26)}{chr(97 + item % 26)}" for item in ids],
                "brand": "",
                "categories": [[f"Genre {'ABCDEF'[genre(item)]}"] for item in ids],
                "features": [[] for _ in ids],
                "description": "",
                "price": float("nan"),
            }
        )
    )


def interactions(always: tuple[int, ...] = (), seed: int = 0) -> Interactions:
    """Histories of `N_SHOWN` items below `FIRST_TARGET`, drawn at random, which hold the items `always`."""
    rng = np.random.default_rng(seed)
    others = np.setdiff1d(np.arange(1, FIRST_TARGET), always)
    histories = [
        rng.permutation([*always, *rng.choice(others, N_SHOWN - len(always), replace=False)]) for _ in range(N_USERS)
    ]
    offsets = np.concatenate([[0, 0], np.cumsum([len(history) for history in histories])])
    return Interactions(np.concatenate(histories).astype(np.int32), offsets, N_ITEMS)


def plan(data: Interactions, top_k: int = 1, variant: Variant = "shift", n_shown: int = N_SHOWN) -> Plan:
    """All users as they are after their last item."""
    pairs = []
    for user_id in range(1, data.n_users + 1):
        history = data.sequence(user_id).tolist()
        pairs.append(Example("", "test", "", user_id, len(history), history=history[-n_shown:]))
    draws = Draws((pair.user_id for pair in pairs), 200, 0)
    return Plan(data, pairs, Relations(catalogue(), data, 5), draws, Bounds(top_k, 0.2, 0.5), variant, 0)


def audited(decision: Decision, user_id: int = 1) -> AuditedDecision:
    """A decision of an audit."""
    return AuditedDecision(0, user_id, "top" if decision.label == "Yes" else "bottom", decision)


def row(carriers: CarrierTable, number: int = 0) -> dict[str, float]:
    """One row of the table, without what is zero."""
    return {str(name): value for name, value in carriers.table.iloc[number].items() if value}
