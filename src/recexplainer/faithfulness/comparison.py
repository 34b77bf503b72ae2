"""Cited items against controls of the same size: random items, the newest, and the most influential ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.faithfulness import metrics
from recexplainer.faithfulness.perturbation import VARIANTS, Case, Perturbation, Variant
from recexplainer.recommenders.base import Recommender

CITED, NEWEST, LEAVE_ONE_OUT = 0, 1, -1  # places on the axis of explainers
RANDOM = slice(2, -1)


@dataclass(frozen=True)
class Comparison:
    """Every measure of every case, for the cited items and for their controls.

    Attributes:
        log_p: (n_cases,) log-probability of the item with the whole history.
        rank: (n_cases,) its rank with the whole history.
        log_p_without: per variant (n_cases,), all cited items deleted.
        rank_without: per variant (n_cases,).
        values: per measure and variant (n_cases, n_explainers): cited, newest, random draws, leave-one-out;
            nan where undefined.
    """

    log_p: np.ndarray
    rank: np.ndarray
    log_p_without: dict[Variant, np.ndarray]
    rank_without: dict[Variant, np.ndarray]
    values: dict[str, dict[Variant, np.ndarray]]


def compare(
    recommender: Recommender,
    cases: Sequence[Case],
    cited: Sequence[Sequence[int]],
    case_ids: Sequence[str],
    *,
    n_random: int,
    seed: int,
    top_ks: Sequence[int],
) -> Comparison:
    """Delete the cited items of every case, or as many of each control, and measure.

    Args:
        recommender: The recommender that the explanations are about.
        cases: Histories and items.
        cited: Per case the cited positions of the history, the first cited first; at least one and not all
            that could be cited.
        case_ids: Unique names: the random draws of a case depend on the seed and its name alone, so that
            explanations of one case by several models meet the same draws.
        n_random: How many random draws per case.
        seed: Of the random draws.
        top_ks: The K of PN@K and PS@K.

    Raises:
        ValueError: A case cites nothing or everything, so that there is nothing to compare.
    """
    for case, positions in zip(cases, cited, strict=True):
        if not 0 < len(set(positions)) == len(positions) < len(case.citable):
            raise ValueError(f"expected some and not all of {len(case.citable)} positions, got {list(positions)}")
    perturbation = Perturbation(recommender, cases)
    rows = np.arange(len(cases))
    full = perturbation.outcomes(rows, perturbation.present, "shift")
    drawn = [_random_orders(case, name, n_random, seed) for case, name in zip(cases, case_ids, strict=True)]
    values: dict[str, dict[Variant, np.ndarray]] = {}
    log_p_without: dict[Variant, np.ndarray] = {}
    rank_without: dict[Variant, np.ndarray] = {}
    sizes = np.array(
        [metrics.aopc_sizes(len(c.citable), len(s)) + [len(s)] for c, s in zip(cases, cited, strict=True)],
        dtype=np.int64,
    ).reshape(len(cases), len(metrics.AOPC_SHARES) + 1)
    for variant in VARIANTS:
        influential = leave_one_out_orders(perturbation, cases, full.log_p, variant)
        orders = [
            [positions, list(reversed(case.citable)), *draws, leave_one_out]
            for case, positions, draws, leave_one_out in zip(cases, cited, drawn, influential, strict=True)
        ]
        places = _places(perturbation, orders, n_random + 3)
        log_p, rank = _ask(perturbation, places, sizes, variant)
        for name, value in _measures(full.log_p, full.rank, log_p, rank, top_ks).items():
            values.setdefault(name, {})[variant] = value
        log_p_without[variant] = log_p[0, :, CITED, -1]
        rank_without[variant] = rank[0, :, CITED, -1]
    return Comparison(full.log_p, full.rank, log_p_without, rank_without, values)


def leave_one_out_orders(
    perturbation: Perturbation, cases: Sequence[Case], log_p: np.ndarray, variant: Variant
) -> list[list[int]]:
    """Per case its citable positions, first those whose own removal costs p(i|x) most; ties: the newest."""
    rows, columns = np.nonzero(perturbation.present)
    kept = perturbation.present[rows]
    kept[np.arange(len(rows)), columns] = False
    loss = np.full(perturbation.present.shape, -np.inf)
    loss[rows, columns] = log_p[rows] - perturbation.outcomes(rows, kept, variant).log_p
    orders = []
    for case, first, losses in zip(cases, perturbation.first_column, loss, strict=True):
        newest_first = np.array(case.citable[::-1])
        orders.append(newest_first[np.argsort(-losses[first + newest_first], kind="stable")].tolist())
    return orders


def _random_orders(case: Case, name: str, n_random: int, seed: int) -> list[list[int]]:
    digest = hashlib.sha256(name.encode("utf-8")).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
    return [rng.permutation(case.citable).tolist() for _ in range(n_random)]


def _places(perturbation: Perturbation, orders: list[list[Sequence[int]]], n_orders: int) -> np.ndarray:
    """(n_cases, n_orders, length): the place of each column in each order; what it lacks comes last."""
    n_cases, length = perturbation.present.shape
    places = np.full((n_cases, n_orders, length), length, dtype=np.int64)
    for row, first in enumerate(perturbation.first_column):
        for number, order in enumerate(orders[row]):
            places[row, number, first + np.asarray(order, dtype=np.int64)] = np.arange(len(order))
    return places


def _ask(
    perturbation: Perturbation, places: np.ndarray, sizes: np.ndarray, variant: Variant
) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities and ranks, (2, n_cases, n_orders, n_sizes), after two deletions.

    [0] is without the first `size` items of an order, [1] with them only.
    """
    chosen = places[:, :, None, :] < sizes[:, None, :, None]  # (n_cases, n_orders, n_sizes, length)
    present = perturbation.present[:, None, None, :]
    kept = np.stack([present & ~chosen, present & chosen])
    rows = np.broadcast_to(np.arange(len(places))[None, :, None, None], kept.shape[:-1])
    outcomes = perturbation.outcomes(rows.ravel(), kept.reshape(rows.size, kept.shape[-1]), variant)
    return outcomes.log_p.reshape(rows.shape), outcomes.rank.reshape(rows.shape)


def _measures(
    log_p: np.ndarray, rank: np.ndarray, changed: np.ndarray, changed_rank: np.ndarray, top_ks: Sequence[int]
) -> dict[str, np.ndarray]:
    """Every measure, (n_cases, n_orders), from the outcomes before (n_cases,) and after (see `_ask`)."""
    before, without, only = log_p[:, None], changed[0, :, :, -1], changed[1, :, :, -1]
    loss = metrics.comprehensiveness(before[..., None], changed[0, :, :, :-1])
    gap = metrics.sufficiency(before[..., None], changed[1, :, :, :-1])
    values = {
        "comprehensiveness": metrics.comprehensiveness(before, without),
        "sufficiency": metrics.sufficiency(before, only),
        "comprehensiveness_aopc": loss.mean(axis=-1),
        "sufficiency_aopc": gap.mean(axis=-1),
        "log_comprehensiveness": metrics.log_comprehensiveness(before, without),
    }
    for k in top_ks:
        values[f"pn@{k}"] = metrics.necessity(rank[:, None], changed_rank[0, :, :, -1], k)
        values[f"ps@{k}"] = metrics.sufficient(rank[:, None], changed_rank[1, :, :, -1], k)
    return values
