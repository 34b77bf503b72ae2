"""The recommender as an MLflow model: a history of item ids in, the best items out.

MLflow runs this file when it loads the model; the weights come from safetensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow.models
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.pyfunc.model import PythonModel
from mlflow.types.schema import Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

from recexplainer.errors import InputError
from recexplainer.recommenders import base, external, gru4rec, mf, sasrec  # noqa: F401  (they make themselves known)

SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(Array(DataType.long), "history")]),
    outputs=Schema([ColSpec(Array(DataType.long), "item_ids"), ColSpec(Array(DataType.double), "scores")]),
    params=ParamSchema([ParamSpec("k", DataType.long, 10), ParamSpec("exclude_seen", DataType.boolean, True)]),
)


class ServedRecommender(PythonModel):
    """Ranks the catalogue for each history; item ids are those of the prepared catalogue, oldest first."""

    def load_context(self, context: Any) -> None:
        """Load the weights."""
        self.recommender = base.load_recommender(Path(context.artifacts["model"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return ``item_ids`` and ``scores`` of the ``k`` best items, best first.

        Raises:
            InputError: for an item id outside of the catalogue.
        """
        asked = {"k": 10, "exclude_seen": True} | (params or {})
        histories = [[int(item) for item in history] for history in model_input["history"]]
        n_items = self.recommender.n_items
        if any(not 1 <= item <= n_items for history in histories for item in history):
            raise InputError(f"history: item ids are 1 to {n_items}")
        scores = self.recommender.scores(histories, exclude_seen=bool(asked["exclude_seen"]))
        best = scores.topk(min(int(asked["k"]), n_items))
        return pd.DataFrame({"item_ids": best.indices.tolist(), "scores": best.values.tolist()})


mlflow.models.set_model(ServedRecommender())
