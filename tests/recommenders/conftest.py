from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch

from recexplainer.recommenders.ranking import leave_one_out
from recexplainer.recommenders.training import Training, train_recommender

from . import made_elsewhere, worlds

torch.set_num_threads(1)  # matrices this small are slower on several threads, much slower beside a busy process

SETTINGS = {
    "sasrec": {
        "dim": 16,
        "n_layers": 1,
        "n_heads": 2,
        "max_length": 8,
        "dropout": 0.1,
        "learning_rate": 0.01,
        "weight_decay": 0.01,
        "batch_size": 32,
        "max_epochs": 12,
        "patience": 4,
    },
    "gru4rec": {
        "dim": 16,
        "n_layers": 1,
        "max_length": 8,
        "dropout": 0.1,
        "learning_rate": 0.01,
        "weight_decay": 0.01,
        "batch_size": 32,
        "max_epochs": 12,
        "patience": 4,
    },
    "mf": {"dim": 8, "iterations": 5, "regularisation": 1.0, "confidence": 5.0},
    "item_knn": {"n_neighbours": 10, "normalisation": 0.5, "recency": 1.0},
    "popularity": {},
}
KINDS = tuple(SETTINGS)
SEQUENCE_KINDS = ("sasrec", "gru4rec")
TRAINED_KINDS = (*SEQUENCE_KINDS, "mf", "item_knn")
VECTOR_KINDS = (*SEQUENCE_KINDS, "mf")


@pytest.fixture(scope="session")
def trained() -> Callable[[str], Training]:
    """A recommender of a kind, trained once on ring walks."""
    split = leave_one_out(worlds.ring_walks())
    made: dict[str, Training] = {}

    def of_kind(kind: str) -> Training:
        if kind not in made:
            made[kind] = train_recommender(kind, split, SETTINGS[kind], seed=3)
        return made[kind]

    return of_kind


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Training]:
    """A recommender of a kind that was made elsewhere, opened once."""
    return cache(lambda kind: made_elsewhere.opened(kind, tmp_path_factory.mktemp("elsewhere") / kind))
