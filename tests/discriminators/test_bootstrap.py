import numpy as np
import pytest
from scipy.stats import spearmanr

from recexplainer.core.statistics import draw_weights
from recexplainer.discriminators.bootstrap import difference, r_squared, spearman, summarise, weighted_mean


@pytest.fixture
def weights():
    users = np.repeat(np.arange(15), 2)
    return draw_weights(users, 40, np.random.default_rng(1))


def test_every_draw_equals_the_statistic_of_the_resampled_rows(weights):
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 6, 30).astype(float)  # with ties
    guess = truth + rng.integers(0, 4, 30)
    means, r2s, rhos = (
        weighted_mean(truth, weights),
        r_squared(truth, guess, weights),
        spearman(truth, guess, weights),
    )
    for draw, weight in enumerate(weights.astype(int)):
        a, b = np.repeat(truth, weight), np.repeat(guess, weight)
        assert means[draw] == pytest.approx(a.mean())
        assert r2s[draw] == pytest.approx(1 - ((a - b) ** 2).sum() / ((a - a.mean()) ** 2).sum())
        assert rhos[draw] == pytest.approx(spearmanr(a, b).statistic)


def test_what_does_not_vary_has_no_correlation_and_is_null(weights):
    constant = np.full(30, 0.1)
    truth = np.arange(30.0)
    assert np.isnan(spearman(truth, constant, weights)).all()
    assert np.isnan(r_squared(constant, truth, weights)).all()
    assert summarise("spearman", spearman(truth, constant, weights)) == {
        "spearman": None,
        "spearman_interval": None,
    }


def test_interval_holds_the_middle_95_percent():
    draws = np.concatenate([[7.0], np.arange(101.0)])
    summary = summarise("x", draws)
    assert summary["x"] == 7.0
    assert summary["x_interval"] == pytest.approx([2.5, 97.5])


def test_paired_difference(weights):
    first = np.arange(30.0)
    assert difference(first + 2.0, first, weights) == {
        "difference": pytest.approx(2.0),
        "difference_interval": pytest.approx([2.0, 2.0]),
    }
