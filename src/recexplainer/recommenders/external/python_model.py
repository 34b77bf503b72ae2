"""An MLflow model (pyfunc) as an adapter: a table of histories in, a table of scores out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from recexplainer.core.errors import InputError
from recexplainer.recommenders.external.adapter import Adapter, others_code
from recexplainer.recommenders.external.vectors import catalogue_vectors, find_vectors, read_vectors

DESCRIPTION = "MLmodel"  # the file that makes a folder an MLflow model


class PythonModel:
    """Asks the model for `scores`: a row per history, n_items numbers in the order of the catalogue."""

    def __init__(self, predict: Callable[[pd.DataFrame], Any], name: str, items: np.ndarray) -> None:
        self._predict = predict
        self._name = name
        self._items = items  # (n_items + 1, dim), dim 0 without vectors

    @classmethod
    def load(cls, model: Path, raw_item_ids: list[str]) -> Self:
        """Load the model, and the items' vectors where a folder in it holds them."""
        from recexplainer.tracking import fetching

        with others_code(f"MLflow model {model.name}", "loading it"):
            predict = fetching.load_python_model(model)
        return cls(predict, f"MLflow model {model.name}", np.zeros((len(raw_item_ids) + 1, 0)))

    def scores(self, histories: list[list[int]]) -> np.ndarray:
        """Scores (batch, n_items + 1)."""
        n_items = len(self._items) - 1
        scores = self._column("scores", histories)
        if scores.shape != (len(histories), n_items):
            raise InputError(
                f"{self._name}: scores: expected {n_items} numbers for each of {len(histories)} histories, in the "
                f"order of the catalogue, got the shape {scores.shape}"
            )
        return np.concatenate([np.zeros((len(scores), 1)), scores], axis=1)

    def _column(self, name: str, histories: list[list[int]]) -> np.ndarray:
        answer = self._predict(pd.DataFrame({"history": histories}))
        frame = answer if isinstance(answer, pd.DataFrame) else pd.DataFrame(answer)
        if name not in frame.columns:
            found = ", ".join(map(str, frame.columns))
            raise InputError(f"{self._name}: expected a table with the column {name!r}, got the columns {found}")
        return np.array(frame[name].tolist(), dtype=np.float64)


class PythonModelWithVectors(PythonModel):
    """A model that also gives a `user_vector` per row, and holds the items' vectors among its files."""

    @classmethod
    def load(cls, model: Path, raw_item_ids: list[str]) -> Self:
        """Load the model and the items' vectors."""
        loaded = super().load(model, raw_item_ids)
        folder = _folder_of_vectors(model)
        assert folder is not None
        loaded._items = catalogue_vectors(*read_vectors(folder, "item"), raw_item_ids, 0.0, folder)[0].numpy()
        return loaded

    def user_vectors(self, histories: list[list[int]]) -> np.ndarray:
        """The users' vectors (batch, dim)."""
        return self._column("user_vector", histories)

    def item_vectors(self) -> np.ndarray:
        """The items' vectors (n_items + 1, dim)."""
        return self._items


def load_python_model(model: Path, raw_item_ids: list[str]) -> Adapter:
    """The adapter of an MLflow model's folder.

    Raises:
        InputError: The model cannot be loaded, or its files lack an item's vector.
    """
    kind = PythonModel if _folder_of_vectors(model) is None else PythonModelWithVectors
    return kind.load(model, raw_item_ids)


def _folder_of_vectors(model: Path) -> Path | None:
    """The folder in an MLflow model that holds the items' vectors."""
    folders = sorted({file.parent for file in model.rglob("item_vectors.*")})
    return next((folder for folder in folders if find_vectors(folder, "item")), None)
