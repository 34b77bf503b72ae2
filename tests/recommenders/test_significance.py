from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from recexplainer.core import statistics
from recexplainer.core.errors import InputError
from recexplainer.recommenders.significance import compare_ranks, compare_with, paired_difference


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def rows(ranks: list[int], users: list[int] | None = None, targets: list[int] | None = None) -> pd.DataFrame:
    users = users or list(range(1, len(ranks) + 1))
    return pd.DataFrame({"user_id": users, "target": targets or [5] * len(ranks), "rank": ranks})


def test_all_sign_flips_worked_by_hand():
    # four users, all better by 1: of the 16 sign patterns two are as far from zero
    found = paired_difference(np.ones(4), np.zeros(4), rng(), n_draws=20_000)
    assert found["difference"] == 1.0 and found["difference_interval"] == [1.0, 1.0]
    assert found["p_value"] == pytest.approx(2 / 16, abs=0.01)


def test_equal_recommenders_do_not_differ():
    values = np.array([0.0, 0.5, 1.0])
    assert paired_difference(values, values, rng()) == {
        "difference": 0.0,
        "difference_interval": [0.0, 0.0],
        "p_value": 1.0,
    }


def test_interval_and_p_value_are_those_of_scipy():
    draw = rng(1)
    first, second = (
        np.where(draw.random(300) < share, 1 / np.log2(draw.integers(2, 12, 300)), 0) for share in (0.5, 0.4)
    )
    found = paired_difference(first, second, rng(), n_draws=20_000)
    flipped = stats.permutation_test(
        (first - second,), np.mean, permutation_type="samples", n_resamples=20_000, rng=rng(2), batch=1000
    )
    drawn = stats.bootstrap((first - second,), np.mean, method="percentile", n_resamples=20_000, rng=rng(3), batch=1000)
    assert found["difference"] == pytest.approx(flipped.statistic)
    assert found["p_value"] == pytest.approx(flipped.pvalue, abs=0.015)
    assert 0.001 < found["p_value"] < 0.5  # else the line above says little
    assert found["difference_interval"] == pytest.approx(list(drawn.confidence_interval), abs=0.002)


def test_under_chance_p_values_are_uniform_and_intervals_hold_zero():
    draw = rng(4)
    found = [
        paired_difference(draw.integers(0, 2, 200) * 1.0, draw.integers(0, 2, 200) * 1.0, draw, n_draws=500)
        for _ in range(300)
    ]
    assert np.mean([result["p_value"] < 0.05 for result in found]) < 0.09
    assert 0.4 < np.mean([result["p_value"] for result in found]) < 0.6
    held = [result["difference_interval"][0] <= 0 <= result["difference_interval"][1] for result in found]
    assert 0.91 < np.mean(held) <= 1


def test_the_seed_decides_and_blocks_do_not(monkeypatch):
    first, second = rng(1).random(50), rng(2).random(50)
    whole = paired_difference(first, second, rng(), n_draws=200)
    assert paired_difference(first, second, rng(), n_draws=200) == whole
    assert paired_difference(first, second, rng(1), n_draws=200) != whole
    monkeypatch.setattr(statistics, "NUMBERS_AT_ONCE", 130)
    parts = paired_difference(first, second, rng(), n_draws=200)
    assert parts["difference_interval"] == pytest.approx(whole["difference_interval"])
    assert parts["p_value"] == pytest.approx(whole["p_value"])


@pytest.mark.parametrize(("first", "second"), [([], []), ([1.0], [1.0, 2.0])])
def test_figures_that_cannot_be_paired(first, second):
    with pytest.raises(ValueError, match="same users"):
        paired_difference(np.array(first), np.array(second), rng())


def test_users_are_paired_by_id_whatever_their_order():
    first = rows([1, 20, 3], users=[7, 8, 9])
    second = rows([20, 3, 20], users=[8, 9, 7])
    found = compare_ranks(first, second, rng())
    assert found["ndcg@10"]["difference"] == pytest.approx(1 / 3)
    assert found["hr@10"]["difference"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "other",
    [rows([1, 2], users=[1, 3]), rows([1, 2], targets=[5, 6]), rows([1]), rows([1, 2, 3]), rows([1, 1], users=[1, 1])],
)
def test_other_users_or_items_are_refused(other):
    with pytest.raises(InputError, match="same users and items"):
        compare_ranks(rows([1, 2]), other, rng())
    with pytest.raises(InputError, match="same users and items"):
        compare_ranks(other, rows([1, 2]), rng())


def test_one_against_the_others_on_one_part():
    per_user = pd.concat(
        rows(ranks).assign(recommender=name, part=part)
        for name, part, ranks in [
            ("sasrec", "test", [1, 1]),
            ("sasrec", "valid", [50, 50]),
            ("item_knn", "test", [1, 50]),
            ("popularity", "test", [50, 50]),
        ]
    )
    found = compare_with(per_user, "sasrec", ("item_knn", "popularity"), rng())
    assert {name: metrics["hr@10"]["difference"] for name, metrics in found.items()} == {
        "item_knn": 0.5,
        "popularity": 1,
    }
