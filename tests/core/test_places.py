from __future__ import annotations

import numpy as np
import pytest

from recexplainer.core.places import items_at, place_of


@pytest.mark.parametrize("n_values", [1, 3, 50, 100_000])
def test_places_are_those_of_a_stable_sort_whatever_the_ties(n_values: int) -> None:
    rng = np.random.default_rng(n_values)
    scores = rng.integers(n_values, size=400).astype(np.float64)
    scores[[0, 5, 399]] = -np.inf
    order = np.argsort(-scores, kind="stable")[:-3]
    places = rng.permutation(len(order))
    assert items_at(scores, places).tolist() == order[places].tolist()
    assert items_at(scores, [7, 7, 0]).tolist() == order[[7, 7, 0]].tolist()
    assert [place_of(scores, int(item)) for item in order] == list(range(len(order)))
    assert items_at(scores, []).tolist() == []
