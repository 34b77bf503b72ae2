"""Whether the attributes that texts give as reasons carry the decisions, compared with unnamed attributes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from recexplainer.citations.attributes import AttributeIndex
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.statistics.bootstrap import draw_weights
from recexplainer.core.statistics.intervals import with_interval
from recexplainer.core.statistics.p_values import p_value_of_signs
from recexplainer.core.statistics.weighted import ratio
from recexplainer.evidence.evidence import THRESHOLD
from recexplainer.evidence.perturbation import Decision
from recexplainer.faithfulness.exchanges import AttributeClaim, AttributeTest

N_DRAWS = 2000  # of users, for the intervals

Claims = list[AttributeClaim]


def claims_of_texts(
    tester: AttributeTest,
    records: Sequence[Explanation],
    cases: Sequence[Decision],
    named: Sequence[frozenset[int]],
    index: AttributeIndex,
) -> tuple[list[Claims], list[Claims]]:
    """Per explanation what the attributes carry that it names; and those of target and cited items that it does not.

    Args:
        tester: Of the recommender.
        records: Explanations.
        cases: Their decisions.
        named: Per explanation the attributes that it claims.
        index: Which attributes items have; those of most items are left out.
    """
    claimed: list[Claims] = []
    unnamed: list[Claims] = []
    for record, case, own in zip(records, cases, named, strict=True):
        held = frozenset().union(*(index.of_item[item] for item in (record.item_id, *record.cited_items)))
        claimed.append(tester.claims(case, record.cited_items, sorted(own - index.common)))
        unnamed.append(tester.claims(case, record.cited_items, sorted(held - own - index.common)))
    return claimed, unnamed


def attribute_figures(
    records: Sequence[Explanation], claimed: Sequence[Claims], unnamed: Sequence[Claims], seed: int
) -> dict[str, Any]:
    """The claims of all explanations.

    Returns:
        `n_claims`; `n_tested`, `n_no_exchange`, `n_false` of these (see `AttributeClaim.outcome`); of the tested ones
        `carrying`, the share with an effect of at least `THRESHOLD` nats, and `effect`, the mean, with `p_value`
        (two-sided, signs drawn per user); `unnamed_effect` of the attributes that texts with a tested claim do not
        name; and `effect_over_unnamed`, the mean difference per text, with its `p_value`.
    """
    outcomes = Counter(claim.outcome for own in claimed for claim in own)
    users = np.array([record.user_id for record in records], dtype=np.int64)
    effects, owners = _effects(claimed, users)
    others, their_owners = _effects(
        [own if _tested(said) else [] for own, said in zip(unnamed, claimed, strict=True)], users
    )
    pairs = [
        (np.mean(own) - np.mean(other), user)
        for said, rest, user in zip(claimed, unnamed, users, strict=True)
        if (own := _tested(said)) and (other := _tested(rest))
    ]
    over, pair_owners = np.array([gap for gap, _ in pairs]), np.array([user for _, user in pairs], dtype=np.int64)
    return {
        "n_claims": sum(outcomes.values()),
        **{f"n_{outcome}": outcomes[outcome] for outcome in ("tested", "no_exchange", "false")},
        **_mean("carrying", (effects >= THRESHOLD).astype(float), owners, seed),
        **_mean("effect", effects, owners, seed),
        "p_value": p_value_by_user(effects, owners, seed),
        **_mean("unnamed_effect", others, their_owners, seed),
        **_mean("effect_over_unnamed", over, pair_owners, seed),
        "p_value_over_unnamed": p_value_by_user(over, pair_owners, seed),
    }


def p_value_by_user(differences: np.ndarray, owners: np.ndarray, seed: int) -> float | None:
    """How often random signs, one per user, bring the sum of (n,) differences as far from zero; None without any."""
    if not len(differences):
        return None
    sums = np.bincount(np.unique(owners, return_inverse=True)[1], differences)
    return p_value_of_signs(sums, np.random.default_rng(seed))


def _tested(claims: Claims) -> list[float]:
    return [claim.effect for claim in claims if claim.effect is not None]


def _effects(claims: Sequence[Claims], users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = [(effect, user) for own, user in zip(claims, users, strict=True) for effect in _tested(own)]
    return np.array([effect for effect, _ in found], dtype=float), np.array([user for _, user in found], dtype=np.int64)


def _mean(name: str, values: np.ndarray, owners: np.ndarray, seed: int) -> dict[str, Any]:
    weights = draw_weights(owners, N_DRAWS, np.random.default_rng(seed))
    return with_interval(name, ratio(weights @ values, weights.sum(axis=1)))
