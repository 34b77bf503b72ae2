from __future__ import annotations

import pytest

from recexplainer.recommenders.baselines import Popularity
from recexplainer.recommenders.served import ServedRecommender
from tests.recommenders.worlds import interactions_of


@pytest.mark.parametrize("history, left", [([1, 2], [3, 5, 4]), ([1, 2, 3, 4, 5], [])])
def test_more_items_than_are_left_are_neither_padding_nor_of_the_history(history: list[int], left: list[int]) -> None:
    served = ServedRecommender()
    served.recommender = Popularity.fit(interactions_of([[1, 2, 3], [3, 5, 4], [3, 5]], 5))
    answer = served.answer(([history], 10, True))
    assert answer["item_ids"].tolist() == [left] and answer["scores"].map(len).tolist() == [len(left)]
