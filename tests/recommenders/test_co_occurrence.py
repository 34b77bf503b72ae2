from __future__ import annotations

import numpy as np

from recexplainer.recommenders.co_occurrence import co_occurrences

from .worlds import interactions_of


def test_pairs_count_once_for_each_user_and_fade_by_the_items_between():
    train = interactions_of([[1, 2, 3], [3, 1, 4, 3], [2]], n_items=4)  # of 3, taken twice, the newer counts: 1 4 3
    together, n_users = co_occurrences(train, recency=0.5)
    expected = np.zeros((5, 5))
    expected[1, 2], expected[2, 3], expected[1, 3], expected[1, 4], expected[3, 4] = 1, 1, 0.5 + 0.5, 1, 1
    assert np.array_equal(together.toarray(), expected + expected.T)
    assert n_users.tolist() == [0, 2, 2, 2, 1]


def test_without_fading_it_is_the_number_of_users_who_took_both():
    train = interactions_of([[1, 2, 3], [3, 1, 4, 3], [2]], n_items=4)
    together, n_users = co_occurrences(train, recency=1.0)
    assert together.toarray()[1].tolist() == [0, 0, 1, 2, 1] and n_users.tolist() == [0, 2, 2, 2, 1]


def test_users_of_one_item_have_no_pairs():
    together, _ = co_occurrences(interactions_of([[1], [2], [1]], n_items=2), recency=0.8)
    assert together.nnz == 0
