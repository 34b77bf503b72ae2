"""Leave-one-out evaluation: a user's held-out item is ranked among all items outside the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from recexplainer.data.interactions import Interactions
from recexplainer.recommenders.base import Recommender

HIT_RATE_CUTOFFS = (1, 5, 10, 20)
NDCG_CUTOFFS = (5, 10, 20)
MRR_CUTOFF = 10
MIN_EVALUATED_LENGTH = 3  # one item to train on, one to choose on, one to test on
USERS_AT_ONCE = 512


@dataclass(frozen=True)
class RankingCases:
    """Users with one held-out item each; the three fields are aligned.

    Attributes:
        user_ids: (n_cases,).
        histories: Item ids before the target, oldest first.
        targets: (n_cases,), the held-out items.
    """

    user_ids: np.ndarray
    histories: list[np.ndarray]
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class LeaveOneOut:
    """Interactions without the held-out items, and the two sets of cases over the same users.

    Attributes:
        train: Users with fewer than three items are whole in here.
        valid: The last item but one, after the training items.
        test: The last item, after the training items and the valid item.
        n_users_too_short: Users with one or two items, who are trained on and not evaluated.
    """

    train: Interactions
    valid: RankingCases
    test: RankingCases
    n_users_too_short: int


def leave_one_out(interactions: Interactions) -> LeaveOneOut:
    """Hold out the last item of every user for the test and the one before it for choosing."""
    lengths = np.diff(interactions.offsets)  # (n_users + 1,): user 0 is padding and has none
    evaluated = np.flatnonzero(lengths >= MIN_EVALUATED_LENGTH)
    sequences = [interactions.sequence(int(user_id)) for user_id in evaluated]
    last = interactions.offsets[evaluated + 1] - 1
    kept = np.ones(len(interactions.item_ids), dtype=bool)
    kept[last] = kept[last - 1] = False
    train_lengths = lengths - 2 * (lengths >= MIN_EVALUATED_LENGTH)
    return LeaveOneOut(
        train=Interactions(
            item_ids=interactions.item_ids[kept],
            offsets=np.concatenate([[0], np.cumsum(train_lengths)]),
            n_items=interactions.n_items,
        ),
        valid=RankingCases(evaluated, [items[:-2] for items in sequences], interactions.item_ids[last - 1]),
        test=RankingCases(evaluated, [items[:-1] for items in sequences], interactions.item_ids[last]),
        n_users_too_short=int(((lengths > 0) & (lengths < MIN_EVALUATED_LENGTH)).sum()),
    )


def rank_of_target(scores: Tensor, targets: Tensor) -> Tensor:
    """The rank of each row's target, 1 = best: one more than the other items that score as high or higher.

    A tie counts against the target, so a recommender that gives all items one score ranks it last. A target
    at -inf (it stands in the history that was excluded) ranks last too.

    Args:
        scores: (batch, n_items + 1); column 0 is padding and does not count.
        targets: (batch,), item ids from 1.

    Raises:
        ValueError: A score is not a number; it would compare as lower than any target.

    >>> scores = torch.tensor([[-torch.inf, 0.5, 0.9, 0.5], [-torch.inf, 0.1, 0.1, 0.1]])
    >>> rank_of_target(scores, torch.tensor([1, 2])).tolist()
    [3, 3]
    """
    if bool(scores.isnan().any()):
        raise ValueError("a score is not a number")
    items = scores[:, 1:]
    own = scores.gather(1, targets[:, None])
    return (items >= own).sum(dim=1)  # the target itself is the one


def hit_rate(ranks: np.ndarray, cutoff: int) -> float:
    """Share of targets within the first `cutoff` ranks.

    >>> hit_rate(np.array([1, 3, 11]), 10)
    0.6666666666666666
    """
    return float(np.mean(ranks <= cutoff))


def ndcg(ranks: np.ndarray, cutoff: int) -> float:
    """Mean of 1 / log2(rank + 1) for targets within the cut-off, else 0; the ideal of one target is 1.

    >>> ndcg(np.array([1, 3, 11]), 10)
    0.5
    """
    return float(np.mean(np.where(ranks <= cutoff, 1 / np.log2(ranks + 1.0), 0)))


def reciprocal_rank(ranks: np.ndarray, cutoff: int) -> float:
    """Mean of 1 / rank for targets within the cut-off, else 0.

    >>> reciprocal_rank(np.array([1, 2, 11]), 10)
    0.5
    """
    return float(np.mean(np.where(ranks <= cutoff, 1 / ranks, 0)))


def ranking_metrics(ranks: np.ndarray) -> dict[str, float]:
    """The metrics of the held-out items' ranks (n_cases,), by name: hr@k, ndcg@k, mrr@k.

    Raises:
        ValueError: There is no case.
    """
    if len(ranks) == 0:
        raise ValueError("no rank to evaluate")
    return {
        **{f"hr@{cutoff}": hit_rate(ranks, cutoff) for cutoff in HIT_RATE_CUTOFFS},
        **{f"ndcg@{cutoff}": ndcg(ranks, cutoff) for cutoff in NDCG_CUTOFFS},
        f"mrr@{MRR_CUTOFF}": reciprocal_rank(ranks, MRR_CUTOFF),
    }


def evaluate(scores: Tensor, targets: Sequence[int]) -> dict[str, float]:
    """The metrics of scores (batch, n_items + 1) for targets (batch,)."""
    ranks = rank_of_target(scores, torch.as_tensor(targets, device=scores.device))
    return ranking_metrics(ranks.cpu().numpy())


def rank_cases(recommender: Recommender, cases: RankingCases) -> np.ndarray:
    """The rank of each case's target (n_cases,) among all items outside its history."""
    ranks = []
    for start in range(0, len(cases), USERS_AT_ONCE):
        rows = slice(start, start + USERS_AT_ONCE)
        scores = recommender.scores(cases.histories[rows], exclude_seen=True)
        targets = torch.as_tensor(cases.targets[rows], dtype=torch.long, device=scores.device)
        ranks.append(rank_of_target(scores, targets).cpu().numpy())
    return np.concatenate(ranks) if ranks else np.zeros(0, dtype=np.int64)


def rank_users(recommender: Recommender, split: LeaveOneOut) -> pd.DataFrame:
    """One row per user and part ("valid", "test") with target and rank, so that two models can be paired."""
    parts = []
    for part, cases in (("valid", split.valid), ("test", split.test)):
        ranks = rank_cases(recommender, cases)
        columns = {"part": part, "user_id": cases.user_ids, "target": cases.targets, "rank": ranks}
        parts.append(pd.DataFrame(columns).astype({"user_id": "int32", "target": "int32", "rank": "int32"}))
    return pd.concat(parts, ignore_index=True)


def metrics_by_part(ranks: pd.DataFrame) -> dict[str, dict[str, float]]:
    """The metrics of `rank_users`' rows, by part."""
    return {str(part): ranking_metrics(rows["rank"].to_numpy()) for part, rows in ranks.groupby("part")}
