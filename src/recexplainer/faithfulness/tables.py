"""The table of one model's deletions: means for the cited items and each control, chances, and curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recexplainer.core.records.explanation import Label
from recexplainer.core.statistics.p_values import p_value_over_random
from recexplainer.evidence.perturbation import VARIANTS
from recexplainer.faithfulness import metrics
from recexplainer.faithfulness.comparison import CITED, GREEDY, LEAVE_ONE_OUT, NEWEST, RANDOM, Comparison

MEASURES = (
    "comprehensiveness",
    "sufficiency",
    "comprehensiveness_aopc",
    "sufficiency_aopc",
    "log_comprehensiveness",
    "del",
    "ins",
)
MEASURES_AT_K = ("pn", "ps", "pos", "neg", "counterfactual_found", "counterfactual_size")
LOWER_IS_BETTER = ("sufficiency", "sufficiency_aopc", "del", "pos", "counterfactual_size")  # for Yes; else for No

N_PERMUTATIONS = 10_000

Figures = dict[str, float | None]


def is_better_higher(measure: str, decision: Label) -> bool:
    """Whether more of a measure is better: what should speak for the item of a Yes should speak against that of a No.

    >>> is_better_higher("pn@5", "Yes"), is_better_higher("pn@5", "No"), is_better_higher("del", "No")
    (True, False, True)
    """
    return (measure.split("@")[0] not in LOWER_IS_BETTER) == (decision == "Yes")


def deletion_table(
    comparison: Comparison, labels: np.ndarray, decision: Label, top_ks: Sequence[int], seed: int
) -> dict[str, Any]:
    """Every measure over the cases of one decision.

    Args:
        comparison: Of all cases.
        labels: (n_cases,) the recommender's decisions.
        decision: Which of them; it says which way each measure is tested (`is_better_higher`).
        top_ks: The K of the measures at K.
        seed: Of the permutations.
    """
    chosen = labels == decision

    def by_variant(measure: str) -> dict[str, Figures]:
        values = comparison.values[measure]
        return {variant: _figures(values[variant][chosen], measure, decision, seed) for variant in VARIANTS}

    table: dict[str, Any] = {"n_compared": int(chosen.sum())}
    for measure in MEASURES:
        table[measure] = by_variant(measure)
    for k in top_ks:
        table[f"n_in_top@{k}"] = int((comparison.rank[chosen] <= k).sum())
        for measure in MEASURES_AT_K:
            table[f"{measure}@{k}"] = by_variant(f"{measure}@{k}")
        table[f"fns@{k}"] = {v: _harmonic(table[f"pn@{k}"][v], table[f"ps@{k}"][v]) for v in VARIANTS}
    return table


def curve_table(comparison: Comparison, chosen: np.ndarray) -> dict[str, Any]:
    """The mean curves over some of the cases: p(i) by the share of items that are deleted, or that alone are kept."""
    shares = [step / metrics.N_STEPS for step in range(metrics.N_STEPS + 1)]
    return {
        "shares": shares,
        **{
            variant: {
                name: {
                    explainer: [mean(curve[chosen][:, place, step]) for step in range(len(shares))]
                    for explainer, place in _PLACES.items()
                }
                for name, curve in comparison.curves[variant].items()
            }
            for variant in VARIANTS
        },
    }


def mean(values: Any) -> float | None:
    """Mean of what is defined, None when nothing is."""
    defined = np.asarray(values, dtype=float)
    defined = defined[~np.isnan(defined)]
    return float(defined.mean()) if defined.size else None


_PLACES: dict[str, int | slice] = {
    "cited": CITED,
    "random": RANDOM,
    "newest": NEWEST,
    "leave_one_out": LEAVE_ONE_OUT,
    "greedy": GREEDY,
}


def _figures(values: np.ndarray, measure: str, decision: Label, seed: int) -> Figures:
    """Means per explainer, and the chance of the cited items' mean among the random ones, where all are defined."""
    figures = {name: mean(values[:, place]) for name, place in _PLACES.items()}
    if measure.startswith("counterfactual_size"):  # random draws and cited items do not displace the same targets
        return figures
    defined = values[~np.isnan(values).any(axis=1)]
    rng, higher = np.random.default_rng(seed), is_better_higher(measure, decision)
    p_value = p_value_over_random(defined[:, CITED], defined[:, RANDOM], rng, N_PERMUTATIONS, higher)
    return {**figures, "p_value_over_random": p_value}


def _harmonic(first: Figures, second: Figures) -> Figures:
    return {
        name: None if value is None or (other := second[name]) is None else metrics.harmonic_mean(value, other)
        for name, value in first.items()
        if name in _PLACES
    }
