"""Leave-one-out evaluation: a user's held-out item is ranked among all items outside the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

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
SCORES_AT_ONCE = 2**21  # bounds the memory of one block of users, not the result; larger blocks are slower

SeeScores = Callable[[Tensor], None]


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

    def spaced(self, n: int) -> RankingCases:
        """At most n of the cases, evenly spaced."""
        if len(self) <= n:
            return self
        rows = np.linspace(0, len(self) - 1, n).astype(int)
        return RankingCases(self.user_ids[rows], [self.histories[row] for row in rows], self.targets[rows])


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

    def with_at_most(self, n_users: int | None) -> LeaveOneOut:
        """The same training items, with the cases of at most so many evenly spaced users; None for all."""
        if n_users is None:
            return self
        return replace(self, valid=self.valid.spaced(n_users), test=self.test.spaced(n_users))

    def with_valid_in_train(self) -> LeaveOneOut:
        """The same test, with nothing to choose on: every valid item follows its user's training items."""
        train, valid = self.train, self.valid
        lengths = np.diff(train.offsets)
        lengths[valid.user_ids] += 1
        item_ids = np.insert(train.item_ids, train.offsets[valid.user_ids + 1], valid.targets)
        whole = Interactions(item_ids, np.concatenate([[0], np.cumsum(lengths)]), train.n_items)
        nothing = RankingCases(valid.user_ids[:0], [], valid.targets[:0])
        return LeaveOneOut(whole, nothing, self.test, self.n_users_too_short)


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
    at -inf (it is in the history that was excluded) ranks last too.

    Args:
        scores: (batch, n_items + 1); column 0 is padding and does not count.
        targets: (batch,), item ids from 1.

    Raises:
        ValueError: A score is not a number; it would compare as lower than any target.

    >>> scores = torch.tensor([[-torch.inf, 0.5, 0.9, 0.5], [-torch.inf, 0.1, 0.1, 0.1]])
    >>> rank_of_target(scores, torch.tensor([1, 2])).tolist()
    [3, 3]
    """
    if scores.numel() and bool(scores.amax().isnan()):
        raise ValueError("a score is not a number")
    items = scores[:, 1:]
    own = scores.gather(1, targets[:, None])
    as_high = torch.ge(items, own, out=torch.empty_like(items))  # 0 and 1 in floats, whose sum is fast, and exact
    return as_high.sum(dim=1).long()  # below 2**24 items; the target itself is the one


def hit_rate(ranks: np.ndarray, cutoff: int) -> float:
    """Share of targets within the first `cutoff` ranks.

    >>> hit_rate(np.array([1, 3, 11]), 10)
    0.6666666666666666
    """
    return float(np.mean(hits(ranks, cutoff)))


def hits(ranks: np.ndarray, cutoff: int) -> np.ndarray:
    """Each target's share in HR (n_cases,): 1 within the first `cutoff` ranks, else 0."""
    return np.where(ranks <= cutoff, 1.0, 0.0)


def ndcg(ranks: np.ndarray, cutoff: int) -> float:
    """Mean of 1 / log2(rank + 1) for targets within the cut-off, else 0; the ideal of one target is 1.

    >>> ndcg(np.array([1, 3, 11]), 10)
    0.5
    """
    return float(np.mean(discounted_gains(ranks, cutoff)))


def discounted_gains(ranks: np.ndarray, cutoff: int) -> np.ndarray:
    """Each target's share in NDCG (n_cases,): 1 / log2(rank + 1) within the cut-off, else 0."""
    return np.where(ranks <= cutoff, 1 / np.log2(ranks + 1.0), 0.0)


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


def score_blocks(recommender: Recommender, cases: RankingCases) -> Iterator[tuple[np.ndarray, Tensor]]:
    """The scores of all cases, in blocks of bounded memory: which cases (rows,), and (rows, n_items + 1).

    The items of the history are at -inf. Users with histories of like length share a block, so that little
    padding is read.
    """
    by_length = np.argsort([len(history) for history in cases.histories], kind="stable")
    n_at_once = recommender.n_at_once(len(cases), SCORES_AT_ONCE)
    for start in range(0, len(cases), n_at_once):
        rows = by_length[start : start + n_at_once]
        yield rows, recommender.scores([cases.histories[row] for row in rows], exclude_seen=True)


def rank_cases(recommender: Recommender, cases: RankingCases, see: SeeScores = lambda scores: None) -> np.ndarray:
    """The rank of each case's target (n_cases,) among all items outside its history; `see` is shown each block."""
    ranks = np.zeros(len(cases), dtype=np.int64)
    for rows, scores in score_blocks(recommender, cases):
        targets = torch.as_tensor(cases.targets[rows], dtype=torch.long, device=scores.device)
        ranks[rows] = rank_of_target(scores, targets).cpu().numpy()
        see(scores)
    return ranks


def rank_users(
    recommender: Recommender,
    split: LeaveOneOut,
    see_test: SeeScores = lambda scores: None,
    on_valid: Recommender | None = None,
) -> pd.DataFrame:
    """One row per user and part ("valid", "test") with target and rank, so that two models can be paired.

    Args:
        recommender: Ranks the held-out items.
        split: The cases.
        see_test: Is shown the scores of every block of test cases, (rows, n_items + 1) with the history at -inf.
        on_valid: Ranks the valid items where `recommender` was trained on them.
    """
    parts = []
    for part, cases in (("valid", split.valid), ("test", split.test)):
        ranks = (
            rank_cases(recommender, cases, see_test) if part == "test" else rank_cases(on_valid or recommender, cases)
        )
        columns = {"part": part, "user_id": cases.user_ids, "target": cases.targets, "rank": ranks}
        parts.append(pd.DataFrame(columns).astype({"user_id": "int32", "target": "int32", "rank": "int32"}))
    return pd.concat(parts, ignore_index=True)


def metrics_by_part(ranks: pd.DataFrame) -> dict[str, dict[str, float]]:
    """The metrics of `rank_users`' rows, by part."""
    return {str(part): ranking_metrics(rows["rank"].to_numpy()) for part, rows in ranks.groupby("part")}
