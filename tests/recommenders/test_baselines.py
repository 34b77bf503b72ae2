from __future__ import annotations

import math

import pytest
import torch

from recexplainer.recommenders.baselines import ItemKNN, Popularity

from .worlds import interactions_of

TRAIN = interactions_of([[1, 2], [1, 2, 3], [3], [1, 4, 4]], n_items=5)
COSINE = {"n_neighbours": 5, "normalisation": 0.5, "recency": 1.0}


def test_popularity_counts_interactions():
    scores = Popularity.fit(TRAIN).scores([[1], [5]])
    assert scores[:, 1:].tolist() == [[3, 2, 2, 2, 0]] * 2


def test_cosines_worked_by_hand():
    # users of 1: {1, 2, 4}, of 2: {1, 2}, of 3: {2, 3}, of 4: {4} (its repeat counts once), of 5: none
    scores = ItemKNN.fit(TRAIN, **COSINE).scores([[1], [2], [5]])
    first = [0, 2 / math.sqrt(6), 1 / math.sqrt(6), 1 / math.sqrt(3), 0]
    torch.testing.assert_close(scores[0, 1:], torch.tensor(first))
    torch.testing.assert_close(scores[1, 1:], torch.tensor([2 / math.sqrt(6), 0, 1 / 2, 0, 0]))
    assert scores[2, 1:].tolist() == [0] * 5


def test_similarities_of_a_history_add_up_in_any_order():
    recommender = ItemKNN.fit(TRAIN, **COSINE)
    both = recommender.scores([[1, 2], [2, 0, 1]])
    assert torch.equal(both[0], both[1])
    torch.testing.assert_close(both[0, 1:], recommender.scores([[1], [2]])[:, 1:].sum(dim=0))


@pytest.mark.parametrize(("n_neighbours", "kept"), [(1, [2]), (2, [2, 4]), (3, [2, 3, 4])])
def test_only_the_nearest_count(n_neighbours, kept):
    scores = ItemKNN.fit(TRAIN, **{**COSINE, "n_neighbours": n_neighbours}).scores([[1]])[0]
    assert [item for item in range(1, 6) if scores[item] > 0] == kept


def test_a_lower_normalisation_leaves_popular_items_ahead():
    # together with 1 (three users): 2 twice (two users), 3 once (two users), 4 once (one user)
    counts = ItemKNN.fit(TRAIN, **{**COSINE, "normalisation": 0.0}).scores([[1]])[0]
    assert counts[1:].tolist() == [0, 2, 1, 1, 0]
    between = ItemKNN.fit(TRAIN, **{**COSINE, "normalisation": 0.25}).scores([[1]])[0]
    torch.testing.assert_close(between[1:], torch.tensor([0, 2 / 6**0.25, 1 / 6**0.25, 1 / 3**0.25, 0]))


def test_recency_fades_pairs_and_histories_by_the_items_between():
    train = interactions_of([[1, 2, 3, 4], [4, 2], [5, 1, 5, 2]], n_items=5)
    recommender = ItemKNN.fit(train, n_neighbours=5, normalisation=0.0, recency=0.5)
    # of 5, which was taken twice, the newer counts: 1 5 2
    pairs = {1: [0, 1 + 0.5, 0.5, 0.25, 1], 4: [0.25, 0.5 + 1, 1, 0, 0]}
    for item, expected in pairs.items():
        torch.testing.assert_close(recommender.scores([[item]])[0, 1:], torch.tensor(expected))
    both = 0.5 * torch.tensor(pairs[4]) + torch.tensor(pairs[1])
    for history in ([4, 1], [4, 0, 1], [0, 4, 1, 0]):  # padding puts nothing between
        torch.testing.assert_close(recommender.scores([history])[0, 1:], both)


def test_fitted_together_is_as_fitted_alone():
    choices = [(1, 0.5), (5, 0.5), (5, 0.0)]
    together = ItemKNN.fit_each(TRAIN, 0.8, choices)
    for (n_neighbours, normalisation), recommender in zip(choices, together, strict=True):
        alone = ItemKNN.fit(TRAIN, n_neighbours=n_neighbours, normalisation=normalisation, recency=0.8)
        assert recommender.config() == alone.config()
        assert torch.equal(recommender.neighbours, alone.neighbours)
        assert torch.equal(recommender.similarities, alone.similarities)
