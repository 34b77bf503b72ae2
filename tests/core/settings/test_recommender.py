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
        ("gru4rec.dropout=-0.1", "gru4rec.dropout must be at least 0, not -0.1"),
        ("sasrec.n_heads=3", r"sasrec.dim must be a multiple of n_heads \(3\), not"),
        ("sasrec.n_layers=0", "sasrec.n_layers must be at least 1, not 0"),
        ("gru4rec.max_length=0", "gru4rec.max_length must be at least 1, not 0"),
        ("gru4rec.batch_size=0", "gru4rec.batch_size must be at least 1, not 0"),
        ("sasrec.patience=0", "sasrec.patience must be at least 1, not 0"),
        ("gru4rec.n_negatives=-1", "gru4rec.n_negatives must be at least 1, not -1"),
        ("gru4rec.temperature=0", "gru4rec.temperature must be above 0, not 0"),
        ("sasrec.item_init=zeros", "sasrec.item_init must be one of random, spectral, near"),
        ("gru4rec.schedule=steps", "gru4rec.schedule must be one of constant, cosine"),
        ("mf.dim=0", "mf.dim must be at least 1, not 0"),
        ("mf.regularisation=0", "mf.regularisation must be above 0, not 0"),
        ("mf.confidence=0", "mf.confidence must be above 0, not 0"),
        ("external.regularisation=0", "external.regularisation must be above 0, not 0"),
        ("external.confidence=-1", "external.confidence must be at least 0, not -1"),
    ],
)
def test_a_recommender_that_cannot_be_trained_is_named(assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=f"train_recommender.{message}"):
        load_settings(REPOSITORY / "params.yaml", [f"train_recommender.{assignment}"])
