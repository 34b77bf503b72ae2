import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from recexplainer.core.statistics.bootstrap import draw_weights
from recexplainer.core.statistics.weighted import auc, r_squared, spearman, weighted_mean


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


def test_what_does_not_vary_has_no_correlation(weights):
    constant = np.full(30, 0.1)
    truth = np.arange(30.0)
    assert np.isnan(spearman(truth, constant, weights)).all()
    assert np.isnan(r_squared(constant, truth, weights)).all()


def test_where_nothing_is_drawn_nothing_is_defined():
    truth, nothing = np.arange(4.0), np.zeros((1, 4))
    assert np.isnan(spearman(truth, truth, nothing)).all()
    assert np.isnan(spearman(truth[:0], truth[:0], np.zeros((2, 0)))).all()


def test_the_area_is_that_of_scikit_learn_on_the_questions_as_often_as_they_are_drawn() -> None:
    rng = np.random.default_rng(0)
    labels, chances = rng.random(40) < 0.4, rng.integers(0, 8, 40) / 8
    weights = rng.integers(0, 4, (20, 40))
    expected = [roc_auc_score(labels.repeat(row), chances.repeat(row)) for row in weights]
    assert auc(labels, chances, weights) == pytest.approx(expected)
    assert np.isnan(auc(labels, chances, np.zeros((1, 40)))).all()
