from __future__ import annotations

import numpy as np
import torch

from recexplainer.recommenders.base import pad_histories


def test_histories_are_left_padded_and_the_newest_kept():
    padded = pad_histories([[1, 2, 3], [], np.array([4, 5], dtype=np.int32), (6, 0, 7, 8)], 3)
    assert padded.dtype == torch.long
    assert padded.tolist() == [[1, 2, 3], [0, 0, 0], [0, 4, 5], [0, 7, 8]]


def test_no_histories_and_no_length():
    assert pad_histories([], 3).shape == (0, 3)
    assert pad_histories([[1]], 0).shape == (1, 0)
