from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from recexplainer.recommenders import evaluation, ranking
from recexplainer.recommenders.baselines import Popularity
from recexplainer.recommenders.evaluation import Exposure, evaluate_users, top_items
from recexplainer.recommenders.ranking import leave_one_out, metrics_by_part, rank_users

from .worlds import interactions_of, random_draws

INF = math.inf


@pytest.mark.parametrize(
    ("scores", "k", "items"),
    [
        ([-INF, 3.0, 1.0, 2.0, 0.0], 2, {1, 3}),
        ([-INF, 1.0, 1.0, 1.0, 1.0], 2, {1, 2}),  # of equals the lower ids
        ([-INF, 0.0, 5.0, 0.0, 0.0], 2, {2, 1}),
        ([-INF, 2.0, 2.0, 3.0, 1.0], 3, {1, 2, 3}),  # a tie inside the list leaves nothing open
        ([-INF, -INF, 1.0, -INF, -INF], 3, {2, 0}),  # what is excluded is never shown
        ([-INF, -INF, -INF, -INF, -INF], 2, {0}),
        ([-INF, 4.0, 3.0, 2.0, 1.0], 9, {1, 2, 3, 4}),
        ([-INF, -1.0, -1.0, -INF, -2.0], 1, {1}),
    ],
)
def test_lists_worked_by_hand(scores, k, items):
    beside = [-INF, 0.0, 0.0, 0.0, 9.0]  # another row in the batch
    assert set(top_items(torch.tensor([scores, beside]), k)[0].tolist()) == items


def test_many_ties_are_broken_as_a_stable_sort_breaks_them():
    scores = torch.randint(0, 4, (200, 31), generator=torch.Generator().manual_seed(0)).float()
    scores[:, 0] = -INF
    expected = scores.sort(dim=1, descending=True, stable=True).indices[:, :10]
    assert torch.equal(top_items(scores, 10).sort(dim=1).values, expected.sort(dim=1).values)


def test_exposure_worked_by_hand(monkeypatch):
    monkeypatch.setattr(evaluation, "LIST_LENGTH", 2)
    exposure = Exposure(interactions_of([[1, 1, 1, 2], [2, 3]], n_items=4))
    exposure.see(torch.tensor([[-INF, 4.0, 3.0, 2.0, 1.0], [-INF, -INF, 3.0, 4.0, 1.0]]))
    exposure.see(torch.tensor([[-INF, -INF, -INF, -INF, 1.0]]))
    assert exposure.counts.tolist() == [0, 1, 2, 1, 1]
    assert exposure.metrics() == {
        "coverage@2": 1.0,
        "gini@2": pytest.approx((-3 * 1 - 1 * 1 + 1 * 1 + 3 * 2) / (3 * 5)),
        "arp@2": pytest.approx((1 * 3 + 2 * 2 + 1 * 1 + 1 * 0) / 5),
    }


def test_nothing_to_show():
    exposure = Exposure(interactions_of([[1, 2]], n_items=2))
    exposure.see(torch.full((3, 3), -INF))
    assert exposure.metrics() == {"coverage@10": 0.0}


def test_popularity_shows_the_popular_and_chance_shows_all():
    split = leave_one_out(random_draws(n_users=200, n_items=60))
    popularity = Popularity.fit(split.train)
    ranks, metrics = evaluate_users(popularity, split)
    plain = rank_users(popularity, split)
    assert ranks.equals(plain)
    assert set(metrics["valid"]) == set(metrics_by_part(plain)["valid"])
    assert {**metrics_by_part(plain)["test"], **metrics["test"]} == metrics["test"]

    chance = Popularity(60)
    chance._score = lambda item_ids: torch.rand(len(item_ids), 61, generator=torch.Generator().manual_seed(1))
    even = evaluate_users(chance, split)[1]["test"]
    mean = len(split.train.item_ids) / 60
    assert even["coverage@10"] == 1.0 > metrics["test"]["coverage@10"]
    assert even["gini@10"] < 0.25 < 0.7 < metrics["test"]["gini@10"]
    assert even["arp@10"] == pytest.approx(mean, rel=0.1) and metrics["test"]["arp@10"] > 1.2 * mean


def test_blocks_of_any_size_give_the_same(monkeypatch, trained):
    split = leave_one_out(random_draws())
    for kind in ("sasrec", "gru4rec", "mf", "item_knn"):
        recommender = trained(kind).recommender
        monkeypatch.setattr(ranking, "SCORES_AT_ONCE", 2**21)
        whole, metrics = evaluate_users(recommender, split)
        monkeypatch.setattr(ranking, "SCORES_AT_ONCE", 7 * 31)
        parts, again = evaluate_users(recommender, split)
        assert parts.equals(whole) and again == metrics


def test_rows_stay_with_their_users():
    sequences = [[1, 2, 3], [1, 2, 3, 4, 5, 6, 7], [4, 5, 6, 7], [2, 3, 1]]
    split = leave_one_out(interactions_of(sequences, n_items=8))
    recommender = Popularity.fit(split.train)
    ranks = ranking.rank_cases(recommender, split.test)
    one_by_one = [
        ranking.rank_of_target(recommender.scores([history], exclude_seen=True), torch.tensor([int(target)])).item()
        for history, target in zip(split.test.histories, split.test.targets, strict=True)
    ]
    assert ranks.tolist() == one_by_one
    assert len(np.unique(ranks)) > 1
