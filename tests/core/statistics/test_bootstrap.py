from __future__ import annotations

import numpy as np
import pytest

from recexplainer.core.statistics import bootstrap
from recexplainer.core.statistics.bootstrap import blocks, draw_means, draw_weights, mean_interval


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_draws_keep_an_owners_rows_together_and_the_number_of_owners() -> None:
    weights = draw_weights(np.repeat(np.arange(15), 2), 40, rng(1))
    assert weights.shape == (41, 30)
    assert (weights[:, ::2] == weights[:, 1::2]).all()
    assert (weights[:, ::2].sum(axis=1) == 15).all()
    assert (weights[0] == 1).all()
    assert len(np.unique(weights[1:], axis=0)) > 30


def test_owners_of_any_kind_and_none() -> None:
    assert draw_weights(np.array(["x", "y", "x"]), 2, rng()).shape == (3, 3)
    assert draw_weights(np.array([]), 2, rng()).shape == (3, 0)


def test_the_interval_of_a_mean_is_that_of_values_drawn_one_by_one() -> None:
    values = rng(1).integers(0, 4, 200) / 4
    one_by_one = [rng(seed).choice(values, 200).mean() for seed in range(4000)]
    assert mean_interval(values, 4000, rng()) == pytest.approx(np.quantile(one_by_one, [0.025, 0.975]), abs=0.01)


def test_a_mean_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = rng(1).random(50)
    whole = mean_interval(values, 200, rng())
    monkeypatch.setattr(bootstrap, "NUMBERS_AT_ONCE", 130)
    assert list(blocks(5, 50)) == [2, 2, 1]
    assert list(blocks(2, 1000)) == [1, 1]  # never none at all
    assert mean_interval(values, 200, rng()) == pytest.approx(whole)


def test_the_draws_of_owners_are_those_of_their_rows_and_do_not_depend_on_the_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner, sizes = rng(1).integers(0, 9, 40), rng(2).integers(1, 4, 40)
    values = rng(3).random(40)
    weights = draw_weights(owner, 100, rng())[1:] * sizes
    found = draw_means(values, sizes, owner, 100, rng())
    assert found == pytest.approx(weights @ values / weights.sum(axis=1))
    monkeypatch.setattr(bootstrap, "NUMBERS_AT_ONCE", 30)
    assert draw_means(values, sizes, owner, 100, rng()) == pytest.approx(found)


def test_a_draw_of_nothing_has_no_mean() -> None:
    assert np.isnan(draw_means(np.ones(2), np.zeros(2), np.array([0, 1]), 3, rng())).all()
