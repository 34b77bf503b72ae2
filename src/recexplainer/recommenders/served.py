"""The recommender as an MLflow model: a history of item ids in, the best items out.

MLflow runs this file when it loads the model; the weights come from safetensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow.models
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

from recexplainer.recommenders import base, external, gru4rec, mf, sasrec  # noqa: F401  (they make themselves known)
from recexplainer.serving.fields import check_names, item_ids, read_flag, read_histories, read_number
from recexplainer.serving.model import ServedModel

K, MAX_K = 10, 1_000_000  # items: by default, and at most; there are no more than the catalogue has

SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(AnyType(), "history")]),
    outputs=Schema([ColSpec(Array(DataType.long), "item_ids"), ColSpec(Array(DataType.double), "scores")]),
    params=ParamSchema([ParamSpec("k", DataType.long, K), ParamSpec("exclude_seen", DataType.boolean, True)]),
)


class ServedRecommender(ServedModel):
    """Ranks the catalogue for each history; item ids are those of the prepared catalogue, oldest first."""

    def load(self, folder: Path) -> None:
        """Load the weights."""
        self.recommender = base.load_recommender(folder)

    def read_params(self, params: dict[str, Any]) -> tuple[int, bool]:
        """The parameters `k` and `exclude_seen`."""
        check_names(params, ("k", "exclude_seen"), "params")
        return read_number(params, "k", K, 1, MAX_K), read_flag(params, "exclude_seen", True)

    def read(self, rows: pd.DataFrame, params: tuple[int, bool]) -> tuple[list[list[int]], int, bool]:
        """Histories, each of which may be empty, and the parameters."""
        return read_histories(rows["history"], item_ids(self.recommender.n_items), 0), *params

    def answer(self, asked: tuple[list[list[int]], int, bool]) -> pd.DataFrame:
        """Return ``item_ids`` and ``scores`` of the ``k`` best items, best first; fewer where no others are left."""
        histories, k, exclude_seen = asked
        best = self.recommender.scores(histories, exclude_seen=exclude_seen).topk(min(k, self.recommender.n_items))
        n_left = best.values.isfinite().sum(dim=1).tolist()  # padding and the history's items come after them
        tables = {"item_ids": best.indices.tolist(), "scores": best.values.tolist()}
        return pd.DataFrame(
            {name: [row[:n] for row, n in zip(rows, n_left, strict=True)] for name, rows in tables.items()}
        )


mlflow.models.set_model(ServedRecommender())
