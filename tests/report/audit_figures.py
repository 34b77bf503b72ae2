"""Figures of an audit, as the stage writes them."""

from __future__ import annotations

from typing import Any

from recexplainer.audit.carriers import KINDS
from recexplainer.audit.figures import WITH_CHANCE


def audit_figures() -> dict[str, Any]:
    """A recommender that rests on the newest item, beside item neighbours and popularity, against a version of it."""
    audits = {name: audit_of(share) for name, share in (("recommender", 0.7), ("item_knn", 0.35), ("popularity", 0.0))}
    return {
        "kind": "sasrec", "variant": "shift", "top_k": 5, "n_items": 200, "n_users": 30, "n_rankings": 60, **audits,
        "sentences": [{"text": "70 % rest on <the> newest.", "holds": True}, {"text": "It is wrong.", "holds": False}],
        "against": {"named": "models:/recexplainer-demo-recommender-sasrec@production", "version": "3",
                    "largest_change": 0.12, "largest_change_of": "bottom.co_taken", "same_top": 0.8},
    }  # fmt: skip


def audit_of(newest: float) -> dict[str, Any]:
    """One recommender's figures."""
    shares: dict[str, Any] = {**dict.fromkeys(KINDS, 0.25), "newest": newest, "nothing": 0.0 if newest else 1.0}
    segment = {"n_decisions": 150, "shares": shares, "hangs_on_one": 0.6}
    part = {
        **segment,
        "n_decisions": 300,
        "shares": shares | {"newest_interval": [max(0.0, newest - 0.05), newest + 0.05]},
        "hangs_on_one_interval": [0.5, 0.7],
        "chance": dict.fromkeys(WITH_CHANCE, 0.125),
        "strength": shares,
        "items_for_half": 40,
        "curve": [[0.0, 0.0], [0.2, 0.5], [1.0, 1.0]] if newest else None,
        "values": [{"name": "Genre <b>", "share": 0.4, "chance": 0.2}],
        "items": [{"item_id": 3, "title": "A & B", "share": 0.05}],
    }
    names = ("short_histories", "long_histories", "head_items", "tail_items")
    return {
        "score_spread": 1.3,
        "top": part,
        "disliked": part,
        "bottom": part,
        "segments": dict.fromkeys(names, segment),
    }
