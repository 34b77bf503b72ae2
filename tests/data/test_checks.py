from __future__ import annotations

import pandas as pd
import pytest

from recexplainer.core.errors import InputError
from recexplainer.data.checks import check_prepared


@pytest.fixture
def good():
    interactions = pd.DataFrame(
        {"user_id": [1, 1, 2], "item_id": [1, 2, 1], "position": [0, 1, 0], "timestamp": [5, 5, 1]}
    )
    catalogue = pd.DataFrame({"item_id": [1, 2], "raw_id": ["A", "B"], "title": ["One", "Two"]})
    users = pd.DataFrame({"user_id": [1, 2], "raw_id": ["U1", "U2"], "split": ["train", "test"]})
    return {"interactions": interactions, "catalogue": catalogue, "users": users}


def test_good_data_pass(good):
    check_prepared(**good)


@pytest.mark.parametrize(
    ("frame", "change", "message"),
    [
        ("catalogue", {"title": ["One", " "]}, "item 'B' has no title"),
        ("catalogue", {"title": ["One", None]}, "item 'B' has no title"),
        ("catalogue", {"title": ["One", "One"]}, "two items have the title 'One'"),
        ("catalogue", {"item_id": [0, 1]}, "item ids"),
        ("interactions", {"item_id": [1, 0, 1]}, "id 0 is reserved for padding"),
        ("interactions", {"user_id": [0, 0, 1]}, "id 0 is reserved for padding"),
        ("interactions", {"item_id": [1, 3, 1]}, "item ids should be 1 to 2"),
        (
            "interactions",
            {"user_id": [1, 1, 1], "position": [0, 1, 2]},
            "1 users have a history, 2 are listed",
        ),
        (
            "interactions",
            {"timestamp": [6, 5, 1]},
            "time runs backwards for user 'U1' at position 1 .6 then 5",
        ),
        ("users", {"raw_id": ["U1", "U1"]}, "user 'U1' is listed twice"),
        ("users", {"split": ["train", "dev"]}, "unknown split 'dev'"),
        ("users", {"user_id": [1, 3]}, "user ids"),
    ],
)
def test_a_broken_promise_is_refused(good, frame, change, message):
    good[frame] = good[frame].assign(**change)
    with pytest.raises(InputError, match=message):
        check_prepared(**good)
