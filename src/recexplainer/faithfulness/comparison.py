"""Cited items against controls of the same size: random items, the newest, and those that decide the most."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recexplainer.data.interactions import PADDING_ID
from recexplainer.evidence.perturbation import VARIANTS, Decision, Perturbation, Variant
from recexplainer.evidence.removal import greedy_orders, leave_one_out_orders
from recexplainer.faithfulness import metrics
from recexplainer.recommenders.base import Recommender

CITED, NEWEST, LEAVE_ONE_OUT, GREEDY = 0, 1, -2, -1  # places on the axis of explainers
RANDOM = slice(2, -2)
_N_NOT_RANDOM = 4

Curve = Literal["deletion", "insertion"]

# Places on the axis of sizes: AOPC's, that of the whole S, those of a curve's steps, and 1, 2, … items.
_AOPC = slice(0, len(metrics.AOPC_SHARES))
_WHOLE = len(metrics.AOPC_SHARES)
_STEPS = slice(_WHOLE + 1, _WHOLE + 2 + metrics.N_STEPS)
_SINGLY = slice(_STEPS.stop, _STEPS.stop + metrics.COUNTERFACTUAL_LIMIT)
_WITHOUT, _ONLY, _WITHOUT_LAST = 0, 1, 2  # places on the axis of deletions
_MASKS_AT_ONCE = 2**26  # flags in one block of deletions; bounds the memory, not the result


@dataclass(frozen=True)
class Comparison:
    """Every measure of the cases that cite some and not all of what they could, and of their controls.

    Attributes:
        rows: Which cases these are.
        log_p: (n_cases,) log-probability of the item with the whole history.
        rank: (n_cases,) its rank with the whole history.
        log_p_without: per variant (n_cases,), all cited items deleted.
        rank_without: per variant (n_cases,).
        values: per measure and variant (n_cases, n_explainers): cited, newest, random draws, leave-one-out, greedy;
            nan where undefined.
        curves: per variant, deletion and insertion: (n_cases, n_explainers, n_steps + 1) the item's probability
            without the first 0, 10, … 100 % of the items, and with them only.
    """

    rows: list[int]
    log_p: np.ndarray
    rank: np.ndarray
    log_p_without: dict[Variant, np.ndarray]
    rank_without: dict[Variant, np.ndarray]
    values: dict[str, dict[Variant, np.ndarray]]
    curves: dict[Variant, dict[Curve, np.ndarray]]


def compare(
    recommender: Recommender,
    cases: Sequence[Decision],
    cited: Sequence[Sequence[int]],
    case_ids: Sequence[str],
    *,
    n_random: int,
    seed: int,
    top_ks: Sequence[int],
) -> Comparison:
    """Delete the cited items of every case that cites some and not all, or as many of each control, and measure.

    Measures of a whole ranking (curves, POS@K, NEG@K, counterfactual sizes) need an order of all citable items:
    an explanation gives the cited ones first, and one more random draw orders those that it leaves out.

    Args:
        recommender: The recommender that the explanations are about.
        cases: Histories and items.
        cited: Per case the cited positions of the history, each once, the first cited first.
        case_ids: Unique names: the random draws of a case depend on the seed and its name alone, so that
            explanations of one case by several models meet the same draws.
        n_random: How many random draws per case.
        seed: Of the random draws.
        top_ks: The K of PN@K, PS@K, POS@K, NEG@K and of the counterfactual sizes.
    """
    rows = [row for row, case in enumerate(cases) if 0 < len(cited[row]) < len(case.citable)]
    cases, cited = [cases[row] for row in rows], [cited[row] for row in rows]
    case_ids = [case_ids[row] for row in rows]
    perturbation = Perturbation(recommender, cases)
    full = perturbation.whole
    drawn = [_random_orders(case, name, n_random + 1, seed) for case, name in zip(cases, case_ids, strict=True)]
    sizes = np.array(
        [_sizes(len(case.citable), len(positions)) for case, positions in zip(cases, cited, strict=True)],
        dtype=np.int64,
    ).reshape(len(cases), _SINGLY.stop)
    found = Comparison(rows, full.log_p, full.rank, {}, {}, {}, {})
    for variant in VARIANTS:
        influential, greedy = leave_one_out_orders(perturbation, variant), greedy_orders(perturbation, variant)
        orders: list[list[Sequence[int]]] = [
            [_completed(positions, draws[-1]), case.citable[::-1], *draws[:-1], *controls]
            for case, positions, draws, *controls in zip(cases, cited, drawn, influential, greedy, strict=True)
        ]
        places = _places(perturbation, orders, n_random + _N_NOT_RANDOM)
        log_p, rank = _ask(perturbation, places, sizes, variant)
        for name, value in _measures(full.log_p, full.rank, log_p, rank, sizes, top_ks).items():
            found.values.setdefault(name, {})[variant] = value
        found.log_p_without[variant] = log_p[_WITHOUT, :, CITED, _WHOLE]
        found.rank_without[variant] = rank[_WITHOUT, :, CITED, _WHOLE]
        p = np.exp(log_p[..., _STEPS])
        found.curves[variant] = {"deletion": p[_WITHOUT], "insertion": p[_ONLY]}
    return found


def _random_orders(case: Decision, name: str, n_random: int, seed: int) -> list[list[int]]:
    digest = hashlib.sha256(name.encode("utf-8")).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
    return [rng.permutation(case.citable).tolist() for _ in range(n_random)]


def _completed(cited: Sequence[int], order: Sequence[int]) -> list[int]:
    return [*cited, *(position for position in order if position not in cited)]


def _sizes(n_citable: int, n_cited: int) -> list[int]:
    singly = [min(size, n_citable) for size in range(1, metrics.COUNTERFACTUAL_LIMIT + 1)]
    return [*metrics.aopc_sizes(n_citable, n_cited), n_cited, *metrics.step_sizes(n_citable), *singly]


def _places(perturbation: Perturbation, orders: list[list[Sequence[int]]], n_orders: int) -> np.ndarray:
    """(n_cases, n_orders, length): the place of each column in each order; -1 where it cannot be cited."""
    n_cases, length = perturbation.present.shape
    places = np.full((n_cases, n_orders, length), -1, dtype=np.int64)
    for row, first in enumerate(perturbation.first_column):
        for number, order in enumerate(orders[row]):
            places[row, number, first + np.asarray(order, dtype=np.int64)] = np.arange(len(order))
        _take_along(places[row], perturbation.items[row])
    return places


def _take_along(places: np.ndarray, items: np.ndarray) -> None:
    """Give the older, unshown positions of a shown item its place (n_orders, length): they go and stay together."""
    shown = places[0] >= 0
    for column in np.nonzero((items != PADDING_ID) & ~shown & np.isin(items, items[shown]))[0]:
        places[:, column] = places[:, shown & (items == items[column])].min(axis=1)


def _ask(
    perturbation: Perturbation, places: np.ndarray, sizes: np.ndarray, variant: Variant
) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities and ranks, (3, n_cases, n_orders, n_sizes), after three deletions.

    Without the first `size` items of an order, with them only, and without the last `size` items.
    """
    shape = (3, len(places), places.shape[1], sizes.shape[1])
    log_p, rank = np.zeros(shape), np.zeros(shape, dtype=np.int64)
    at_once = max(1, _MASKS_AT_ONCE // (3 * sizes.shape[1] * max(1, places[:1].size)))
    for start in range(0, len(places), at_once):
        block = slice(start, start + at_once)
        kept = _kept(perturbation.present[block], places[block], sizes[block])
        rows = np.broadcast_to(np.arange(len(places))[None, block, None, None], kept.shape[:-1])
        outcomes = perturbation.outcomes(rows.ravel(), kept.reshape(rows.size, kept.shape[-1]), variant)
        log_p[:, block], rank[:, block] = outcomes.log_p.reshape(rows.shape), outcomes.rank.reshape(rows.shape)
    return log_p, rank


def _kept(present: np.ndarray, places: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(3, n_cases, n_orders, n_sizes, length): what stays after each deletion of `_ask`."""
    present, place, size = present[:, None, None, :], places[:, :, None, :], sizes[:, None, :, None]
    citable = place >= 0
    is_first = citable & (place < size)
    is_last = citable & (place >= place.max(axis=-1, keepdims=True, initial=-1) + 1 - size)
    return np.stack([present & ~is_first, present & is_first, present & ~is_last])


def _measures(
    log_p: np.ndarray,
    rank: np.ndarray,
    changed: np.ndarray,
    changed_rank: np.ndarray,
    sizes: np.ndarray,
    top_ks: Sequence[int],
) -> dict[str, np.ndarray]:
    """Every measure, (n_cases, n_orders), from the outcomes before (n_cases,) and after (see `_ask`)."""
    before, without, only = log_p[:, None], changed[_WITHOUT, ..., _WHOLE], changed[_ONLY, ..., _WHOLE]
    loss = metrics.comprehensiveness(before[..., None], changed[_WITHOUT, ..., _AOPC])
    gap = metrics.sufficiency(before[..., None], changed[_ONLY, ..., _AOPC])
    values = {
        "comprehensiveness": metrics.comprehensiveness(before, without),
        "sufficiency": metrics.sufficiency(before, only),
        "comprehensiveness_aopc": loss.mean(axis=-1),
        "sufficiency_aopc": gap.mean(axis=-1),
        "log_comprehensiveness": metrics.log_comprehensiveness(before, without),
        "del": np.exp(changed[_WITHOUT, ..., _STEPS]).mean(axis=-1),
        "ins": np.exp(changed[_ONLY, ..., _STEPS]).mean(axis=-1),
    }
    own = rank[:, None]
    for k in top_ks:
        values[f"pn@{k}"] = metrics.necessity(own, changed_rank[_WITHOUT, ..., _WHOLE], k)
        values[f"ps@{k}"] = metrics.sufficient(own, changed_rank[_ONLY, ..., _WHOLE], k)
        values[f"pos@{k}"] = metrics.stays(own, changed_rank[_WITHOUT, ..., _STEPS], k)
        values[f"neg@{k}"] = metrics.stays(own, changed_rank[_WITHOUT_LAST, ..., _STEPS], k)
        size = metrics.counterfactual_size(own, changed_rank[_WITHOUT, ..., _SINGLY], sizes[:, None, _SINGLY], k)
        values[f"counterfactual_size@{k}"] = size
        values[f"counterfactual_found@{k}"] = np.where(own <= k, np.isfinite(size), np.nan)
    return values
