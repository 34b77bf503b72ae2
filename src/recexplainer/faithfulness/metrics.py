"""Formulas of faithfulness: how much of a decision hangs on the cited items."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

AOPC_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)  # of the number of items that may be cited
N_STEPS = 10  # of a perturbation curve, from no item to all
COUNTERFACTUAL_LIMIT = 10  # no larger set is looked for


def comprehensiveness(log_p: np.ndarray, log_p_without: np.ndarray) -> np.ndarray:
    """p(i|x) − p(i|x∖S), element-wise: what the item loses without the cited items; higher is better.

    >>> comprehensiveness(np.log([0.5]), np.log([0.2])).round(3).tolist()
    [0.3]

    Source: DeYoung et al., "ERASER", ACL 2020, section 4.
    """
    return np.exp(log_p) - np.exp(log_p_without)


def sufficiency(log_p: np.ndarray, log_p_only: np.ndarray) -> np.ndarray:
    """p(i|x) − p(i|S), element-wise: what the item loses when only the cited items are left; lower is better.

    Source: DeYoung et al., "ERASER", ACL 2020, section 4.
    """
    return np.exp(log_p) - np.exp(log_p_only)


def log_comprehensiveness(log_p: np.ndarray, log_p_without: np.ndarray) -> np.ndarray:
    """ln p(i|x) − ln p(i|x∖S), in nats: the same loss in proportion, so that rarely chosen items count as
    much.
    """
    return np.asarray(log_p - log_p_without)


def aopc_sizes(n_history: int, n_cited: int) -> list[int]:
    """How many of the cited items, the first cited first, each share of `AOPC_SHARES` takes: at least 1, at
    most all.

    >>> aopc_sizes(n_history=20, n_cited=3)
    [1, 1, 2, 3, 3]

    Source: ERASER's area over the perturbation curve, with two departures: an explanation orders the cited
        items only, so a share ends at them; and the mean leaves out the share 0, which is always 0.
    """
    return [min(n_cited, max(1, ceil(round(share * n_history, 9)))) for share in AOPC_SHARES]


def step_sizes(n_items: int) -> list[int]:
    """How many of `n_items` the steps of a perturbation curve take: 0, 10, … 100 %, halves up.

    >>> step_sizes(8)
    [0, 1, 2, 2, 3, 4, 5, 6, 6, 7, 8]
    """
    return [(2 * step * n_items + N_STEPS) // (2 * N_STEPS) for step in range(N_STEPS + 1)]


def necessity(rank: np.ndarray, rank_without: np.ndarray, k: int) -> np.ndarray:
    """PN@K, element-wise: 1 where the item leaves the top K without S, 0 where it stays, nan where it was
    not in it.

    Source: Tan et al., "Counterfactual Explainable Recommendation" (CountER), CIKM 2021, with S a set of
        history items instead of aspects.
    """
    return np.where(rank <= k, (rank_without > k).astype(float), np.nan)


def sufficient(rank: np.ndarray, rank_only: np.ndarray, k: int) -> np.ndarray:
    """PS@K, element-wise: 1 where the item stays in the top K with S alone, else 0; nan as in `necessity`."""
    return np.where(rank <= k, (rank_only <= k).astype(float), np.nan)


def stays(rank: np.ndarray, rank_by_step: np.ndarray, k: int) -> np.ndarray:
    """POS@K or NEG@K: over the steps of a curve (the last axis), the share at which the item is in the top K.

    Deleting the most important items first gives POS@K (lower is better), the least important first NEG@K
    (higher is better); nan as in `necessity`.

    >>> stays(np.array([1]), np.array([[1, 2, 3, 9]]), k=2).tolist()
    [0.5]

    Source: Barkan et al., "A Counterfactual Framework for Learning and Evaluating Explanations for Recommender
        Systems" (LXR), WWW 2024.
    """
    return np.where(rank <= k, (rank_by_step <= k).mean(axis=-1), np.nan)


def counterfactual_size(rank: np.ndarray, rank_by_size: np.ndarray, sizes: np.ndarray, k: int) -> np.ndarray:
    """The first size at which the item has left the top K; nan where it stays, or was not in it.

    >>> counterfactual_size(np.array([1, 1]), np.array([[1, 2], [1, 1]]), np.array([[1, 2], [1, 2]]), k=1).tolist()
    [2.0, nan]

    Source: Tran et al., "Counterfactual Explanations for Neural Recommenders" (ACCENT), SIGIR 2021. Departure:
        the items are taken in the explanation's order, so the size is the smallest on that way, not of all sets.
    """
    left = rank_by_size > k
    first = np.take_along_axis(np.broadcast_to(sizes, left.shape), left.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    return np.where((rank <= k) & left.any(axis=-1), first.astype(float), np.nan)


def harmonic_mean(first: float, second: float) -> float:
    """FNS from PN and PS; 0 when both are 0.

    >>> harmonic_mean(0.5, 1.0).__round__(4), harmonic_mean(0.0, 0.0)
    (0.6667, 0.0)
    """
    return 2 * first * second / (first + second) if first + second else 0.0


def hallucination_rate(n_unseen: Sequence[int], n_titles: Sequence[int]) -> float | None:
    """Share of all cited titles that are neither in the history nor in the prompt; None without any.

    >>> hallucination_rate(n_unseen=[1, 0], n_titles=[2, 3])
    0.2
    """
    total = sum(n_titles)
    return sum(n_unseen) / total if total else None


def verdict_agreement(verdicts: Sequence[str | None], labels: Sequence[str]) -> float | None:
    """Share of texts whose Yes or No is the recommender's own; a text without a verdict does not agree.

    >>> verdict_agreement(["Yes", None, "No", "No"], ["Yes", "Yes", "No", "Yes"])
    0.5
    """
    agree = [verdict == label for verdict, label in zip(verdicts, labels, strict=True)]
    return sum(agree) / len(agree) if agree else None
