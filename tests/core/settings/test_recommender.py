from __future__ import annotations

from collections.abc import Callable

import pytest

from recexplainer.core.errors import InputError
from recexplainer.core.settings import load_settings
from tests.conftest import REPOSITORY


def test_a_wrong_value_is_named(refused: Callable[..., None]) -> None:
    refused("recommender", "kind", "gru", "recommender.kind must be one of")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("item_knn.recency=[0.5,0]", r"item_knn.recency\[1\] must be above 0, not 0"),
        ("item_knn.normalisation=[1.5]", r"item_knn.normalisation\[0\] must be at most 1, not 1.5"),
        ("item_knn.n_neighbours=[]", "item_knn.n_neighbours must be a list with at least one value"),
        ("gru4rec.init_recency=1.1", "gru4rec.init_recency must be at most 1, not 1.1"),
        ("sasrec.init_text_weight=-1", "sasrec.init_text_weight must be at least 0"),
        ("sasrec.attention_init=zeros", "sasrec.attention_init must be one of random, mean"),
        ("sasrec.dropout=1", "sasrec.dropout must be below 1, not 1"),
    ],
)
def test_a_recommender_that_cannot_be_trained_is_named(assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=f"train_recommender.{message}"):
        load_settings(REPOSITORY / "params.yaml", [f"train_recommender.{assignment}"])
