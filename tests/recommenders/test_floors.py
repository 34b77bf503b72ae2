from __future__ import annotations

import math

import pytest
import torch

from recexplainer.recommenders.floors import ItemKNN, Popularity

from .worlds import interactions_of

TRAIN = interactions_of([[1, 2], [1, 2, 3], [3], [1, 4, 4]], n_items=5)


def test_popularity_counts_interactions():
    scores = Popularity.fit(TRAIN).scores([[1], [5]])
    assert scores[:, 1:].tolist() == [[3, 2, 2, 2, 0]] * 2


def test_cosines_worked_by_hand():
    # users of 1: {1, 2, 4}, of 2: {1, 2}, of 3: {2, 3}, of 4: {4} (its repeat counts once), of 5: none
    scores = ItemKNN.fit(TRAIN, n_neighbours=5).scores([[1], [2], [5]])
    first = [0, 2 / math.sqrt(6), 1 / math.sqrt(6), 1 / math.sqrt(3), 0]
    torch.testing.assert_close(scores[0, 1:], torch.tensor(first))
    torch.testing.assert_close(scores[1, 1:], torch.tensor([2 / math.sqrt(6), 0, 1 / 2, 0, 0]))
    assert scores[2, 1:].tolist() == [0] * 5


def test_similarities_of_a_history_add_up_in_any_order():
    recommender = ItemKNN.fit(TRAIN, n_neighbours=5)
    both = recommender.scores([[1, 2], [2, 0, 1]])
    assert torch.equal(both[0], both[1])
    torch.testing.assert_close(both[0, 1:], recommender.scores([[1], [2]])[:, 1:].sum(dim=0))


@pytest.mark.parametrize(("n_neighbours", "kept"), [(1, [2]), (2, [2, 4]), (3, [2, 3, 4])])
def test_only_the_nearest_count(n_neighbours, kept):
    scores = ItemKNN.fit(TRAIN, n_neighbours).scores([[1]])[0]
    assert [item for item in range(1, 6) if scores[item] > 0] == kept
