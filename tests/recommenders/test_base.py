from __future__ import annotations

import numpy as np
import torch

from recexplainer.recommenders import base
from recexplainer.recommenders.base import pad_histories
from recexplainer.recommenders.baselines import ItemKNN

from . import worlds


def test_histories_are_left_padded_and_the_newest_kept():
    padded = pad_histories([[1, 2, 3], [], np.array([4, 5], dtype=np.int32), (6, 0, 7, 8)], 3)
    assert padded.dtype == torch.long
    assert padded.tolist() == [[1, 2, 3], [0, 0, 0], [0, 4, 5], [0, 7, 8]]


def test_no_histories_and_no_length():
    assert pad_histories([], 3).shape == (0, 3)
    assert pad_histories([[1]], 0).shape == (1, 0)


def test_each_history_s_scores_come_from_blocks_that_a_large_catalogue_makes_small(monkeypatch):
    recommender = ItemKNN.fit(worlds.ring_walks(), n_neighbours=5, normalisation=0.5, recency=0.8)
    histories, asked = [[1, 2], [3], [], [4, 5, 6], [7]], []
    expected = recommender.scores(histories, exclude_seen=True).double().numpy()
    scores = recommender.scores
    monkeypatch.setattr(recommender, "scores", lambda some, *given: asked.append(len(some)) or scores(some, *given))
    monkeypatch.setattr(base, "SCORES_AT_ONCE", 2 * (recommender.n_items + 1))
    assert np.array_equal(np.stack(list(recommender.each_scores(histories, exclude_seen=True))), expected)
    assert asked == [2, 2, 1]
