"""A factorisation that was trained elsewhere: its items' vectors, and users folded in from their histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from recexplainer.recommenders.mf import Factorisation

COMPARED_USERS = 1000
CUTOFF = 10
LEAST_OVERLAP = 0.8  # of the first ten; what was made by folding in agrees in .99 of them, BPR in .57


class ExternalMatrices(Factorisation):
    """Items' vectors from elsewhere; users are folded in as they are into matrix factorisation here (`mf.MF`).

    Row 0 and items that the matrices lack are zero. Users are solved over all items that the matrices hold, also those
    that the catalogue lacks. A model whose users were made in another way is answered for by these vectors alone:
    `compare_users` says how near they come.
    """

    kind = "external_matrices"

    def __init__(self, n_items: int, dim: int, regularisation: float, confidence: float) -> None:
        """Start with items at zero."""
        super().__init__(n_items, dim, regularisation, confidence)
        self.gram: Tensor  # itemsᵀ · items of all items that were given
        self.register_buffer("gram", torch.zeros(dim, dim, dtype=torch.float64))

    @classmethod
    def open(cls, items: Tensor, given: Tensor, regularisation: float, confidence: float) -> Self:
        """The recommender of items (n_items + 1, dim) in catalogue order, out of all that were given (n, dim)."""
        recommender = cls(len(items) - 1, items.shape[1], regularisation, confidence)
        recommender.items.copy_(items)
        recommender.gram.copy_(given.double().T @ given.double())
        return recommender.freeze()

    def _gram(self, items: Tensor) -> Tensor:
        return self.gram


def compare_users(
    recommender: ExternalMatrices, users: Tensor, histories: Sequence[np.ndarray]
) -> dict[str, float | int]:
    """How well users folded in from their histories agree with the vectors (n, dim) that the model has for them.

    Compared are the scores of the items outside the history that have a vector: `overlap@10`, the mean share of the
    first ten that both name, and `spearman`, the mean rank correlation. Of many users, 1000 evenly spaced ones count.
    """
    rows = np.unique(np.linspace(0, len(histories) - 1, min(COMPARED_USERS, len(histories))).astype(int))
    known = recommender.items.any(dim=1).numpy()
    items = recommender.items.double()
    overlaps, correlations = [], []
    for row in rows:
        folded = recommender.user_vectors([histories[row]])[0].double()
        candidates = known.copy()
        candidates[histories[row]] = False
        own, other = ((items[candidates] @ vector).numpy() for vector in (users[row].double(), folded))
        if len(own) <= CUTOFF:
            continue
        first = [set(np.argsort(-scores, kind="stable")[:CUTOFF].tolist()) for scores in (own, other)]
        overlaps.append(len(first[0] & first[1]) / CUTOFF)
        correlation = float(spearmanr(own, other).statistic)
        correlations.append(correlation if np.isfinite(correlation) else 0.0)  # one of them gives all items one score
    if not overlaps:
        return {"n_users": 0}
    return {
        "n_users": len(overlaps),
        f"overlap@{CUTOFF}": round(float(np.mean(overlaps)), 4),
        "spearman": round(float(np.mean(correlations)), 4),
    }


def agreement_warning(folded_users: Mapping[str, Mapping[str, float | int]]) -> dict[str, str]:
    """`warning`, when folded-in users agree badly with the model's own, on whole histories and without the held-out.

    >>> agreement_warning({"whole_history": {"n_users": 9, "overlap@10": 0.99}})
    {}
    """
    overlaps = [figures[f"overlap@{CUTOFF}"] for figures in folded_users.values() if f"overlap@{CUTOFF}" in figures]
    if not overlaps or max(overlaps) >= LEAST_OVERLAP:
        return {}
    return {
        "warning": f"users folded in from their histories share {max(overlaps):.2f} of the first {CUTOFF} items with"
        " the model's own users, so they do not stand for your model; write an adapter that answers as the model does"
    }
