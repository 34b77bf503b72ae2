from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from recexplainer.alignment.intervals import auc_interval, mean_intervals
from recexplainer.data.examples import Example
from recexplainer.tasks import next_item_retrieval

ASKED = Example("t", "test", [1])


def of_users(*user_ids: int) -> list[Example]:
    return [replace(ASKED, user_id=user_id) for user_id in user_ids]


def plain(examples: list[Example], answers: list[float]) -> dict[str, float]:
    return {"figure": float(np.mean(answers))}


def test_the_interval_is_that_of_the_normal_distribution_where_there_are_many_users() -> None:
    rng = np.random.default_rng(0)
    answers = rng.random(900) < 0.3
    low, high = mean_intervals(plain, of_users(*range(1, 901)), list(answers), 4000, 1)["figure_interval"]
    half = 1.96 * (answers.mean() * (1 - answers.mean()) / 900) ** 0.5
    assert (low, high) == pytest.approx((answers.mean() - half, answers.mean() + half), abs=0.003)


def test_what_one_user_was_asked_stays_together() -> None:
    """A hundred equal answers of one user are one observation; a hundred questions about items are a hundred."""
    answers = [0.0] * 100 + [1.0] * 100
    two_users, no_user = of_users(*[1] * 100, *[2] * 100), of_users(*[0] * 200)
    assert mean_intervals(plain, two_users, answers, 500, 1)["figure_interval"] == [0.0, 1.0]
    low, high = mean_intervals(plain, no_user, answers, 500, 1)["figure_interval"]
    assert 0.4 < low < 0.5 < high < 0.6


def test_the_rate_of_invalid_titles_is_one_of_titles() -> None:
    """The user with one invalid title among one and the user with none among three."""
    asked, answers = of_users(1, 2), [[None], [1, 2, 3]]
    given = (next_item_retrieval.score, asked, answers, 2000, 1)
    found = mean_intervals(*given, {"invalid_rate": [1, 3]})["invalid_rate_interval"]
    assert found == [0.0, 1.0]  # a draw gives 0, 1/4 or 1
    many = mean_intervals(
        next_item_retrieval.score, asked * 300, answers * 300, 2000, 1, {"invalid_rate": [1, 3] * 300}
    )
    assert many["invalid_rate_interval"] == found  # the users are still two


def test_the_seed_decides() -> None:
    answers = list(np.random.default_rng(0).random(50))
    one, same, other = (mean_intervals(plain, of_users(*range(1, 51)), answers, 100, seed) for seed in (1, 1, 2))
    assert one == same != other


def test_no_draws_no_intervals() -> None:
    assert mean_intervals(plain, of_users(1), [1.0], 0, 1) == {}
    assert auc_interval(of_users(1, 2), np.array([True, False]), np.array([0.1, 0.2]), 0, 1) == {}


def test_the_interval_of_an_area_holds_it_and_is_absent_where_all_are_alike() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(300) < 0.5
    chances = labels * 0.3 + rng.random(300)
    [(low, high)] = auc_interval(of_users(*range(1, 301)), labels, chances, 500, 1).values()
    assert low < roc_auc_score(labels, chances) < high and high - low < 0.15
    assert auc_interval(of_users(1, 2), np.array([True, True]), np.array([0.1, 0.2]), 500, 1) == {}
