from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from recexplainer.core.statistics import bootstrap
from recexplainer.core.statistics.p_values import (
    holm,
    p_value_of_draws,
    p_value_of_matching,
    p_value_over_random,
    paired_difference,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def over_random(
    values: np.ndarray, random: np.ndarray, source: np.random.Generator, higher_is_better: bool = True
) -> float | None:
    return p_value_over_random(values, random, source, 10_000, higher_is_better)


def test_a_draw_that_differs_by_rounding_alone_reaches_the_observed_figure() -> None:
    assert p_value_of_draws(0.3, np.array([0.1 + 0.2, 0.3 - 1e-14, 0.29])) == 3 / 4
    assert p_value_of_draws(-0.3, np.array([-0.1 - 0.2, -0.31, -0.2999])) == 3 / 4
    assert p_value_of_draws(0.0, np.array([-1e-17, -1e-3])) == 2 / 3


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


def test_under_chance_intervals_hold_zero_also_where_owners_have_several_rows():
    draw, owners = rng(4), np.repeat(np.arange(40), 5)
    found = []
    for _ in range(200):
        shared = draw.normal(size=40)[owners] + 0.3 * draw.normal(size=200)
        found.append(paired_difference(shared, np.zeros(200), draw, n_draws=500, owners=owners))
    assert np.mean([result["p_value"] < 0.05 for result in found]) < 0.1  # more than half of them, each row by itself
    held = [result["difference_interval"][0] <= 0 <= result["difference_interval"][1] for result in found]
    assert 0.88 < np.mean(held) <= 1


def test_the_seed_decides_and_blocks_do_not(monkeypatch):
    first, second = rng(1).random(50), rng(2).random(50)
    whole = paired_difference(first, second, rng(), n_draws=200)
    assert paired_difference(first, second, rng(), n_draws=200) == whole
    assert paired_difference(first, second, rng(1), n_draws=200) != whole
    monkeypatch.setattr(bootstrap, "NUMBERS_AT_ONCE", 130)
    parts = paired_difference(first, second, rng(), n_draws=200)
    assert parts["difference_interval"] == pytest.approx(whole["difference_interval"])
    assert parts["p_value"] == pytest.approx(whole["p_value"])


@pytest.mark.parametrize(("first", "second"), [([], []), ([1.0], [1.0, 2.0])])
def test_figures_that_cannot_be_paired(first, second):
    with pytest.raises(ValueError, match="same users"):
        paired_difference(np.array(first), np.array(second), rng())


def test_p_value_is_small_for_a_clear_gain_and_large_for_none() -> None:
    rng = np.random.default_rng(0)
    random = rng.exponential(size=(60, 20))
    better = over_random(random.max(axis=1) + 0.1, random, np.random.default_rng(1))
    worse = over_random(random.min(axis=1), random, np.random.default_rng(1))
    turned = over_random(random.min(axis=1), random, np.random.default_rng(1), False)
    assert better == turned == pytest.approx(1 / 10_001)
    assert worse is not None and worse > 0.99


def test_p_value_of_ties_is_one_and_of_nothing_undefined() -> None:
    assert over_random(np.zeros(5), np.zeros((5, 3)), np.random.default_rng(0)) == 1
    assert over_random(np.zeros(0), np.zeros((0, 3)), np.random.default_rng(0)) is None


def test_p_values_of_random_citations_are_uniform() -> None:
    """Also where the measure is so skewed that a test which assumes symmetry would be off."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(60):
        draws = rng.exponential(size=(30, 11)) ** 3
        found.append(over_random(draws[:, 0], draws[:, 1:], rng) or 0.0)
    assert 0.35 < np.mean(found) < 0.65
    assert np.mean(np.array(found) < 0.1) < 0.25


def test_p_value_over_random_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    values, random = rng(1).random(20), rng(2).random((20, 5))
    whole = over_random(values, random, rng())
    monkeypatch.setattr(bootstrap, "NUMBERS_AT_ONCE", 130)
    assert over_random(values, random, rng()) == whole


def test_matching_worked_by_hand() -> None:
    """Of the six ways to deal three things one matches three cases, three match one, and two none."""
    assert p_value_of_matching(np.eye(3, dtype=bool), rng(), 6000) == pytest.approx(1 / 6, abs=0.02)
    one = np.roll(np.eye(3, dtype=bool), 1, axis=1)
    one[0] = [True, False, False]
    assert p_value_of_matching(one, rng(), 6000) == pytest.approx(4 / 6, abs=0.02)
    assert p_value_of_matching(np.zeros((3, 3), dtype=bool), rng(), 100) == 1


def test_holm_keeps_the_order_and_never_exceeds_one() -> None:
    assert holm([]) == []
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02, 0.001, 0.02]) == pytest.approx([0.04, 0.003, 0.04])
