"""How near the items that texts cite come to the recommender's own evidence, with intervals and paired tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recexplainer.core.records.evidence import Label, Variant
from recexplainer.core.records.explanation import Explanation
from recexplainer.core.statistics.bootstrap import draw_weights
from recexplainer.core.statistics.intervals import wilson_interval, with_interval
from recexplainer.core.statistics.weighted import ratio
from recexplainer.evidence.perturbation import VARIANTS, Decision
from recexplainer.evidence.verification import verify
from recexplainer.faithfulness.attributes import p_value_by_user
from recexplainer.faithfulness.carriers import Carriers, is_misleading, lacks_true_reason
from recexplainer.faithfulness.comparison import CITED, LEAVE_ONE_OUT, NEWEST, RANDOM, Comparison, compare
from recexplainer.recommenders.base import Recommender

FREE = "free"  # the supplier of a text that nothing guided
KNOWN_BY_LLM = (FREE, "own", "self")
MEASURE = "log_comprehensiveness"
N_DRAWS = 2000  # of users, for the intervals

Figures = dict[str, Any]


@dataclass(frozen=True)
class Citing:
    """Decisions with the items named for them, strongest first, and what deleting those does.

    Attributes:
        records: Explanations whose named items are some and not all that are shown.
        cited: Per record its named items, first named first.
        comparison: Of these records.
        carriers: Per variant and record.
    """

    records: list[Explanation]
    cited: list[list[int]]
    comparison: Comparison
    carriers: dict[Variant, list[Carriers]]

    @classmethod
    def of(
        cls,
        records: Sequence[Explanation],
        cited: Sequence[Sequence[int]],
        comparison: Comparison,
        carriers: dict[Variant, list[Carriers]],
    ) -> Citing:
        """Those of all explanations for which there is a comparison."""
        rows = comparison.rows
        chosen = {variant: [found[row] for row in rows] for variant, found in carriers.items()}
        return cls([records[row] for row in rows], [list(cited[row]) for row in rows], comparison, chosen)


def supplier_of(record: Explanation) -> str:
    """Who supplied the evidence that a text was guided by: `recommender`, `self`, `own`, or nobody: `free`."""
    return FREE if record.evidence is None else record.evidence.supplier


def evidence_figures(
    citing: Citing,
    records: Sequence[Explanation],
    carriers: dict[Variant, list[Carriers]],
    counterfactuals: dict[Variant, np.ndarray],
    known: dict[str, Citing],
    seed: int,
) -> Figures:
    """What texts cite, whether readers would be misled, and what the LLM knows.

    Args:
        citing: What the texts cite.
        records: All explanations.
        carriers: Per variant, of all explanations.
        counterfactuals: Per variant, of all counterfactuals that explanations say, whether each holds.
        known: What `known_items` gives, compared.
        seed: Of every draw.

    Returns:
        `suppliers`: explanations per supplier of their evidence. Per variant the figures of the decisions Yes, with
        `counterfactual_truth` of both decisions; the same of the decisions No under `no_decisions`; and under `known`,
        per supplier that speaks for the LLM alone, what the items that it names carry.
    """

    def figures(label: Label, variant: Variant) -> Figures:
        readers = _reader_figures(records, carriers[variant], label, seed)
        return _score_figures(citing, label, variant, seed) | readers

    return {
        "suppliers": dict(Counter(map(supplier_of, records))),
        **{variant: figures("Yes", variant) | _truth_figures(counterfactuals[variant]) for variant in VARIANTS},
        "no_decisions": {variant: figures("No", variant) for variant in VARIANTS},
        "known": {
            supplier: {variant: _score_figures(own, "Yes", variant, seed) for variant in VARIANTS}
            for supplier, own in known.items()
        },
    }


def known_items(records: Sequence[Explanation]) -> dict[str, list[list[int]]]:
    """Per supplier that speaks for the LLM alone, the items it names for each record; none for those of others.

    A `free` text cites what the LLM chose. `own` and `self` give a list of items, from which the text may take fewer.
    """
    found: dict[str, list[list[int]]] = {}
    for supplier in KNOWN_BY_LLM:
        if any(supplier_of(record) == supplier for record in records):
            found[supplier] = [
                (record.evidence.items if record.evidence else record.cited_items)
                if supplier_of(record) == supplier
                else []
                for record in records
            ]
    return found


def compare_items(
    recommender: Recommender,
    records: Sequence[Explanation],
    cases: Sequence[Decision],
    items: Sequence[Sequence[int]],
    carriers: dict[Variant, list[Carriers]],
    *,
    n_random: int,
    seed: int,
) -> Citing:
    """Hold the items named for each decision against its controls, where they are some and not all of the shown.

    Args:
        recommender: Who decided.
        records: Explanations.
        cases: Their decisions.
        items: Per record the items named for it.
        carriers: Per variant and record.
        n_random: Random draws per decision.
        seed: Of the draws.
    """
    positions = [positions_of(own, case) for own, case in zip(items, cases, strict=True)]
    ids = [record.explanation_id for record in records]
    comparison = compare(recommender, cases, positions, ids, n_random=n_random, seed=seed, top_ks=())
    return Citing.of(records, items, comparison, carriers)


def positions_of(items: Sequence[int], case: Decision) -> list[int]:
    """The citable positions of items, in their order, those of one item together, the newest first."""
    return [place for item in items for place in reversed(case.citable) if case.history[place] == item]


def check_counterfactuals(
    recommender: Recommender, records: Sequence[Explanation], cases: Sequence[Decision]
) -> dict[Variant, np.ndarray]:
    """Per variant, whether each counterfactual that records hold is true; an exchange leaves no gap and is in both."""
    said = [(case, own) for record, case in zip(records, cases, strict=True) for own in record.counterfactuals or []]
    holds = verify(recommender, [case for case, _ in said], [own for _, own in said])
    return {
        variant: holds[[own.variant in (variant, None) for _, own in said]] if said else holds for variant in VARIANTS
    }


def _score_figures(citing: Citing, label: Label, variant: Variant, seed: int) -> Figures:
    values = citing.comparison.values[MEASURE][variant] * (1 if label == "Yes" else -1)
    rows = [
        row for row, record in enumerate(citing.records) if record.label == label and np.isfinite(values[row]).all()
    ]
    values, owners = values[rows], np.array([citing.records[row].user_id for row in rows], dtype=np.int64)
    weights = draw_weights(owners, N_DRAWS, np.random.default_rng(seed))
    random = values[:, RANDOM].mean(axis=1) if rows else np.zeros(0)
    scale = weights @ (values[:, LEAVE_ONE_OUT] - random)
    over_newest = values[:, CITED] - values[:, NEWEST]
    carriers = [citing.carriers[variant][row] for row in rows]
    told = np.array([bool(own.strongest) for own in carriers], dtype=float)
    cited_first = [citing.cited[row][0] in own.strongest for row, own in zip(rows, carriers, strict=True)]
    newest_first = [citing.records[row].history[-1] in own.strongest for row, own in zip(rows, carriers, strict=True)]
    return {
        "n": len(rows),
        **with_interval("evidence_score", ratio(weights @ (values[:, CITED] - random), scale)),
        **with_interval("newest_score", ratio(weights @ (values[:, NEWEST] - random), scale)),
        **with_interval("evidence_over_newest", ratio(weights @ over_newest, weights.sum(axis=1))),
        "p_value": p_value_by_user(over_newest, owners, seed),
        "n_carried": int(told.sum()),
        **with_interval("evidence_top1", ratio(weights @ np.array(cited_first, dtype=float), weights @ told)),
        **with_interval("newest_top1", ratio(weights @ np.array(newest_first, dtype=float), weights @ told)),
    }


def _reader_figures(records: Sequence[Explanation], carriers: list[Carriers], label: Label, seed: int) -> Figures:
    chosen = [(record, own) for record, own in zip(records, carriers, strict=True) if record.label == label]
    owners = np.array([record.user_id for record, _ in chosen], dtype=np.int64)
    weights = draw_weights(owners, N_DRAWS, np.random.default_rng(seed))
    carried = np.array([bool(own.items) for _, own in chosen], dtype=float)
    misleading = np.array([is_misleading(record.cited_items, own) for record, own in chosen], dtype=float)
    lacking = carried * np.array([lacks_true_reason(record.cited_items, own) for record, own in chosen], dtype=float)
    return {
        "n_texts": len(chosen),
        **with_interval("misleading_texts", ratio(weights @ misleading, weights.sum(axis=1))),
        "n_texts_carried": int(carried.sum()),
        **with_interval("texts_without_true_reason", ratio(weights @ lacking, weights @ carried)),
    }


def _truth_figures(holds: np.ndarray) -> Figures:
    n = len(holds)
    return {
        "n_counterfactuals": n,
        "counterfactual_truth": float(holds.mean()) if n else None,
        "counterfactual_truth_interval": wilson_interval(int(holds.sum()), n) if n else None,
    }
