"""What a recommender shows to all users together: how much of the catalogue, how evenly, and how popular it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from recexplainer.data.interactions import PADDING_ID, Interactions
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.ranking import LeaveOneOut, metrics_by_part, rank_users

LIST_LENGTH = 10


class Exposure:
    """Counts in how many users' first ten each item is, block by block of scores.

    Attributes:
        counts: (n_items + 1,), how many lists an item is in; 0 at the padding.
        popularity: (n_items + 1,), the training interactions of an item.
    """

    def __init__(self, train: Interactions) -> None:
        self.popularity = item_popularity(train)
        self.counts = np.zeros_like(self.popularity)

    def see(self, scores: Tensor) -> None:
        """Add the lists of scores (batch, n_items + 1), padding and excluded items at -inf."""
        ids = top_items(scores, LIST_LENGTH).cpu().numpy()
        self.counts += np.bincount(ids.ravel(), minlength=len(self.counts))
        self.counts[PADDING_ID] = 0

    def metrics(self) -> dict[str, float]:
        """Coverage, Gini index and average popularity of the lists; coverage alone where all lists are empty."""
        shown = self.counts[PADDING_ID + 1 :]
        metrics = {f"coverage@{LIST_LENGTH}": coverage(shown)}
        if shown.any():
            popularity = self.popularity[PADDING_ID + 1 :]
            metrics[f"gini@{LIST_LENGTH}"] = gini(shown)
            metrics[f"arp@{LIST_LENGTH}"] = average_popularity(shown, popularity)
        return metrics


def evaluate_users(
    recommender: Recommender, split: LeaveOneOut, on_valid: Recommender | None = None
) -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    """Every user's ranks (`rank_users`), and by part the metrics; those of `Exposure` for the part "test".

    The scores are computed once for both.
    """
    exposure = Exposure(split.train)
    ranks = rank_users(recommender, split, exposure.see, on_valid)
    metrics = metrics_by_part(ranks)
    metrics["test"] |= exposure.metrics()
    return ranks, metrics


def top_items(scores: Tensor, k: int) -> Tensor:
    """The items of each row's k best scores (batch, k), in any order; 0 where fewer than k are above -inf.

    Of equal scores at the end of the list the lower item ids are taken, on every device.

    Args:
        scores: (batch, n_items + 1), column 0 at -inf.
        k: Length of the lists; at most the number of items is used.

    >>> top_items(torch.tensor([[-torch.inf, 0.5, 0.9, 0.5], [-torch.inf, -torch.inf, 0.1, -torch.inf]]), 2).tolist()
    [[2, 1], [2, 0]]
    """
    k = min(k, scores.shape[1] - 1)
    values, ids = scores.topk(k + 1, dim=1)
    last = values[:, k - 1]
    tied = ((last == values[:, k]) & (last > -torch.inf)).nonzero()[:, 0]  # rows with a tie across the list's end
    if len(tied):
        rows, bound = scores[tied], last[tied, None]
        lower_first = -torch.arange(scores.shape[1], device=scores.device, dtype=torch.float32)  # exact below 2**24
        order = torch.where(rows == bound, lower_first, torch.where(rows > bound, 1.0, -torch.inf))
        ids[tied, :k] = order.topk(k, dim=1).indices
    return torch.where(values[:, :k] > -torch.inf, ids[:, :k], PADDING_ID)


def item_popularity(train: Interactions) -> np.ndarray:
    """How many training interactions each item has, (n_items + 1,)."""
    return np.bincount(train.item_ids, minlength=train.n_items + 1)


def mean_popularity(item_ids: np.ndarray, train: Interactions) -> float:
    """The mean training interactions of some items: of the held-out ones, what `average_popularity` compares with."""
    return float(np.mean(item_popularity(train)[item_ids]))


def coverage(shown: np.ndarray) -> float:
    """Share of the items that are shown at all.

    Source: Ge et al., "Beyond Accuracy: Evaluating Recommender Systems by Coverage and Serendipity", RecSys
    2010 (catalogue coverage).

    >>> coverage(np.array([3, 0, 1, 0]))
    0.5
    """
    return float(np.mean(shown > 0))


def gini(shown: np.ndarray) -> float:
    """How unevenly the lists' places fall on the items: 0 when all are shown as often, 1 when one alone is.

    Source: Shani and Gunawardana, "Evaluating Recommendation Systems", Recommender Systems Handbook, 2011.

    >>> gini(np.array([2, 2, 2])), gini(np.array([0, 6, 0])), gini(np.array([0, 1, 3]))
    (0.0, 1.0, 0.75)
    """
    n = len(shown)
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float((weights * np.sort(shown)).sum() / (max(n - 1, 1) * shown.sum()))


def average_popularity(shown: np.ndarray, popularity: np.ndarray) -> float:
    """Average recommendation popularity (ARP): the mean training interactions of the items in the lists.

    Source: Yin et al., "Challenging the Long Tail Recommendation", VLDB 2012. Departure: the mean is over all
    places and not over users first, which differs only where a user has fewer items left than the list holds.

    >>> average_popularity(np.array([1, 3]), np.array([10, 2]))
    4.0
    """
    return float((shown * popularity).sum() / shown.sum())
