from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.interactions import PADDING_ID, Interactions


def frame(rows):
    return pd.DataFrame(rows, columns=["user_id", "item_id", "position"])


GOOD = [(1, 3, 0), (1, 1, 1), (1, 3, 2), (2, 2, 0)]


def test_sequences_are_cut_out_of_one_array():
    interactions = Interactions.from_frame(frame(GOOD), n_items=4)
    assert PADDING_ID == 0
    assert (interactions.n_users, interactions.n_items, len(interactions)) == (2, 4, 4)
    assert interactions.offsets.tolist() == [0, 0, 3, 4]
    assert interactions.sequence(1).tolist() == [3, 1, 3]
    assert interactions.sequence(2).tolist() == [2]
    assert interactions.item_ids.dtype == np.int32 and interactions.offsets.dtype == np.int64
    for user_id in (0, 3, -1):
        with pytest.raises(KeyError):
            interactions.sequence(user_id)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "the table is empty"),
        ([(2, 1, 0)], "user ids"),
        ([(1, 1, 0), (3, 1, 0)], "user ids"),
        ([(1, 1, 0), (2, 1, 0), (1, 1, 1)], "user ids"),
        ([(1, 0, 0)], "item ids should be 1 to 4"),
        ([(1, 5, 0)], "item ids should be 1 to 4"),
        ([(1, 1, 1), (1, 1, 0)], "positions"),
        ([(1, 1, 0), (2, 1, 1)], "positions"),
    ],
)
def test_a_frame_that_breaks_its_promises_is_refused(rows, message):
    with pytest.raises(InputError, match=message):
        Interactions.from_frame(frame(rows), n_items=4)
