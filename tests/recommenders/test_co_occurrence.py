from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from recexplainer.recommenders import co_occurrence
from recexplainer.recommenders.baselines import ItemKNN
from recexplainer.recommenders.co_occurrence import co_occurrence_blocks, co_occurrences

from .worlds import interactions_of, random_draws


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


@pytest.mark.parametrize("recency", [1.0, 0.8])
def test_blocks_of_rows_are_the_matrix_whatever_their_size(recency, monkeypatch):
    train = random_draws(n_users=60, n_items=40)
    whole, n_users = co_occurrences(train, recency)
    monkeypatch.setattr(co_occurrence, "PAIRS_AT_ONCE", 50)
    blocks, same_users = co_occurrence_blocks(train, recency)
    rows = [block.toarray() for block in blocks]
    assert len(rows) > 5 and np.array_equal(np.concatenate(rows), whole.toarray())
    assert np.array_equal(same_users, n_users) and (whole != whole.T).nnz == 0


def test_item_knn_needs_no_more_memory_than_a_block_of_pairs(monkeypatch):
    rng = np.random.default_rng(0)
    train = interactions_of([rng.choice(2000, 120, replace=False) + 1 for _ in range(100)], n_items=2000)
    whole, _ = co_occurrences(train, 0.9)
    monkeypatch.setattr(co_occurrence, "PAIRS_AT_ONCE", 2**10)
    tracemalloc.start()
    ItemKNN.fit(train, n_neighbours=5, normalisation=0.5, recency=0.9)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.25 * (whole.data.nbytes + whole.indices.nbytes)
