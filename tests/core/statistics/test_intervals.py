from __future__ import annotations

import numpy as np
import pytest

from recexplainer.core.statistics.intervals import percentile_interval, wilson_interval, with_interval


def test_an_interval_holds_the_middle_95_percent_of_the_draws_that_are_defined() -> None:
    draws = np.append(np.arange(201.0), [np.nan, np.nan])
    assert percentile_interval(draws) == pytest.approx([5.0, 195.0])
    assert percentile_interval(np.array([np.nan])) is None
    assert percentile_interval(np.array([])) is None


def test_a_figure_stands_with_the_interval_of_its_other_draws() -> None:
    found = with_interval("x", np.concatenate([[7.0], np.arange(101.0)]))
    assert found == {"x": 7.0, "x_interval": pytest.approx([2.5, 97.5])}


def test_an_undefined_figure_is_null() -> None:
    assert with_interval("x", np.array([np.nan, 1.0])) == {"x": None, "x_interval": None}


def score_interval(n_hits: int, n: int, z: float = 1.959963984540054) -> list[float]:
    """The shares from which the observed one lies z standard errors away (Wilson 1927), worked out."""
    share, spread = n_hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * (share * (1 - share) / n + spread / (4 * n)) ** 0.5 / (1 + spread)
    return [middle - half, middle + half]


@pytest.mark.parametrize(("n_hits", "n"), [(0, 10), (10, 10), (1, 1), (37, 120)])
def test_wilson(n_hits: int, n: int) -> None:
    found = wilson_interval(n_hits, n)
    assert found == pytest.approx(score_interval(n_hits, n))
    assert [type(end) for end in found] == [float, float]
    assert 0 <= found[0] < found[1] <= 1
