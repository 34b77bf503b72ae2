from __future__ import annotations

import torch

from recexplainer.recommenders.spectral import spectral_items

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
