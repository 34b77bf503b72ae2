from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from recexplainer.recommenders.baselines import Popularity
from recexplainer.recommenders.ranking import (
    leave_one_out,
    metrics_by_part,
    rank_cases,
    rank_of_target,
    rank_users,
    ranking_metrics,
)

from .worlds import interactions_of, ring_walks

INF = math.inf
SEQUENCES = [[1, 2, 3, 4], [5, 6], [], [2, 1, 5], [7]]


def test_the_last_two_items_are_held_out():
    split = leave_one_out(interactions_of(SEQUENCES, n_items=8))
    assert split.valid.user_ids.tolist() == split.test.user_ids.tolist() == [1, 4]
    assert [history.tolist() for history in split.valid.histories] == [[1, 2], [2]]
    assert split.valid.targets.tolist() == [3, 1]
    assert [history.tolist() for history in split.test.histories] == [[1, 2, 3], [2, 1]]
    assert split.test.targets.tolist() == [4, 5]


def test_short_users_train_and_are_counted():
    split = leave_one_out(interactions_of(SEQUENCES, n_items=8))
    assert [split.train.sequence(user).tolist() for user in range(1, 6)] == [[1, 2], [5, 6], [], [2], [7]]
    assert split.train.n_users == 5 and split.train.n_items == 8
    assert split.n_users_too_short == 2


def test_no_user_is_long_enough():
    split = leave_one_out(interactions_of([[1, 2], [3]], n_items=3))
    assert len(split.valid) == len(split.test) == 0
    assert rank_cases(Popularity(3), split.test).shape == (0,)


@pytest.mark.parametrize(
    ("scores", "target", "rank"),
    [
        ([-INF, 3.0, 2.0, 1.0], 1, 1),
        ([-INF, 3.0, 2.0, 1.0], 3, 3),
        ([-INF, 2.0, 2.0, 1.0], 1, 2),  # a tie counts against the target
        ([-INF, 0.0, 0.0, 0.0], 2, 3),
        ([-INF, -INF, 5.0, 1.0], 3, 2),
        ([-INF, -INF, -INF, 1.0], 1, 3),  # an excluded target is last
        ([9.0, 3.0, 2.0, 1.0], 1, 1),  # the padding's column does not count
        ([-INF, INF, 2.0, 1.0], 2, 2),
    ],
)
def test_ranks_worked_by_hand(scores, target, rank):
    assert rank_of_target(torch.tensor([scores]), torch.tensor([target])).tolist() == [rank]


def test_not_a_number_is_no_rank():
    with pytest.raises(ValueError, match="not a number"):
        rank_of_target(torch.tensor([[-INF, math.nan, 1.0]]), torch.tensor([1]))


def test_metrics_worked_by_hand():
    metrics = ranking_metrics(np.array([1, 2, 6, 15, 30]))
    assert list(metrics) == [
        "hr@1", "hr@5", "hr@10", "hr@20", "ndcg@5", "ndcg@10", "ndcg@20", "mrr@10",
    ]  # fmt: skip
    discount = {rank: 1 / math.log2(rank + 1) for rank in (1, 2, 6, 15)}
    assert [metrics[f"hr@{k}"] for k in (1, 5, 10, 20)] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert metrics["ndcg@5"] == pytest.approx((discount[1] + discount[2]) / 5)
    assert metrics["ndcg@10"] == pytest.approx((discount[1] + discount[2] + discount[6]) / 5)
    assert metrics["ndcg@20"] == pytest.approx(sum(discount.values()) / 5)
    assert metrics["mrr@10"] == pytest.approx((1 + 1 / 2 + 1 / 6) / 5)
    with pytest.raises(ValueError, match="no rank"):
        ranking_metrics(np.array([]))


def test_a_recommender_that_knows_nothing_gets_nothing():
    sequences = [[user % 30 + 1, (user + 7) % 30 + 1, (user + 11) % 30 + 1] for user in range(30)]
    split = leave_one_out(interactions_of(sequences, n_items=30))
    assert metrics_by_part(rank_users(Popularity(30), split))["test"]["hr@20"] == 0


def test_a_row_per_user_and_part_with_the_history_excluded():
    split = leave_one_out(interactions_of([[1, 2, 3, 4], [1, 2, 4, 3], [1, 1, 1, 2]], n_items=5))
    rows = rank_users(Popularity.fit(split.train), split)
    assert rows.columns.tolist() == ["part", "user_id", "target", "rank"]
    test = rows[rows["part"] == "test"]
    assert test["user_id"].tolist() == [1, 2, 3] and test["target"].tolist() == [4, 3, 2]
    # counts: item 1 four times, item 2 twice, the others never; the histories hold 1, 2 and one more
    assert test["rank"].tolist() == [2, 2, 1]
    # the valid item of user 3 stands in its own history: last, behind the excluded ones too
    assert rows[(rows["part"] == "valid") & (rows["user_id"] == 3)]["rank"].tolist() == [5]


def test_with_the_valid_items_in_train_nothing_else_changes():
    split = leave_one_out(interactions_of([[1, 2, 3, 4], [5, 6], [], [7, 8, 9]], n_items=9))
    whole = split.with_valid_in_train()
    assert [whole.train.sequence(user).tolist() for user in (1, 2, 3, 4)] == [[1, 2, 3], [5, 6], [], [7, 8]]
    assert whole.train.n_users == 4 and len(whole.valid) == 0 and whole.test is split.test
    assert [split.train.sequence(user).tolist() for user in (1, 2, 3, 4)] == [[1, 2], [5, 6], [], [7]]


def test_fewer_users_are_evaluated_and_all_are_learnt_from():
    split = leave_one_out(ring_walks(n_users=9))
    some = split.with_at_most(3)
    assert some.valid.user_ids.tolist() == some.test.user_ids.tolist() == [1, 5, 9]
    assert [history.tolist() for history in some.test.histories] == [
        split.test.histories[row].tolist() for row in (0, 4, 8)
    ]
    assert some.test.targets.tolist() == split.test.targets[[0, 4, 8]].tolist()
    assert some.train is split.train
    assert split.with_at_most(None) is split and len(split.with_at_most(10).test) == 9
