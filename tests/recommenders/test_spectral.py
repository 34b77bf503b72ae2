from __future__ import annotations

import torch

from recexplainer.recommenders.spectral import near_items, spectral_items

from .worlds import interactions_of


def test_items_of_the_same_users_lie_close():
    groups = [[1, 2, 3], [2, 3, 1], [1, 3]] * 4 + [[4, 5, 6], [6, 5, 4], [4, 6]] * 4 + [[3, 4]]
    vectors = spectral_items(interactions_of(groups, n_items=6), dim=2, seed=1)
    cosine = vectors @ vectors.T
    assert cosine[1, 2] > 0.9 and cosine[4, 5] > 0.9
    assert cosine[1, 5].abs() < 0.3


def test_lengths_are_one_the_padding_is_zero_and_an_item_that_nobody_took_is_drawn():
    train = interactions_of([[1, 2], [2, 3], [1, 3], [1, 2, 3]], n_items=5)
    vectors = spectral_items(train, dim=8, seed=1)  # wider than the rank
    assert vectors.shape == (6, 8) and vectors.dtype == torch.float32
    assert not vectors[0].any() and vectors[4].any() and not torch.equal(vectors[4], vectors[5])
    torch.testing.assert_close(vectors[1:4].norm(dim=1), torch.ones(3))
    assert torch.equal(vectors, spectral_items(train, dim=8, seed=1))
    assert not torch.equal(vectors, spectral_items(train, dim=8, seed=2))


def test_one_user_is_enough():
    assert spectral_items(interactions_of([[1, 2]], n_items=2), dim=4, seed=0).isfinite().all()


TEXTS = ["red cup", "red mug", "red jug", "blue hat", "blue cap", "blue hood"]


def cosines(vectors: torch.Tensor) -> torch.Tensor:
    return vectors @ vectors.T


def test_items_that_stand_near_each_other_lie_closer_than_those_far_apart():
    walks = interactions_of([[1, 2, 3, 4, 5, 6]] * 10, n_items=6)
    fading, even = (cosines(near_items(walks, 2, 1, recency, [], 0.0)) for recency in (0.3, 1.0))
    assert fading[1, 2] > fading[1, 3] > fading[1, 4]
    assert fading[1, 2] - fading[1, 6] > even[1, 2] - even[1, 6] + 0.5


def test_texts_place_items_beside_what_was_taken_together():
    crossed = [[1, 4], [4, 1], [2, 5], [5, 2], [3, 3]]  # each pair has a red and a blue item; 6 was never taken
    taken, both = (cosines(near_items(interactions_of(crossed, 6), 3, 1, 0.8, TEXTS, weight)) for weight in (0.0, 20.0))
    assert both[6, [4, 5]].min() > 0.8 > 0.3 > both[6, [1, 2]].abs().max()
    assert taken[1, 4] > 0.9 and taken[1, 2] < 0.3 and both[1, 2] > 0.8


def test_near_items_have_length_one_and_follow_the_seed():
    train = interactions_of([[1, 2], [2, 3], [1, 3], [1, 2, 3]], n_items=6)
    vectors = near_items(train, 4, 1, 0.8, TEXTS, 0.5)
    assert vectors.shape == (7, 4) and vectors.dtype == torch.float32 and not vectors[0].any()
    torch.testing.assert_close(vectors[1:].norm(dim=1), torch.ones(6))
    assert torch.equal(vectors, near_items(train, 4, 1, 0.8, TEXTS, 0.5))
    wide = near_items(train, 9, 1, 0.8, TEXTS, 0.5)  # wider than there are items
    assert wide.shape == (7, 9) and wide.isfinite().all()


def test_texts_without_a_common_word_change_nothing():
    train = interactions_of([[1, 2], [2, 3], [1, 3]], n_items=3)
    assert torch.equal(near_items(train, 2, 1, 0.8, ["a", "b", ""], 1.0), near_items(train, 2, 1, 0.8, [], 0.0))
