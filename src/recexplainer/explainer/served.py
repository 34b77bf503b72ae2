"""The explainer as an MLflow model: a user's history and an item in, the verdict and its explanation out.

MLflow runs this file when it loads the model; weights come from safetensors, the base LLM from where it was
trained from.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import mlflow.models
import pandas as pd
import torch
from mlflow.models import ModelSignature
from mlflow.pyfunc.model import PythonModel
from mlflow.types.schema import Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

from recexplainer import store
from recexplainer.alignment.examples import Example
from recexplainer.alignment.prompts import PromptWriter, render
from recexplainer.alignment.tasks import interest_classification
from recexplainer.errors import InputError
from recexplainer.explainer.generate import answer
from recexplainer.explainer.model import load_explainer

SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(Array(DataType.long), "history"), ColSpec(DataType.long, "item_id")]),
    outputs=Schema(
        [ColSpec(DataType.string, "verdict"), ColSpec(DataType.double, "p_yes"), ColSpec(DataType.string, "text")]
    ),
    params=ParamSchema([ParamSpec("max_new_tokens", DataType.long, 80)]),
)


class ServedExplainer(PythonModel):
    """Explains decisions about any history; item ids are those of the prepared catalogue, oldest first."""

    def load_context(self, context: Any) -> None:
        """Load the explainer with its recommender and catalogue."""
        folder = Path(context.artifacts["model"])
        self.explainer = load_explainer(folder)
        catalogue = store.read_catalogue(folder / store.CATALOGUE.name)
        self.writer = PromptWriter(catalogue, self.explainer.settings["n_categories"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return ``verdict``, ``p_yes`` and ``text`` per row.

        Raises:
            InputError: for an empty history or an item id outside of the catalogue.
        """
        recommender = self.explainer.recommender
        assert recommender is not None
        histories = [[int(item) for item in history] for history in model_input["history"]]
        items = [int(item) for item in model_input["item_id"]]
        for history, item in zip(histories, items, strict=True):
            if not history or not all(1 <= i <= recommender.n_items for i in [*history, item]):
                raise InputError(
                    f"history and item_id: a history has items, and item ids are 1 to {recommender.n_items}"
                )
        if recommender.has_vectors:
            self.explainer.user_vectors = recommender.user_vectors(histories)
        shown = self.explainer.settings["max_history"]
        examples = [
            Example(
                task=interest_classification.NAME,
                split="",
                answer="",
                vector_row=row,
                history=history[-shown:],
                items=[item],
                aspect=interest_classification.EXPLAIN,
            )
            for row, (history, item) in enumerate(zip(histories, items, strict=True))
        ]
        wanted = {"max_new_tokens": 80} | (params or {})
        with torch.inference_mode():
            words, n_new = partial(render, self.writer), int(wanted["max_new_tokens"])
            answers, _ = answer(self.explainer, words, examples, 2048, n_new, 16)
        return pd.DataFrame([{"verdict": a.verdict, "p_yes": a.p_yes, "text": a.text} for a in answers])


mlflow.models.set_model(ServedExplainer())
